//! Things a run makes on the way and removes again: collections and staging indexes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something in the target's project that exists only for this run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Resource {
    pub kind: ResourceKind,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A frozen copy of the source's records, from which an index is made.
    Collection,
    /// An index made from a collection, only to list the source's ids.
    StagingIndex,
    /// A folder of Parquet files that the target imports, by its URI.
    ImportFolder,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ResourceKind::Collection => "collection",
            ResourceKind::StagingIndex => "staging index",
            ResourceKind::ImportFolder => "import folder",
        };
        write!(f, "{kind} `{}`", self.name)
    }
}
