//! The data plane, on whichever wire.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Filter, IndexStats, Namespace, Record, RecordId};
use crate::pinecone_wire::Lsn;
use crate::store::{Match, Query};

/// One page of ids, in bytewise order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdPage {
    pub ids: Vec<RecordId>,
    /// Token of the next page; `None` at the end.
    pub next: Option<String>,
}

/// An answer and the log sequence numbers that came with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer<T> {
    pub value: T,
    pub lsn: Lsn,
}

/// One wire to the data plane of one index.
#[async_trait]
pub trait Plane: Send + Sync {
    async fn stats(&self, filter: Option<&Filter>) -> Result<IndexStats>;

    async fn list(&self, namespace: &Namespace, prefix: &str, page: Option<&str>)
    -> Result<IdPage>;

    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Answer<Vec<Record>>>;

    async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Answer<Vec<Match>>>;

    /// Writes records; returns the number acknowledged.
    async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Answer<u64>>;

    async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()>;

    async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()>;

    /// Deletes all records of a namespace; pods have no other way to drop one.
    async fn delete_all(&self, namespace: &Namespace) -> Result<()>;

    /// Deletes the namespace itself; serverless only.
    async fn delete_namespace(&self, namespace: &Namespace) -> Result<()>;
}
