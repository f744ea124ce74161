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
    /// The source as the guard looks at it: tried again as every other look, and able to change nothing.
    looking: Arc<dyn Store>,
    target: Arc<dyn Store>,
    open: Opener,
    /// How requests to the target's project are made.
    of_target: CallOptions,
    gate: Gate,
}

impl Hands {
    /// Takes both sides, each with how requests to its system are made, and opens other indexes, behind `gate`.
    pub fn new(
        (source, of_source): (&dyn Opened, CallOptions),
        (target, of_target): (&dyn Opened, CallOptions),
        open: impl Fn(&str) -> Result<Arc<dyn Opened>> + Send + Sync + 'static,
        gate: Gate,
    ) -> Self {
        Self {
            looking: source.through(Calls::new(of_source).behind(Gate::ReadOnly)),
            source: at_once(source, of_source, &gate),
            target: at_once(target, of_target, &gate),
            open: Arc::new(open),
            of_target,
            gate,
        }
    }

    /// Opens another index of the target's project for reading and writing.
    pub fn open(&self, name: &str) -> Result<Arc<dyn Target>> {
        let calls = Calls::new(self.of_target).behind(self.gate.clone());
        Ok((self.open)(name)?.through(calls))
    }

    pub(super) fn source(&self) -> &dyn Store {
        &*self.source
    }

    pub(super) fn looking_at_source(&self) -> &dyn Store {
        &*self.looking
    }

    pub(super) fn target(&self) -> &dyn Store {
        &*self.target
    }

    pub(super) fn other(&self, name: &str) -> Result<Arc<dyn Store>> {
        Ok(at_once(&*(self.open)(name)?, self.of_target, &self.gate))
    }
}

/// Gives an index the deadlines of its system, but no retries or throttle: a check must be followed by its effect without
/// waiting.
fn at_once(index: &dyn Opened, of_system: CallOptions, gate: &Gate) -> Arc<dyn Store> {
    let options = CallOptions {
        retry: RetryOptions::never(),
        timeout: of_system.timeout,
        ..CallOptions::default()
    };
    index.through(Calls::new(options).behind(gate.clone()))
}
