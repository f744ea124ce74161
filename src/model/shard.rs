//! Shards, which are units of copying, and cursors, which are places in them: values that serialise, so that any
//! machine can go on from them.

use std::path::PathBuf;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Namespace;

/// The way in which the ids of a shard are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enumeration {
    /// The index lists them, page by page.
    List,
    /// One query with top_k 10,000, ids only; for namespaces of at most 10,000 records.
    Sweep,
    /// One such query within a cell of a bigger namespace: the records that pass `filter`, at most 10,000.
    Cell { filter: Value },
    /// A file of ids from the system of record.
    Manifest { file: PathBuf },
    /// A staging index lists them: one that was made from a collection of the source.
    Staging { index: String },
    /// The target lists them: it was made from a collection of the source and holds the records already.
    Collection,
}

impl Enumeration {
    pub fn name(&self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Sweep => "sweep",
            Self::Cell { .. } => "partition",
            Self::Manifest { .. } => "manifest",
            Self::Staging { .. } => "staging",
            Self::Collection => "collection",
        }
    }
}

/// One namespace of the source, or one cell of it, on its way to a namespace of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub source: Namespace,
    /// The cell's number within its namespace; 0 if the namespace is one shard.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cell: u32,
    pub target: Namespace,
    pub enumeration: Enumeration,
    /// Number of records by the source's own count when the shard was planned.
    pub expected: u64,
}

/// The identity of a shard within a copy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShardId {
    pub source: Namespace,
    /// Cell of the shard; see [`Shard::cell`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cell: u32,
}

impl Shard {
    pub fn id(&self) -> ShardId {
        ShardId { source: self.source.clone(), cell: self.cell }
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cell {
            0 => self.source.fmt(f),
            cell => write!(f, "{} cell {cell}", self.source),
        }
    }
}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A position in a shard: everything before it has been acknowledged by the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    Start,
    /// The provider's token of the page that comes next, and the last id before it: if the token is no longer known,
    /// listing starts again and skips up to that id (ids are listed in bytewise order).
    Page {
        token: String,
        after: String,
    },
    /// The last id in bytewise order. To go on, enumerate again and skip up to and including it.
    After(String),
    /// Number of manifest rows that are done.
    Row(u64),
    End,
}
