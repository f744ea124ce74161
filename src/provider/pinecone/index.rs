//! One index: both planes, what was learned of it, and the implementation of the traits.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::connection::{Connection, Transport};
use super::control::Control;
use super::error;
use super::http::{self, Server};
use super::imports;
use super::limits::{LIMITS, refusal};
use super::version::InUse;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Deployment, IndexDescription, IndexSpec, IndexStats, Metric, Namespace, Record, RecordId,
    SparseVector, Vector, VectorType,
};
use crate::provider::{
    Admin, Capabilities, Collection, Filter, IdPage, Import, IndexChange, Match, Query, Refusal,
    Secret, Source, Target, Upserted,
};

/// The address of an index and the ways to speak to it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The index's name.
    pub index: String,
    /// The control plane's address, with or without a scheme.
    pub endpoint: String,
    pub api_key: Secret,
    pub transport: Transport,
    pub user_agent: String,
}

/// One index of a Pinecone project, which may not exist yet.
pub struct Index {
    settings: Settings,
    control: Control,
    seen: Mutex<Seen>,
    /// The read that shows up to where writes can be read; see [`Reader`].
    reader: AtomicU8,
}

/// The last description. Cleared when the index is made or deleted.
#[derive(Default)]
struct Seen {
    description: Option<Arc<IndexDescription>>,
    connection: Option<(String, Arc<Connection>)>,
}

/// The read that carries the readable LSN. A fetch is cheaper than a query (which costs by the namespace's
/// size), but whether it carries the number is not documented.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Fetch = 0,
    Query = 1,
}

/// An id that is asked for to read the headers of the answer; it need not exist.
const ABSENT_ID: &str = "vecshift-lsn";

impl Index {
    pub fn new(settings: Settings) -> Result<Self> {
        let address = http::with_scheme(&settings.endpoint);
        if address.starts_with("http://") && !http::is_loopback(&address) {
            tracing::warn!(%address, "the API key travels over plain http");
        }
        let client = http::client(&address, &settings.user_agent)?;
        let server = Server {
            client,
            address,
            key: settings.api_key.clone(),
            version: Arc::new(InUse::default()),
        };
        Ok(Self {
            settings,
            control: Control(server),
            seen: Mutex::default(),
            reader: AtomicU8::new(Reader::Fetch as u8),
        })
    }

    pub fn name(&self) -> &str {
        &self.settings.index
    }

    /// Returns whether the data plane speaks REST now; `None` before the first call.
    pub fn is_rest(&self) -> Option<bool> {
        self.seen().connection.as_ref().map(|(_, connection)| connection.is_rest())
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self) {
        *self.seen() = Seen::default();
    }

    fn description(&self) -> Option<Arc<IndexDescription>> {
        self.seen().description.clone()
    }

    fn is_pod(&self) -> bool {
        self.description()
            .is_some_and(|index| matches!(index.spec.deployment, Deployment::Pod { .. }))
    }

    async fn known(&self) -> Result<Arc<IndexDescription>> {
        if let Some(description) = self.description() {
            return Ok(description);
        }
        self.describe().await?;
        self.description().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no index `{}`", self.name()))
                .with_context("address", &self.control.0.address)
                .with_hint("check the index's name and that the API key belongs to its project")
        })
    }

    /// Returns the connection to the data plane, made anew if the host has changed.
    async fn connection(&self) -> Result<Arc<Connection>> {
        let host = self.known().await?.host.clone();
        if host.is_empty() {
            let message = format!("the index `{}` has no host yet", self.name());
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        let mut seen = self.seen();
        if let Some((at, connection)) = &seen.connection
            && *at == host
        {
            return Ok(connection.clone());
        }
        let connection = Arc::new(Connection::new(
            &host,
            &self.control.0,
            self.settings.transport,
            &self.settings.user_agent,
        )?);
        seen.connection = Some((host, connection.clone()));
        Ok(connection)
    }

    /// Names the operation and the index; an index that seems gone is looked up again next time, because it
    /// may have been made anew at another host.
    fn explain(&self, operation: &'static str, error: Error) -> Error {
        if error.kind() == ErrorKind::NotFound {
            self.forget();
        }
        error.with_operation(operation).with_context("index", self.name())
    }

    /// Explains the result of a call to the data plane. If nobody answers at the index's host, or nothing is there,
    /// the control plane is asked whether the index still exists: a deleted one is reported as such and not tried
    /// again.
    async fn settle<T>(&self, operation: &'static str, result: Result<T>) -> Result<T> {
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let is_doubtful = error::is_silence(&error) || error.kind() == ErrorKind::NotFound;
        if is_doubtful && matches!(self.control.describe(self.name()).await, Ok(None)) {
            let message = format!("the index `{}` is not there any more", self.name());
            let gone = Error::new(ErrorKind::NotFound, message)
                .with_context("address", &self.control.0.address)
                .with_source(error)
                .with_hint("somebody deleted it after it was first seen here");
            return Err(self.explain(operation, gone));
        }
        Err(self.explain(operation, error))
    }

    async fn readable(&self, namespace: &Namespace, reader: Reader) -> Result<Option<u64>> {
        let connection = self.connection().await?;
        let lsn = match reader {
            Reader::Fetch => {
                let ids = [RecordId::from(ABSENT_ID)];
                connection.call(|plane| plane.fetch(namespace, &ids)).await?.lsn
            }
            Reader::Query => {
                let query = self.smallest_query().await?;
                connection.call(|plane| plane.query(namespace, &query)).await?.lsn
            }
        };
        Ok(lsn.readable)
    }

    async fn smallest_query(&self) -> Result<Query> {
        let spec = &self.known().await?.spec;
        let mut query = Query { top_k: 1, ..Default::default() };
        if spec.vector_type == VectorType::Sparse {
            query.sparse = SparseVector::new(vec![0], Vector::from_values([1.0]));
        } else {
            let dimension = spec.dimension.unwrap_or(1) as usize;
            let values = (0..dimension).map(|at| if at == 0 { 1.0 } else { 0.0 });
            query.vector = Vector::from_values(values);
        }
        Ok(query)
    }
}

#[async_trait]
impl Source for Index {
    fn capabilities(&self) -> Capabilities {
        capabilities(self.description().map(|description| description.spec.clone()).as_ref())
    }

    async fn describe(&self) -> Result<Option<IndexDescription>> {
        let found = self.control.describe(self.name()).await;
        let found = found.map_err(|error| self.explain("describe", error))?;
        match &found {
            Some(description) => self.seen().description = Some(Arc::new(description.clone())),
            None => self.forget(),
        }
        Ok(found)
    }

    async fn stats(&self) -> Result<IndexStats> {
        let connection = self.connection().await?;
        let stats = connection.call(|plane| plane.stats(None)).await;
        self.settle("stats", stats).await
    }

    async fn filtered_stats(&self, filter: &Filter) -> Result<IndexStats> {
        let connection = self.connection().await?;
        if !self.capabilities().filtered_count {
            return Err(Error::unsupported("only pod indexes count records by a metadata filter")
                .with_operation("filtered_stats"));
        }
        let stats = connection.call(|plane| plane.stats(Some(filter))).await;
        self.settle("filtered_stats", stats).await
    }

    async fn list(&self, namespace: &Namespace, page: Option<&str>) -> Result<IdPage> {
        let connection = self.connection().await?;
        if !self.capabilities().list {
            return Err(Error::unsupported("a pod index cannot list its ids")
                .with_operation("list")
                .with_hint("enumerate by `sweep` or by a manifest of ids"));
        }
        let listed = connection.call(|plane| plane.list(namespace, page)).await;
        self.settle("list", or_empty(listed)).await
    }

    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let connection = self.connection().await?;
        let fetched = connection.call(|plane| plane.fetch(namespace, ids)).await;
        let fetched = or_empty(fetched.map(|answer| answer.value));
        self.settle("fetch", fetched)
            .await
            .map_err(|error| error.with_context("namespace", namespace))
    }

    async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Vec<Match>> {
        let connection = self.connection().await?;
        let found = connection.call(|plane| plane.query(namespace, query)).await;
        let found = or_empty(found.map(|answer| answer.value));
        self.settle("query", found)
            .await
            .map_err(|error| error.with_context("namespace", namespace))
    }

    async fn is_visible(&self, namespace: &Namespace, lsn: u64) -> Result<Option<bool>> {
        if self.is_pod() {
            return Ok(None);
        }
        let explain = |error| self.explain("is_visible", error);
        if self.reader.load(Ordering::Relaxed) == Reader::Fetch as u8 {
            let readable = or_empty(self.readable(namespace, Reader::Fetch).await);
            if let Some(readable) = readable.map_err(explain)? {
                return Ok(Some(readable >= lsn));
            }
        }
        let readable = or_empty(self.readable(namespace, Reader::Query).await).map_err(explain)?;
        if readable.is_some() {
            self.reader.store(Reader::Query as u8, Ordering::Relaxed);
        }
        Ok(readable.map(|readable| readable >= lsn))
    }
}

#[async_trait]
impl Target for Index {
    async fn create(&self, spec: &IndexSpec) -> Result<()> {
        self.forget();
        self.control.create(spec).await.map_err(|error| self.explain("create", error))
    }

    async fn create_collection(&self, name: &str) -> Result<()> {
        let created = self.control.create_collection(name, self.name()).await;
        created.map_err(|error| of_collection("create_collection", name, error))
    }

    async fn collection(&self, name: &str) -> Result<Option<Collection>> {
        let found = self.control.collection(name).await;
        found.map_err(|error| of_collection("describe_collection", name, error))
    }

    async fn create_from(&self, spec: &IndexSpec, collection: &str) -> Result<()> {
        self.forget();
        let created = self.control.create_from(spec, collection).await;
        created
            .map_err(|error| self.explain("create", error).with_context("collection", collection))
    }

    async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Upserted> {
        if records.is_empty() {
            return Ok(Upserted::default());
        }
        let connection = self.connection().await?;
        let upserted = connection.call(|plane| plane.upsert(namespace, records)).await;
        let answer = self.settle("upsert", upserted).await;
        let answer = answer.map_err(|error| error.with_context("namespace", namespace))?;
        if answer.value != records.len() as u64 {
            let message =
                format!("{} of {} records were acknowledged", answer.value, records.len());
            return Err(Error::new(ErrorKind::Unavailable, message)
                .with_operation("upsert")
                .with_context("namespace", namespace));
        }
        Ok(Upserted { count: answer.value, lsn: answer.lsn.written })
    }

    async fn start_import(&self, uri: &str, integration: Option<&str>) -> Result<String> {
        let started = imports::start(self.connection().await?.server(), uri, integration).await;
        started.map_err(|error| self.explain("start_import", error).with_context("uri", uri))
    }

    async fn imports(&self) -> Result<Vec<Import>> {
        let connection = self.connection().await?;
        if self.is_pod() {
            return Ok(Vec::new());
        }
        let found = imports::list(connection.server()).await;
        found.map_err(|error| self.explain("list_imports", error))
    }

    fn request_bytes(&self, record: &Record) -> usize {
        super::size::request_bytes(record)
    }

    fn rejects(&self, record: &Record, planned: Option<&IndexSpec>) -> Option<Refusal> {
        let described = self.description();
        refusal(record, described.as_ref().map(|description| &description.spec).or(planned))
    }
}

#[async_trait]
impl Admin for Index {
    async fn configure(&self, change: &IndexChange) -> Result<()> {
        let changed = self.control.configure(self.name(), change).await;
        changed.map_err(|error| self.explain("configure", error))
    }

    async fn delete_index(&self) -> Result<()> {
        self.control
            .delete(self.name())
            .await
            .map_err(|error| self.explain("delete_index", error))?;
        self.forget();
        Ok(())
    }

    async fn delete_collection(&self, name: &str) -> Result<()> {
        let deleted = self.control.delete_collection(name).await;
        deleted.map_err(|error| of_collection("delete_collection", name, error))
    }

    async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let connection = self.connection().await?;
        let deleted = connection.call(|plane| plane.delete(namespace, ids)).await;
        let deleted = self.settle("delete", or_empty(deleted)).await;
        deleted.map_err(|error| error.with_context("namespace", namespace))
    }

    async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()> {
        if filter.0.as_object().is_none_or(serde_json::Map::is_empty) {
            return Err(Error::invalid("a filter that asks nothing would delete everything"));
        }
        let connection = self.connection().await?;
        let deleted = connection.call(|plane| plane.delete_matching(namespace, filter)).await;
        let deleted = self.settle("delete_matching", or_empty(deleted)).await;
        deleted.map_err(|error| error.with_context("namespace", namespace))
    }

    async fn delete_namespace(&self, namespace: &Namespace) -> Result<()> {
        let connection = self.connection().await?;
        let deleted = if self.is_pod() {
            connection.call(|plane| plane.delete_all(namespace)).await
        } else {
            connection.call(|plane| plane.delete_namespace(namespace)).await
        };
        let deleted = self.settle("delete_namespace", or_empty(deleted)).await;
        deleted.map_err(|error| error.with_context("namespace", namespace))
    }

    async fn cancel_import(&self, id: &str) -> Result<()> {
        let cancelled = imports::cancel(self.connection().await?.server(), id).await;
        cancelled.map_err(|error| self.explain("cancel_import", error).with_context("import", id))
    }
}

fn of_collection(operation: &'static str, name: &str, error: Error) -> Error {
    error.with_operation(operation).with_context("collection", name)
}

/// Returns the abilities of an index like `spec`; those that every index has if it is not known yet.
fn capabilities(spec: Option<&IndexSpec>) -> Capabilities {
    let deployment = spec.map(|spec| &spec.deployment);
    let is_serverless = matches!(deployment, Some(Deployment::Serverless { .. }));
    Capabilities {
        list: is_serverless,
        filtered_count: matches!(deployment, Some(Deployment::Pod { .. })),
        lsn: is_serverless,
        sparse: spec.is_none_or(|spec| spec.metric == Metric::Dotproduct),
        query: true,
        limits: LIMITS,
    }
}

/// Turns the error for a missing namespace into an empty result: a serverless index answers some calls with `NotFound`
/// and names the namespace. A missing index stays an error.
fn or_empty<T: Default>(result: Result<T>) -> Result<T> {
    match result {
        Err(error)
            if error.kind() == ErrorKind::NotFound
                && error.message().to_ascii_lowercase().contains("namespace") =>
        {
            Ok(T::default())
        }
        other => other,
    }
}
