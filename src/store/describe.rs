use async_trait::async_trait;

use super::Inventory;
use crate::error::Result;
use crate::model::{IndexDescription, IndexStats};

/// What is there.
#[async_trait]
pub trait Describe: Send + Sync {
    /// Describes the index as its control plane sees it.
    ///
    /// # Behavior
    /// - `None` if there is no such index; that is not an error.
    /// - An unknown state or an unknown field of the answer is kept or ignored, never an error.
    async fn describe(&self) -> Result<Option<IndexDescription>>;

    /// Returns counts per namespace, as the index itself gives them.
    ///
    /// # Behavior
    /// - Empty namespaces may be absent.
    /// - On an eventually consistent index it may lag behind writes.
    /// - `NotFound` if there is no such index.
    async fn stats(&self) -> Result<IndexStats>;

    /// Returns what an index of files is made of: what is read of them and what is not.
    ///
    /// # Behavior
    /// - `None` if it is an index of a service, or does not exist.
    async fn inventory(&self) -> Result<Option<Inventory>> {
        Ok(None)
    }
}
