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

    /// Returns names of what holds its records, the same by whatever name, address and credentials it is reached: two
    /// indexes that share one show the same records.
    ///
    /// # Behavior
    /// - None if there is no such index, or nobody can tell.
    async fn storage(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Returns what of an index is read and what is not, and what else a reader of the plan should know.
    ///
    /// # Behavior
    /// - `None` if there is nothing to say, or no such index.
    async fn inventory(&self) -> Result<Option<Inventory>> {
        Ok(None)
    }
}
