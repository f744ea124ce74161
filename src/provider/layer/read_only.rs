use std::sync::Arc;

use futures::future::BoxFuture;

use super::{Layer, Layered, Operation};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Admin, Source};

/// A layer that refuses every call that would change an index; `plan` and everything else that only looks runs behind
/// it.
pub struct ReadOnlyLayer;

impl Layer for ReadOnlyLayer {
    async fn call<'a, T, F>(&'a self, operation: Operation<'a>, make: F) -> Result<T>
    where
        T: Send + 'a,
        F: Fn() -> BoxFuture<'a, Result<T>> + Send + Sync + 'a,
    {
        if operation.is_write {
            return Err(Error::new(ErrorKind::Refused, "this command may not change an index")
                .with_operation(operation.name));
        }
        make().await
    }
}

/// Puts `target` behind a [`ReadOnlyLayer`].
pub fn read_only(target: Arc<dyn Admin>) -> Arc<dyn Admin> {
    Arc::new(Layered::new(ReadOnlyLayer, target))
}

/// Puts `source` behind a [`ReadOnlyLayer`]. A source cannot be written to anyway; this makes doubly sure.
pub fn read_only_source(source: Arc<dyn Source>) -> Arc<dyn Source> {
    Arc::new(Layered::new(ReadOnlyLayer, source))
}
