use std::sync::{Arc, PoisonError, RwLock};

use futures::future::BoxFuture;

use super::{Layer, Layered, Operation};
use crate::error::Result;
use crate::provider::Admin;

type Check = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// A check before every call that changes an index; open until it is closed with one. Cloning shares it.
#[derive(Clone, Default)]
pub struct Fence(Arc<RwLock<Option<Check>>>);

impl Fence {
    /// Lets calls that change an index through only if `check` passes, from now on.
    pub fn close(&self, check: impl Fn() -> Result<()> + Send + Sync + 'static) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(check));
    }

    fn pass(&self) -> Result<()> {
        let check = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        check.map_or(Ok(()), |check| check())
    }
}

/// Asks a [`Fence`] before every attempt that would change an index.
pub struct FenceLayer(Fence);

impl Layer for FenceLayer {
    async fn call<'a, T, F>(&'a self, operation: Operation<'a>, make: F) -> Result<T>
    where
        T: Send + 'a,
        F: Fn() -> BoxFuture<'a, Result<T>> + Send + Sync + 'a,
    {
        if operation.is_write {
            self.0.pass().map_err(|error| error.with_operation(operation.name))?;
        }
        make().await
    }
}

/// Puts `index` behind a [`FenceLayer`]. It goes directly around the provider, so that every attempt passes it.
pub fn fence(index: Arc<dyn Admin>, fence: &Fence) -> Arc<dyn Admin> {
    Arc::new(Layered::new(FenceLayer(fence.clone()), index))
}
