//! Shards, which are units of copying, and cursors, which are places in them: values that serialise, so that any
//! machine can go on from them.

use std::fmt;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Namespace;
use crate::error::{Error, Result};

/// A part of a namespace that a store split off to be read by itself. Only the store that made it reads what is inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Range(Value);

impl Range {
    /// Keeps `inside`; what cannot be written as JSON is kept as null.
    pub fn new(inside: &impl Serialize) -> Self {
        Self(serde_json::to_value(inside).unwrap_or_default())
    }

    /// Reads what is inside; `None` if another store made it.
    pub fn inside<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_value(self.0.clone()).ok()
    }

    /// The store's word for how it reads the range.
    pub fn name(&self) -> &str {
        let key = || self.0.as_object().and_then(|object| object.keys().next());
        self.0.as_str().or_else(|| key().map(String::as_str)).unwrap_or("scan")
    }
}

/// The way in which the records of a shard are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enumeration {
    /// A file of ids from the system of record.
    Manifest { file: PathBuf },
    /// A staging index lists them: one that was made from a collection of the source.
    Staging { index: String },
    /// The target lists them: it was made from a collection of the source and holds the records already.
    Collection,
    /// The source reads them by itself.
    #[serde(untagged)]
    Scan(Range),
}

impl Enumeration {
    pub fn name(&self) -> &str {
        match self {
            Self::Scan(range) => range.name(),
            Self::Manifest { .. } => "manifest",
            Self::Staging { .. } => "staging",
            Self::Collection => "collection",
        }
    }
}

/// One namespace of the source, or a part of it, on its way to a namespace of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub source: Namespace,
    /// The part's number within its namespace; 0 if the namespace is one shard.
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
    /// Part of the namespace; see [`Shard::cell`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cell: u32,
}

impl Shard {
    pub fn id(&self) -> ShardId {
        ShardId { source: self.source.clone(), cell: self.cell }
    }

    /// Returns whether the source reads its records by itself.
    pub fn is_scanned(&self) -> bool {
        matches!(self.enumeration, Enumeration::Scan(_))
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
    End,
    /// A place on the way, which only what made it reads.
    #[serde(untagged)]
    At(Value),
}

impl Cursor {
    /// Keeps a place; what cannot be written as JSON is kept as the start.
    pub fn at(place: &impl Serialize) -> Self {
        serde_json::to_value(place).map_or(Self::Start, Self::At)
    }

    /// Reads the place; `None` at the start and at the end.
    ///
    /// # Errors
    /// `Invalid` if it was made by something else: going on from the start would count records twice.
    pub fn inside<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let Self::At(place) = self else { return Ok(None) };
        serde_json::from_value(place.clone()).map(Some).map_err(|error| {
            Error::invalid(format!("the place `{place}` in a shard cannot be read"))
                .with_source(error)
                .with_hint("another version of vecshift, or another kind of source, has written it")
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn journals_are_read_as_they_were_written() {
        for (text, name) in [
            (json!("list"), "list"),
            (json!("sweep"), "sweep"),
            (json!({ "partition": { "filter": { "a": 1 } } }), "partition"),
            (json!({ "manifest": { "file": "ids.csv" } }), "manifest"),
            (json!({ "staging": { "index": "s" } }), "staging"),
            (json!("collection"), "collection"),
        ] {
            let read: Enumeration = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(read.name(), name);
            assert_eq!(
                matches!(read, Enumeration::Scan(_)),
                ["list", "sweep", "partition"].contains(&name)
            );
            assert_eq!(serde_json::to_value(&read).unwrap(), text);
        }
        for (text, cursor) in [
            (json!("start"), Cursor::Start),
            (json!("end"), Cursor::End),
            (json!({ "row": 3 }), Cursor::At(json!({ "row": 3 }))),
        ] {
            assert_eq!(serde_json::from_value::<Cursor>(text.clone()).unwrap(), cursor);
            assert_eq!(serde_json::to_value(&cursor).unwrap(), text);
        }
    }
}
