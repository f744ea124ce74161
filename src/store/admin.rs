use async_trait::async_trait;

use crate::error::Result;
use crate::model::IndexSpec;

/// Making an index.
#[async_trait]
pub trait Admin: Send + Sync {
    /// Asks for the index; it may not be ready yet when this returns.
    ///
    /// # Behavior
    /// - `AlreadyExists` if the name is taken, whatever the other index looks like.
    async fn create(&self, spec: &IndexSpec) -> Result<()>;

    /// Creates an index as [`Admin::create`] does, with the records of `collection` in it.
    ///
    /// # Behavior
    /// - The records may appear after the index is ready.
    /// - `AlreadyExists` if the name is taken.
    async fn create_from(&self, spec: &IndexSpec, collection: &str) -> Result<()>;
}
