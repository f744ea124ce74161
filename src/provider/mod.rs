//! The outside world behind two traits: a [`Source`] can be read, a [`Target`] can also be made, filled and deleted.
//!
//! A provider is one folder and one line in [`registry`]. What it can do is data ([`Capabilities`]); retry,
//! throttle, timeout, observation and read-only are [`layer`]s around it, never code inside it.

mod absent;
mod blocking;
mod capability;
mod connector;
mod environment;
pub mod files;
mod inventory;
pub mod layer;
pub mod manifest;
pub mod parquet;
pub mod pinecone;
mod refusal;
pub mod registry;
mod secret;
pub mod snapshot;
pub mod storage;

pub use absent::Absent;
use async_trait::async_trait;
pub(crate) use blocking::blocking;
pub use capability::{Capabilities, Limits};
pub(crate) use connector::{Connector, Rehearsal};
pub use environment::{Environment, StandIn, Transport};
pub use inventory::{Inventory, PassedOver, Sort};
pub use refusal::{Refusal, Refusals, Rule};
pub use registry::language;
pub use secret::Secret;

use crate::error::Result;
use crate::model::{
    IndexDescription, IndexSpec, IndexStats, Metadata, MetadataValue, Namespace, Record, RecordId,
    SparseVector, Vector,
};

/// One page of ids, in the order of the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdPage {
    pub ids: Vec<RecordId>,
    /// Token of the next page; `None` at the end.
    pub next: Option<String>,
}

/// A metadata filter with the operators that vector databases share (`$eq`, `$in`, `$and`, …), as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(pub serde_json::Value);

/// A nearest-neighbour query.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Empty if the query has only sparse values.
    pub vector: Vector,
    pub sparse: Option<SparseVector>,
    /// Number of answers, 1 to [`Limits::top_k`].
    pub top_k: u32,
    pub filter: Option<Filter>,
}

/// One answer of a query; they come best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    pub id: RecordId,
    pub score: f32,
}

/// The target's answer to an upsert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upserted {
    /// Number of records acknowledged.
    pub count: u64,
    /// The log sequence number of the write, if the provider gives one.
    pub lsn: Option<u64>,
}

/// Settings of an existing index that can be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexChange {
    pub deletion_protection: Option<bool>,
}

/// State of something that a provider makes by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It is not complete yet, or in an unknown state.
    #[default]
    UnderWay,
    Done,
    /// It will never be done.
    Failed,
}

/// A frozen copy of an index's records, kept by the provider, from which indexes are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    pub name: String,
    pub standing: Standing,
    /// The provider's word for it, for example `Initializing`.
    pub state: String,
    pub dimension: Option<u32>,
    /// Records in it, if the provider says so.
    pub records: Option<u64>,
    /// Bytes it takes, if the provider says so.
    pub bytes: Option<u64>,
}

impl Collection {
    pub fn is_ready(&self) -> bool {
        self.standing == Standing::Done
    }

    /// Returns whether it will never be ready.
    pub fn has_failed(&self) -> bool {
        self.standing == Standing::Failed
    }
}

/// A bulk import of files that the provider reads by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Import {
    pub id: String,
    pub uri: String,
    pub standing: Standing,
    /// The provider's word for it, for example `InProgress`.
    pub state: String,
    /// Progress from 0 to 100, if the provider gives it.
    pub percent: Option<f64>,
    /// Records imported so far, if the provider says so.
    pub records: Option<u64>,
    /// Reason why it failed.
    pub error: Option<String>,
}

impl Import {
    pub fn is_complete(&self) -> bool {
        self.standing == Standing::Done
    }

    /// Returns whether it ended without being complete.
    pub fn has_failed(&self) -> bool {
        self.standing == Standing::Failed
    }
}

/// An index that can be read. Reading never changes it.
#[async_trait]
pub trait Source: Send + Sync {
    /// Returns the abilities of this index, known after [`Source::describe`] found it.
    fn capabilities(&self) -> Capabilities;

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

    /// Counts the records that match `filter` in all namespaces together, by namespace if the provider gives that.
    ///
    /// # Behavior
    /// - `Unsupported` unless [`Capabilities::filtered_count`].
    async fn filtered_stats(&self, filter: &Filter) -> Result<IndexStats>;

    /// Returns one page of the ids of a namespace that begin with `prefix`, in bytewise order; of all ids if it is empty.
    ///
    /// # Behavior
    /// - A missing namespace gives an empty page.
    /// - `Unsupported` unless [`Capabilities::list`].
    /// - The pages of one walk hold each id at most once.
    async fn list(&self, namespace: &Namespace, prefix: &str, page: Option<&str>)
    -> Result<IdPage>;

    /// Returns records by id.
    ///
    /// # Behavior
    /// - An id that is not there is absent from the answer; that is not an error.
    /// - The order of the answer is not promised.
    /// - At most [`Limits::fetch_ids`] ids; an empty list gives an empty answer.
    /// - Vectors come back bit for bit as the peer sent them.
    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>>;

    /// Returns the nearest records, best first; ids and scores only.
    ///
    /// # Behavior
    /// - A missing namespace gives no matches.
    async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Vec<Match>>;

    /// Returns whether everything up to `lsn` of `namespace` can be read.
    ///
    /// # Behavior
    /// - `None` if the provider has no such number.
    async fn is_visible(&self, namespace: &Namespace, lsn: u64) -> Result<Option<bool>>;
}

/// An index that can be made, filled and deleted.
#[async_trait]
pub trait Target: Source {
    /// Asks for the index; it may not be ready yet when this returns.
    ///
    /// # Behavior
    /// - `AlreadyExists` if the name is taken, whatever the other index looks like.
    async fn create(&self, spec: &IndexSpec) -> Result<()>;

    /// Writes records; one with the same id is replaced as a whole.
    ///
    /// # Behavior
    /// - Idempotent.
    /// - All or nothing: an error means that none of them may be counted as written.
    /// - `TooLarge` if the request is over the limits; `Invalid` if a record is refused.
    /// - An empty list succeeds and touches nothing.
    async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Upserted>;

    /// Asks for a collection of this index's records; it may not be ready yet when this returns.
    ///
    /// # Behavior
    /// - Changes nothing in the index.
    /// - `AlreadyExists` if the name is taken.
    /// - `Unsupported` or `Refused` if this kind of index has none.
    async fn create_collection(&self, name: &str) -> Result<()>;

    /// Returns a collection of this index's project.
    ///
    /// # Behavior
    /// - `None` if there is no such collection; that is not an error.
    async fn collection(&self, name: &str) -> Result<Option<Collection>>;

    /// Creates an index as [`Target::create`] does, with the records of `collection` in it.
    ///
    /// # Behavior
    /// - The records may appear after the index is ready.
    /// - `AlreadyExists` if the name is taken.
    async fn create_from(&self, spec: &IndexSpec, collection: &str) -> Result<()>;

    /// Asks for a bulk import of the Parquet files below `uri`, one folder per namespace; returns its id.
    /// `integration` names what gives the provider access to a private bucket.
    ///
    /// # Behavior
    /// - Goes on after this returns; see [`Target::imports`].
    /// - A record that cannot be taken ends the import.
    /// - Namespaces that are there already are not imported into.
    async fn start_import(&self, uri: &str, integration: Option<&str>) -> Result<String>;

    /// Returns the imports into this index that the provider knows, in no order.
    ///
    /// # Behavior
    /// - Empty if this kind of index has none.
    async fn imports(&self) -> Result<Vec<Import>>;

    /// Returns the size of `record` in a request, in bytes, on the wire that is in use.
    fn request_bytes(&self, record: &Record) -> usize;

    /// Returns why the target would refuse `record` as it stands; `None` if it would accept it. The index's last
    /// description decides; if there is no index, `planned` does.
    fn rejects(&self, record: &Record, planned: Option<&IndexSpec>) -> Option<Refusal>;
}

/// An index whose protection can be changed, and that can be deleted together with what belongs to it. What cannot be
/// taken back is here and nowhere else, so that it can be withheld: a run gives it to its guard alone.
#[async_trait]
pub trait Admin: Target {
    /// Changes settings of the index.
    ///
    /// # Behavior
    /// - Applied asynchronously; read it back with [`Source::describe`].
    async fn configure(&self, change: &IndexChange) -> Result<()>;

    /// Deletes the index and all its records.
    ///
    /// # Behavior
    /// - Deleting an index that is not there succeeds.
    /// - `Refused` while deletion protection is on.
    async fn delete_index(&self) -> Result<()>;

    /// Deletes records by id.
    ///
    /// # Behavior
    /// - Ids that are not there are ignored.
    /// - At most [`Limits::delete_ids`] ids.
    async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()>;

    /// Deletes the records of a namespace that match `filter`.
    ///
    /// # Behavior
    /// - Succeeds if nothing matches or the namespace does not exist.
    /// - Applied asynchronously on an eventually consistent index: check whether they are gone.
    /// - `Invalid` for a filter that selects everything.
    async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()>;

    /// Deletes a namespace and all its records.
    ///
    /// # Behavior
    /// - Succeeds if there is nothing to delete.
    async fn delete_namespace(&self, namespace: &Namespace) -> Result<()>;

    /// Deletes a collection of this index's project.
    ///
    /// # Behavior
    /// - Succeeds if there is nothing to delete.
    async fn delete_collection(&self, name: &str) -> Result<()>;

    /// Ends an import in progress; what it imported may stay.
    ///
    /// # Behavior
    /// - One that has ended or is not known is left as it is.
    async fn cancel_import(&self, id: &str) -> Result<()>;
}

/// Returns whether every provider's index can keep a metadata value: a string, finite number, boolean or list of
/// strings.
pub fn is_plain(value: &MetadataValue) -> bool {
    match value {
        MetadataValue::Bool(_) | MetadataValue::String(_) => true,
        MetadataValue::Number(number) => number.is_finite(),
        MetadataValue::List(items) => {
            items.iter().all(|item| matches!(item, MetadataValue::String(_)))
        }
        MetadataValue::Null | MetadataValue::Digits(_) | MetadataValue::Object(_) => false,
    }
}

/// Returns the fields of `metadata` that are not plain (see [`is_plain`]), in order.
pub fn complex_fields(metadata: &Metadata) -> impl Iterator<Item = (&str, &MetadataValue)> {
    metadata
        .0
        .iter()
        .filter(|(_, value)| !is_plain(value))
        .map(|(name, value)| (name.as_str(), value))
}
