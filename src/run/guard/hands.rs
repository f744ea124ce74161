use std::sync::Arc;

use crate::error::Result;
use crate::provider::layer::{RetryOptions, StackOptions, stack};
use crate::provider::{Admin, Target};

/// Opens another index of the target's project.
type Opener = Arc<dyn Fn(&str) -> Result<Arc<dyn Admin>> + Send + Sync>;

/// What can delete and unprotect. Nothing outside the guard reaches into it.
#[derive(Clone)]
pub(in crate::run) struct Hands {
    source: Arc<dyn Admin>,
    target: Arc<dyn Admin>,
    open: Opener,
}

impl Hands {
    /// `source`, `target` and what `open` opens come without layers.
    pub fn new(
        source: Arc<dyn Admin>,
        target: Arc<dyn Admin>,
        open: impl Fn(&str) -> Result<Arc<dyn Admin>> + Send + Sync + 'static,
    ) -> Self {
        Self { source: at_once(source), target: at_once(target), open: Arc::new(open) }
    }

    /// Another index of the target's project, to be looked at and filled.
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

/// Gives an index a deadline and nothing that waits: what was looked at a moment ago is what is acted on.
fn at_once(index: Arc<dyn Admin>) -> Arc<dyn Admin> {
    let options = StackOptions { retry: RetryOptions::never(), ..StackOptions::default() };
    stack(index, options).0
}
