use std::sync::{Arc, PoisonError, RwLock};

use futures::future::BoxFuture;

use super::Operation;
use crate::error::{Error, ErrorKind, Result};

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Decides which attempts may be made. It stands directly before the wire and its deadline, so that every attempt passes it.
#[derive(Clone, Default)]
pub enum Gate {
    /// Lets everything through.
    #[default]
    Open,
    /// Asks before every attempt that would change an index.
    Fenced(Fence),
    /// Lets nothing through that would change an index; `plan` and everything else that only looks runs behind it.
    ReadOnly,
}

impl Gate {
    pub(super) async fn pass(&self, operation: &Operation<'_>) -> Result<()> {
        if !operation.request.is_write() {
            return Ok(());
        }
        let passed = match self {
            Self::Open => Ok(()),
            Self::Fenced(fence) => fence.pass().await,
            Self::ReadOnly => {
                Err(Error::new(ErrorKind::Refused, "this command may not change an index"))
            }
        };
        passed.map_err(|error| error.with_operation(operation.request.name()))
    }
}

/// A check before every call that changes an index, which may wait; open until it is closed with one. Cloning shares it.
#[derive(Clone, Default)]
pub struct Fence(Arc<RwLock<Option<Check>>>);

impl Fence {
    /// Lets calls that change an index through only if `check` passes, from now on.
    pub fn close(
        &self,
        check: impl Fn() -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
    ) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(check));
    }

    /// Passes as the check does.
    ///
    /// # Errors
    /// Those of the check.
    pub async fn pass(&self) -> Result<()> {
        let check = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        match check {
            Some(check) => check().await,
            None => Ok(()),
        }
    }
}
