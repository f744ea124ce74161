use std::sync::Arc;

use crate::error::Result;
use crate::store::calls::{CallOptions, Calls, Gate, RetryOptions};
use crate::store::{Opened, Store, Target};

/// Opens another index of the target's project.
type Opener = Arc<dyn Fn(&str) -> Result<Arc<dyn Opened>> + Send + Sync>;

/// The handles that can delete and unprotect an index. Nothing outside this room sees them, and in it only the guard uses them.
#[derive(Clone)]
pub(super) struct Hands {
    source: Arc<dyn Store>,
    target: Arc<dyn Store>,
    open: Opener,
    gate: Gate,
}

impl Hands {
    /// Takes both sides, and opens other indexes, behind `gate`.
    pub fn new(
        source: &dyn Opened,
        target: &dyn Opened,
        open: impl Fn(&str) -> Result<Arc<dyn Opened>> + Send + Sync + 'static,
        gate: Gate,
    ) -> Self {
        let (source, target) = (at_once(source, &gate), at_once(target, &gate));
        Self { source, target, open: Arc::new(open), gate }
    }

    /// Opens another index of the target's project for reading and writing.
    pub fn open(&self, name: &str) -> Result<Arc<dyn Target>> {
        let calls = Calls::new(CallOptions::within_rates()).behind(self.gate.clone());
        Ok((self.open)(name)?.through(calls))
    }

    pub(super) fn source(&self) -> &dyn Store {
        &*self.source
    }

    pub(super) fn target(&self) -> &dyn Store {
        &*self.target
    }

    pub(super) fn other(&self, name: &str) -> Result<Arc<dyn Store>> {
        Ok(at_once(&*(self.open)(name)?, &self.gate))
    }
}

/// Gives an index a deadline, but no retries or throttle: a check must be followed by its effect without waiting.
fn at_once(index: &dyn Opened, gate: &Gate) -> Arc<dyn Store> {
    let options = CallOptions { retry: RetryOptions::never(), ..CallOptions::default() };
    index.through(Calls::new(options).behind(gate.clone()))
}
