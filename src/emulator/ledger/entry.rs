//! What an entry says, and how it is written: its head as JSON, and its records as the messages of the wire.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::emulator::store::{Change, Stored, Write};
use crate::model::{Filter, IndexSpec, Metric, Namespace, Record, RecordId, VectorType};
use crate::pinecone_wire::control::ReadCapacity;
use crate::pinecone_wire::json::MetadataSchema;
use crate::pinecone_wire::{Deployment, proto};

/// One change of what the emulator keeps. Indexes are named by their ids: a name may be given again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// So many ids were given out.
    Ids(u64),
    /// An index is there: a new one with the parts that came before, or one whose settings changed.
    Index(Box<Head>),
    /// A part of an index that is there once its `Index` follows.
    Part {
        index: String,
        namespace: Namespace,
        part: Part,
    },
    Deleted {
        index: String,
    },
    Written {
        index: String,
        namespace: Namespace,
        what: Written,
    },
    /// A namespace was created by its name.
    Created {
        index: String,
        namespace: Namespace,
        filterable: Option<Vec<String>>,
    },
    /// A namespace was deleted with its records.
    Dropped {
        index: String,
        namespace: Namespace,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// A namespace that was written to, and whether it is there still.
    Space {
        lsn: u64,
        is_there: bool,
        filterable: Option<Vec<String>>,
    },
    Records,
}

/// An index without its records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub id: String,
    pub name: String,
    pub dimension: Option<u32>,
    pub metric: Metric,
    pub vector_type: VectorType,
    pub deployment: Deployment,
    pub deletion_protection: bool,
    pub tags: BTreeMap<String, String>,
    pub schema: Option<MetadataSchema>,
    pub read_capacity: ReadCapacity,
    pub began: Timestamp,
    pub is_made_by_client: bool,
}

/// A write apart from the records it carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Written {
    Upsert,
    Update,
    UpdateWhere(Filter),
    Delete(Vec<String>),
    DeleteWhere(Filter),
    DeleteAll,
}

/// An entry on the disk.
#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    #[prost(string, tag = "1")]
    head: String,
    #[prost(message, repeated, tag = "2")]
    records: Vec<proto::Vector>,
}

impl Head {
    pub fn spec(&self) -> IndexSpec {
        IndexSpec {
            name: self.name.clone(),
            dimension: self.dimension,
            metric: self.metric,
            vector_type: self.vector_type,
            deployment: self.deployment.clone().into(),
            deletion_protection: self.deletion_protection,
            tags: self.tags.clone(),
        }
    }

    pub fn is_pod(&self) -> bool {
        matches!(self.deployment, Deployment::Pod { .. })
    }
}

/// Writes an entry and its records.
pub(super) fn encode(entry: &Entry, records: Vec<proto::Vector>) -> Option<Vec<u8>> {
    let head = serde_json::to_string(entry).ok()?;
    Some(Payload { head, records }.encode_to_vec())
}

/// Reads an entry and its records; `None` if this is neither.
pub(super) fn decode(payload: &[u8]) -> Option<(Entry, Vec<proto::Vector>)> {
    let payload = Payload::decode(payload).ok()?;
    Some((serde_json::from_str(&payload.head).ok()?, payload.records))
}

pub(super) fn messages<'a>(
    stored: impl IntoIterator<Item = &'a Arc<Stored>>,
) -> Vec<proto::Vector> {
    stored.into_iter().map(|stored| proto::to_vector(&stored.record)).collect()
}

/// Returns the records of messages; `None` if one of them is none.
pub(super) fn stored(messages: Vec<proto::Vector>) -> Option<Vec<Arc<Stored>>> {
    let read = |message| proto::from_vector(message).ok().map(Stored::new).map(Arc::new);
    messages.into_iter().map(read).collect()
}

impl Written {
    /// Returns what a write does, and the messages that carry its values.
    pub fn of(write: &Write) -> (Self, Vec<proto::Vector>) {
        match write {
            Write::Upsert(records) => (Self::Upsert, messages(records)),
            Write::Update { id, change } => {
                let vector = change.vector.as_ref();
                let message = proto::Vector {
                    id: id.to_string(),
                    values: vector.map(|vector| vector.as_le_bytes().clone()).unwrap_or_default(),
                    metadata: change.metadata.clone(),
                    sparse_values: change.sparse.as_ref().map(proto::to_sparse),
                };
                (Self::Update, vec![message])
            }
            Write::UpdateWhere { filter, set } => {
                let message = proto::Vector { metadata: Some(set.clone()), ..Default::default() };
                (Self::UpdateWhere(filter.clone()), vec![message])
            }
            Write::Delete(ids) => {
                let ids = ids.iter().map(|id| id.to_string()).collect();
                (Self::Delete(ids), Vec::new())
            }
            Write::DeleteWhere(filter) => (Self::DeleteWhere(filter.clone()), Vec::new()),
            Write::DeleteAll => (Self::DeleteAll, Vec::new()),
        }
    }

    /// Makes the write again; `None` if the messages do not belong to it.
    pub fn write(self, messages: Vec<proto::Vector>) -> Option<Write> {
        Some(match self {
            Self::Upsert => Write::Upsert(stored(messages)?),
            Self::Update => {
                let record = only(messages)?;
                let change = Change {
                    vector: Some(record.dense().clone()).filter(|vector| !vector.is_empty()),
                    sparse: record.sparse().cloned(),
                    metadata: Some(record.metadata),
                };
                Write::Update { id: record.id, change }
            }
            Self::UpdateWhere(filter) => {
                Write::UpdateWhere { filter, set: only(messages)?.metadata }
            }
            Self::Delete(ids) => Write::Delete(ids.into_iter().map(RecordId::from).collect()),
            Self::DeleteWhere(filter) => Write::DeleteWhere(filter),
            Self::DeleteAll => Write::DeleteAll,
        })
    }
}

fn only(messages: Vec<proto::Vector>) -> Option<Record> {
    let [message] = <[_; 1]>::try_from(messages).ok()?;
    proto::from_vector(message).ok()
}
