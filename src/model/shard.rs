//! A shard is one unit of copying, a cursor its place: values that serialise, so that any machine can go on from them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Namespace;

/// How the ids of a shard are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enumeration {
    /// The index lists them, page by page.
    List,
    /// One query with top_k 10,000, ids only; for namespaces of at most 10,000 records.
    Sweep,
    /// A file of ids from the system of record.
    Manifest { file: PathBuf },
}

impl Enumeration {
    pub fn name(&self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Sweep => "sweep",
            Self::Manifest { .. } => "manifest",
        }
    }
}

/// One namespace of the source on its way to one of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub source: Namespace,
    pub target: Namespace,
    pub enumeration: Enumeration,
    /// Records by the source's own count when the shard was planned.
    pub expected: u64,
}

/// Where a shard stands: everything before it has been acknowledged by the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    Start,
    /// The provider's token of the page that comes next, and the last id before it: where the token is no
    /// longer known, listing starts again and skips up to that id (ids are listed in bytewise order).
    Page {
        token: String,
        after: String,
    },
    /// The last id in bytewise order; enumerate again and skip up to and including it.
    After(String),
    /// Rows of the manifest that are done.
    Row(u64),
    End,
}
