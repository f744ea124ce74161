use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Filter, Namespace, RecordId, Vectors};

/// A nearest-neighbour query.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// What is looked for, each under the name of the field that it is compared with.
    pub vectors: Vectors,
    /// Number of answers, 1 to [`Limits::matches`](super::Limits::matches).
    pub limit: u32,
    pub filter: Option<Filter>,
}

/// One answer of a query; they come best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    pub id: RecordId,
    pub score: f32,
}

/// Nearest neighbours.
#[async_trait]
pub trait Search: Send + Sync {
    /// Returns the nearest records, best first; ids and scores only.
    ///
    /// # Behavior
    /// - A missing namespace gives no matches.
    /// - `Unsupported` for a filter that the store cannot say, before anything is sent.
    async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Vec<Match>>;

    /// Returns whether a query can carry `filter`, by what is known of the store. Sends nothing.
    ///
    /// # Errors
    /// `Unsupported`, naming the part that it cannot decide as the filter means it.
    fn says(&self, filter: &Filter) -> Result<()>;
}
