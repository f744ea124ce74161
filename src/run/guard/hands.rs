use std::sync::Arc;

use crate::error::Result;
use crate::provider::layer::{RetryOptions, StackOptions, stack};
use crate::provider::{Admin, Target};

/// Opens another index of the target's project.
type Opener = Arc<dyn Fn(&str) -> Result<Arc<dyn Admin>> + Send + Sync>;

/// The handles that can delete and unprotect an index. Only the guard uses them.
#[derive(Clone)]
pub(in crate::run) struct Hands {
    source: Arc<dyn Admin>,
    target: Arc<dyn Admin>,
    open: Opener,
}

impl Hands {
    /// Takes both sides, and opens other indexes, without layers.
    pub fn new(
        source: Arc<dyn Admin>,
        target: Arc<dyn Admin>,
        open: impl Fn(&str) -> Result<Arc<dyn Admin>> + Send + Sync + 'static,
    ) -> Self {
        Self { source: at_once(source), target: at_once(target), open: Arc::new(open) }
    }

    /// Opens another index of the target's project for reading and writing.
    pub fn open(&self, name: &str) -> Result<Arc<dyn Target>> {
        Ok(stack((self.open)(name)?, StackOptions::serverless()).0)
    }

    pub(super) fn source(&self) -> &dyn Admin {
        &*self.source
    }

    pub(super) fn target(&self) -> &dyn Admin {
        &*self.target
    }

    pub(super) fn other(&self, name: &str) -> Result<Arc<dyn Admin>> {
        (self.open)(name).map(at_once)
    }
}

/// Gives an index a deadline, but no retries or throttle: a check must be followed by its effect without waiting.
fn at_once(index: Arc<dyn Admin>) -> Arc<dyn Admin> {
    let options = StackOptions { retry: RetryOptions::never(), ..StackOptions::default() };
    stack(index, options).0
}
