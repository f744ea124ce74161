//! The data plane's operations, apart from any wire: both wires read their messages into these calls.
//!
//! A call checks everything first and then changes the index in one step under its lock, so a refused request is never
//! applied in part.

mod namespace;
mod read;
mod write;

use std::sync::Arc;

pub(crate) use namespace::NamespaceView;
pub(crate) use read::{FetchByMetadata, Page, Query};
pub(crate) use write::{Deletion, Update};

use crate::model::{Namespace, Record, SparseVector, Vector, VectorType};
use crate::pinecone_wire::{Lsn, Operation};

use super::checks;
use super::error::{Answer, Refusal};
use super::index::Index;
use super::project::Project;
use super::rate::Limit;

/// One request to the data plane of one index.
#[derive(Clone)]
pub(crate) struct Call {
    pub project: Arc<Project>,
    pub index: Arc<Index>,
    pub operation: Operation,
}

/// An answer and the log sequence numbers in its headers.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    pub body: T,
    pub lsn: Lsn,
}

impl<T> Reply<T> {
    pub fn plain(body: T) -> Self {
        Self { body, lsn: Lsn::default() }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Reply<U> {
        Reply { body: change(self.body), lsn: self.lsn }
    }
}

impl Call {
    /// Checks what every operation needs: the index is ready, and its kind supports the operation.
    pub fn check(&self) -> Answer<()> {
        self.index.refuse_unless_ready(self.project.now())?;
        if self.index.is_pod && self.operation.is_serverless_only() {
            let message = format!(
                "The operation {} is not supported for pod-based indexes",
                self.operation.name()
            );
            return Err(Refusal::not_found(message));
        }
        Ok(())
    }

    /// Runs `work` where it does not block other requests: a search through many vectors takes milliseconds.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&Self) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        if !self.is_heavy() && !self.waits_for_the_disk() {
            return work(&self);
        }
        let joined = tokio::task::spawn_blocking(move || work(&self)).await;
        joined.unwrap_or_else(|error| {
            Err(Refusal::new(500, super::error::Code::Internal, error.to_string()))
        })
    }

    fn waits_for_the_disk(&self) -> bool {
        let writes = matches!(
            self.operation,
            Operation::Upsert
                | Operation::Update
                | Operation::Delete
                | Operation::CreateNamespace
                | Operation::DeleteNamespace
        );
        writes && self.project.ledger.is_some()
    }

    fn is_heavy(&self) -> bool {
        const STEPS: usize = 500_000;
        /// Estimated cost of looking at a record's metadata, in multiplications.
        const LOOK: usize = 20;
        let steps = match self.operation {
            Operation::Query => self.index.dimension.unwrap_or(128) as usize,
            Operation::Stats | Operation::FetchByMetadata => LOOK,
            _ => return false,
        };
        self.index.read(self.project.now()).count() * steps > STEPS
    }

    /// Draws on the documented rate limits, which only serverless indexes have.
    fn take(&self, namespace: &Namespace, demands: &[(Limit, usize)]) -> Answer<()> {
        if self.index.is_pod || !self.project.options.rate_limits {
            return Ok(());
        }
        let now = self.project.now();
        let taken = self.project.buckets.take(&self.index.name, namespace, demands, now);
        taken.inspect_err(|_| self.project.tally.rate_limited())
    }

    /// Checks that this index can hold such a record.
    pub fn check_record(&self, record: &Record) -> Answer<()> {
        checks::check_record(record)?;
        let what = format!("Vector '{}'", record.id);
        self.check_vector(&what, record.dense(), record.sparse())
    }

    /// Checks that `vector` and `sparse` are what this index holds; `what` names them in the refusal.
    fn check_vector(
        &self,
        what: &str,
        vector: &Vector,
        sparse: Option<&SparseVector>,
    ) -> Answer<()> {
        if self.index.vector_type == VectorType::Sparse {
            let fault = match sparse {
                _ if !vector.is_empty() => "dense values are not supported by a sparse index",
                None => "a sparse index needs sparse values",
                Some(_) => return Ok(()),
            };
            return Err(Refusal::invalid(format!("{what}: {fault}")));
        }
        let dimension = self.index.dimension.unwrap_or_default() as usize;
        if vector.dimension() != dimension {
            let found = vector.dimension();
            return Err(Refusal::invalid(format!(
                "Vector dimension {found} does not match the dimension of the index {dimension}"
            )));
        }
        if sparse.is_some() { self.check_keeps_sparse() } else { Ok(()) }
    }

    fn check_keeps_sparse(&self) -> Answer<()> {
        if self.index.spec().metric == crate::model::Metric::Dotproduct {
            return Ok(());
        }
        Err(Refusal::invalid(
            "Index configuration does not support sparse values: only sparse indexes and those with the metric dotproduct do",
        ))
    }

    fn read_units(&self, units: u32) -> Option<u32> {
        (!self.index.is_pod).then_some(units)
    }
}
