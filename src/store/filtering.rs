use async_trait::async_trait;

use crate::error::Result;
use crate::model::IndexStats;

/// A metadata filter with the operators that vector databases share (`$eq`, `$in`, `$and`, …), as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(pub serde_json::Value);

/// Counting by a metadata filter.
#[async_trait]
pub trait Filtering: Send + Sync {
    /// Counts the records that match `filter`, by namespace.
    async fn count(&self, filter: &Filter) -> Result<IndexStats>;
}
