use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Filter, IndexStats};

/// Counting by a metadata filter.
#[async_trait]
pub trait Filtering: Send + Sync {
    /// Counts the records that match `filter`, by namespace.
    async fn count(&self, filter: &Filter) -> Result<IndexStats>;

    /// Returns whether the store can be asked this, by what is known of it. Sends nothing.
    ///
    /// # Errors
    /// `Unsupported`, naming the part that it cannot decide as the filter means it.
    fn says(&self, filter: &Filter) -> Result<()>;
}
