//! One index as a store: which parts it has, and every request of theirs.
//!
//! `peer` knows both planes and what was learned of the index; `reading` and `changing` are single attempts at its
//! requests, `asked` knows which read tells how far writes can be read, and `dues` what an attempt uses up of what
//! the index allows. [`Index`] makes each request through its [`Calls`].

mod asked;
mod changing;
mod dues;
mod peer;
mod reading;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::FutureExt;

use self::dues::dues;
use self::peer::Peer;
pub use self::peer::Settings;
use super::cells::Splits;
use super::filter::render;
use super::limits::LIMITS;
use super::plane::IdPage;
use super::turns::Turns;
use crate::clock::Stopwatch;
use crate::error::{ErrorKind, Result};
use crate::model::{
    Filter, IndexDescription, IndexSpec, IndexStats, Namespace, Record, RecordId, Token,
};
use crate::pinecone_wire::Deployment;
use crate::store::calls::{Calls, Due, Operation, Request};
use crate::store::{
    Admin, Bulk, Collection, Describe, Discard, Fetch, Filtering, Freeze, Import, IndexChange,
    Limits, Match, Opened, Query, Reader, Refusal, Refused, Remove, Rule, Scan, Search, Source,
    Store, Target, Thaw, Upserted, Write,
};

/// One index of a Pinecone project, which may not exist yet. Cloning shares what is known of it.
#[derive(Clone)]
pub struct Index {
    peer: Arc<Peer>,
    calls: Calls,
}

impl Index {
    /// Opens an index without connecting; each request is made once.
    ///
    /// # Errors
    /// `Invalid` if the address is none.
    pub fn new(settings: Settings) -> Result<Self> {
        Ok(Self { peer: Arc::new(Peer::new(settings)?), calls: Calls::bare() })
    }

    /// The same index, each of whose requests goes through `calls`.
    pub fn with(&self, calls: Calls) -> Self {
        Self { peer: self.peer.clone(), calls }
    }

    /// Returns whether the data plane speaks REST now; `None` if the first call has yet to find out.
    pub fn is_rest(&self) -> Option<bool> {
        self.peer.is_rest()
    }

    /// The splits of its namespaces that were found in this process.
    pub(super) fn splits(&self) -> &Splits {
        &self.peer.splits
    }

    /// The turns to list its ids.
    pub(super) fn turns(&self) -> &Arc<Turns> {
        &self.peer.turns
    }

    /// Returns the last description.
    pub(super) fn seen(&self) -> Option<Arc<IndexDescription>> {
        self.peer.description()
    }

    /// Returns whether it was last seen as a serverless index.
    pub(super) fn is_serverless(&self) -> bool {
        let seen = self.seen().and_then(|seen| Deployment::of(&seen.spec.deployment));
        matches!(seen, Some(Deployment::Serverless { .. }))
    }

    /// Returns whether it was last seen as a pod index.
    pub(super) fn is_pod(&self) -> bool {
        self.peer.is_pod()
    }

    /// Returns one page of the ids of a namespace that begin with `prefix`, in bytewise order; of all ids if it is empty.
    pub async fn list(
        &self,
        namespace: &Namespace,
        prefix: &str,
        page: Option<&str>,
    ) -> Result<IdPage> {
        let dues = || self.dues(Request::List, || 0);
        let operation = Operation::new(Request::List).within(namespace).using(&dues);
        let make = || {
            let timed = async {
                let stopwatch = Stopwatch::start();
                let listed = self.peer.list(namespace, prefix, page).await;
                self.turns().took(stopwatch.elapsed());
                listed
            };
            timed.boxed()
        };
        self.calls.call(operation, &make).await
    }

    /// Writes all of `records` or none; returns the number of the write, if there is one.
    async fn put(&self, namespace: &Namespace, records: &[Record]) -> Result<Option<u64>> {
        let dues = || {
            self.dues(Request::Upsert, || {
                records.iter().map(|record| self.peer.request_bytes(record)).sum()
            })
        };
        let make = || self.peer.upsert(namespace, records).boxed();
        self.calls
            .call(
                Operation::new(Request::Upsert).within(namespace).of(records.len()).using(&dues),
                &make,
            )
            .await
    }

    /// What an attempt uses up: pods document no rates.
    fn dues(&self, request: Request, bytes: impl FnOnce() -> usize) -> Vec<Due> {
        match self.is_serverless() {
            true => dues(request, bytes, self.peer.rates()),
            false => Vec::new(),
        }
    }
}

impl Opened for Index {
    fn through(&self, calls: Calls) -> Arc<dyn Store> {
        Arc::new(self.with(calls))
    }
}

impl Source for Index {
    fn limits(&self) -> Limits {
        LIMITS
    }

    fn scan(&self) -> Option<Arc<dyn Scan>> {
        Some(Arc::new(self.clone()))
    }

    fn fetch(&self) -> Option<Arc<dyn Fetch>> {
        Some(Arc::new(self.clone()))
    }

    fn search(&self) -> Option<Arc<dyn Search>> {
        Some(Arc::new(self.clone()))
    }

    fn filtering(&self) -> Option<Arc<dyn Filtering>> {
        self.is_pod().then(|| -> Arc<dyn Filtering> { Arc::new(self.clone()) })
    }

    fn freeze(&self) -> Option<Arc<dyn Freeze>> {
        Some(Arc::new(self.clone()))
    }
}

impl Target for Index {
    fn write(&self) -> Option<Arc<dyn Write>> {
        Some(Arc::new(self.clone()))
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        Some(Arc::new(self.clone()))
    }

    fn thaw(&self) -> Option<Arc<dyn Thaw>> {
        Some(Arc::new(self.clone()))
    }

    fn bulk(&self) -> Option<Arc<dyn Bulk>> {
        (!self.is_pod()).then(|| -> Arc<dyn Bulk> { Arc::new(self.clone()) })
    }
}

impl Store for Index {
    fn remove(&self) -> Option<Arc<dyn Remove>> {
        Some(Arc::new(self.clone()))
    }

    fn discard(&self) -> Option<Arc<dyn Discard>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Describe for Index {
    async fn describe(&self) -> Result<Option<IndexDescription>> {
        let make = || self.peer.describe().boxed();
        self.calls.call(Operation::new(Request::Describe), &make).await
    }

    async fn storage(&self) -> Result<Vec<String>> {
        let seen = self.describe().await?;
        Ok(seen
            .map(|seen| seen.identity().host)
            .filter(|host| !host.is_empty())
            .into_iter()
            .collect())
    }

    async fn stats(&self) -> Result<IndexStats> {
        let dues = || self.dues(Request::Stats, || 0);
        let make = || self.peer.stats().boxed();
        self.calls.call(Operation::new(Request::Stats).using(&dues), &make).await
    }
}

#[async_trait]
impl Fetch for Index {
    fn most(&self) -> usize {
        LIMITS.fetch_ids
    }

    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>> {
        let dues = || self.dues(Request::Fetch, || 0);
        let make = || self.peer.fetch(namespace, ids).boxed();
        self.calls
            .call(
                Operation::new(Request::Fetch).within(namespace).of(ids.len()).using(&dues),
                &make,
            )
            .await
    }
}

#[async_trait]
impl Search for Index {
    async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Vec<Match>> {
        let dues = || self.dues(Request::Query, || 0);
        let make = || self.peer.query(namespace, query).boxed();
        self.calls.call(Operation::new(Request::Query).within(namespace).using(&dues), &make).await
    }

    fn says(&self, filter: &Filter) -> Result<()> {
        render(filter).map(drop)
    }
}

#[async_trait]
impl Filtering for Index {
    async fn count(&self, filter: &Filter) -> Result<IndexStats> {
        let dues = || self.dues(Request::FilteredStats, || 0);
        let make = || self.peer.filtered_stats(filter).boxed();
        self.calls.call(Operation::new(Request::FilteredStats).using(&dues), &make).await
    }

    fn says(&self, filter: &Filter) -> Result<()> {
        render(filter).map(drop)
    }
}

#[async_trait]
impl Write for Index {
    /// The service takes all records of a request or none, and does not say reliably which one it refuses: they are
    /// found by halving.
    async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Upserted> {
        let (mut upserted, mut written) = (Upserted::default(), None);
        let whole = 0..records.len();
        let mut parts = vec![whole];
        while let Some(part) = parts.pop() {
            match self.put(namespace, &records[part.clone()]).await {
                Ok(lsn) => {
                    upserted.count += part.len() as u64;
                    written = written.max(lsn);
                }
                Err(error) if error.kind() != ErrorKind::Invalid || part.is_empty() => {
                    return Err(error);
                }
                Err(error) if part.len() == 1 => {
                    let refusal = Refusal::new(Rule::Service, error.to_string());
                    upserted.refused.push(Refused { at: part.start, refusal });
                }
                Err(_) => {
                    let middle = part.start + part.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
            }
        }
        upserted.token = written.map(|lsn| Token::new(&lsn));
        Ok(upserted)
    }

    fn request_bytes(&self, record: &Record) -> usize {
        self.peer.request_bytes(record)
    }

    /// Names of namespaces are checked with the plan.
    fn rejects(
        &self,
        _: &Namespace,
        record: &Record,
        planned: Option<&IndexSpec>,
    ) -> Option<Refusal> {
        self.peer.rejects(record, planned)
    }

    fn both(&self, one: Token, other: Token) -> Result<Token> {
        let (one, other): (u64, u64) = (one.inside()?, other.inside()?);
        Ok(Token::new(&one.max(other)))
    }

    async fn visible(
        &self,
        namespace: &Namespace,
        token: &Token,
        reader: Reader,
    ) -> Result<Option<bool>> {
        let lsn = token.inside()?;
        let make = || self.peer.is_visible(namespace, lsn, reader).boxed();
        self.calls.call(Operation::new(Request::IsVisible).within(namespace), &make).await
    }
}

#[async_trait]
impl Admin for Index {
    async fn create(&self, spec: &IndexSpec) -> Result<()> {
        let make = || self.peer.create(spec).boxed();
        self.calls.call(Operation::new(Request::Create), &make).await
    }
}

#[async_trait]
impl Thaw for Index {
    async fn create_from(&self, spec: &IndexSpec, collection: &str) -> Result<()> {
        let make = || self.peer.create_from(spec, collection).boxed();
        self.calls.call(Operation::new(Request::Create), &make).await
    }
}

#[async_trait]
impl Freeze for Index {
    async fn create_collection(&self, name: &str) -> Result<()> {
        let make = || self.peer.create_collection(name).boxed();
        self.calls.call(Operation::new(Request::CreateCollection), &make).await
    }

    async fn collection(&self, name: &str) -> Result<Option<Collection>> {
        let make = || self.peer.collection(name).boxed();
        self.calls.call(Operation::new(Request::DescribeCollection), &make).await
    }
}

#[async_trait]
impl Bulk for Index {
    async fn start_import(&self, uri: &str, integration: Option<&str>) -> Result<String> {
        let make = || self.peer.start_import(uri, integration).boxed();
        self.calls.call(Operation::new(Request::StartImport), &make).await
    }

    async fn imports(&self) -> Result<Vec<Import>> {
        let make = || self.peer.imports().boxed();
        self.calls.call(Operation::new(Request::ListImports), &make).await
    }
}

#[async_trait]
impl Remove for Index {
    async fn configure(&self, change: &IndexChange) -> Result<()> {
        let make = || self.peer.configure(change).boxed();
        self.calls.call(Operation::new(Request::Configure), &make).await
    }

    /// The service deletes whatever the index holds by then.
    async fn retire(&self, _: &IndexStats, _: Option<&str>) -> Result<()> {
        self.delete_index().await
    }

    async fn delete_index(&self) -> Result<()> {
        let make = || self.peer.delete_index().boxed();
        self.calls.call(Operation::new(Request::DeleteIndex), &make).await
    }

    async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()> {
        let dues = || self.dues(Request::Delete, || 0);
        let make = || self.peer.delete(namespace, ids).boxed();
        self.calls
            .call(
                Operation::new(Request::Delete).within(namespace).of(ids.len()).using(&dues),
                &make,
            )
            .await
    }

    async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()> {
        let dues = || self.dues(Request::DeleteMatching, || 0);
        let make = || self.peer.delete_matching(namespace, filter).boxed();
        self.calls
            .call(Operation::new(Request::DeleteMatching).within(namespace).using(&dues), &make)
            .await
    }

    async fn delete_namespace(&self, namespace: &Namespace) -> Result<()> {
        let dues = || self.dues(Request::DeleteNamespace, || 0);
        let make = || self.peer.delete_namespace(namespace).boxed();
        self.calls
            .call(Operation::new(Request::DeleteNamespace).within(namespace).using(&dues), &make)
            .await
    }
}

#[async_trait]
impl Discard for Index {
    async fn delete_collection(&self, name: &str) -> Result<()> {
        let make = || self.peer.delete_collection(name).boxed();
        self.calls.call(Operation::new(Request::DeleteCollection), &make).await
    }

    async fn cancel_import(&self, id: &str) -> Result<()> {
        let make = || self.peer.cancel_import(id).boxed();
        self.calls.call(Operation::new(Request::CancelImport), &make).await
    }
}
