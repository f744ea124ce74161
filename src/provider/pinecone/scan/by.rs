//! Ranges of an index and places in them, as they are kept in journals.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{Filter, Range};
use crate::provider::pinecone::filter::kept;

/// How the ids of a range are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum By {
    /// The index lists them, page by page.
    List,
    /// One query, ids only; for namespaces of at most as many records as it gives.
    Sweep,
    /// One such query within a cell of a bigger namespace: the records that pass `filter`.
    #[serde(alias = "cell")]
    Partition {
        #[serde(with = "kept")]
        filter: Filter,
    },
}

impl By {
    pub fn range(&self) -> Range {
        Range::new(self)
    }

    pub fn of(range: &Range) -> Result<Self> {
        let foreign = || {
            Error::invalid(format!("a range of another kind of store: `{}`", range.name()))
                .with_hint("a newer vecshift, or another source, may have planned it")
        };
        range.inside().ok_or_else(foreign)
    }

    pub fn filter(&self) -> Option<&Filter> {
        match self {
            Self::Partition { filter } => Some(filter),
            Self::List | Self::Sweep => None,
        }
    }
}

/// A place among ids.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// The token of the page that comes next, and the last id before it: if the token is no longer known, listing starts
    /// again and skips up to that id (ids are listed in bytewise order).
    Page { token: String, after: String },
    /// The last id in bytewise order. To go on, find them again and skip up to and including it.
    After(String),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_of_an_older_journal_is_read_and_written_as_the_json_that_is_sent() {
        let filter =
            json!({ "$and": [{ "year": { "$gte": -5.5 } }, { "kind": { "$nin": ["a"] } }] });
        for word in ["cell", "partition"] {
            let range: Range =
                serde_json::from_value(json!({ word: { "filter": filter } })).unwrap();
            let by = By::of(&range).unwrap();
            let read = Filter::read(&filter).unwrap();
            assert_eq!(by.filter(), Some(&read));
            let again = By::of(&by.range()).unwrap();
            assert_eq!(again, by);
        }
        let foreign: Range =
            serde_json::from_value(json!({ "partition": { "filter": { "a": { "$like": 1 } } } }))
                .unwrap();
        assert!(By::of(&foreign).is_err());
    }
}
