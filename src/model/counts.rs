//! What an index counts of itself, and what such counts are worth.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Namespace;
use crate::error::{Error, ErrorKind, Result};

/// The index's own counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexStats {
    pub dimension: Option<u32>,
    pub namespaces: BTreeMap<Namespace, u64>,
    pub total: u64,
    pub of: Counted,
    pub quality: Quality,
}

/// What a count counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Records, each of an id of its own within its namespace.
    #[default]
    Ids,
    /// Rows, of which two may have one id.
    Rows,
}

/// How near a count is to what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    #[default]
    Exact,
    /// Exact once the last writes are counted, a while after they were acknowledged.
    Lagging,
    /// Near it, and never more.
    Estimate,
}

impl IndexStats {
    /// Returns the number of records in one namespace; 0 if the index does not know it.
    pub fn count(&self, namespace: &Namespace) -> u64 {
        self.namespaces.get(namespace).copied().unwrap_or(0)
    }

    /// The counts, for a caller that decides by them.
    ///
    /// # Errors
    /// `Refused` if they are estimates, which prove nothing: not even that nothing is there.
    pub fn proven(self) -> Result<Self> {
        match self.quality {
            Quality::Exact | Quality::Lagging => Ok(self),
            Quality::Estimate => Err(Error::new(
                ErrorKind::Refused,
                "the index only estimates how many records it holds, and an estimate proves nothing",
            )),
        }
    }

    /// What somebody who reads them should know, in a few words; `None` of exact counts of ids.
    pub fn caveat(&self) -> Option<&'static str> {
        match (self.quality, self.of) {
            (Quality::Exact, Counted::Ids) => None,
            (Quality::Exact, Counted::Rows) => {
                Some("rows are counted, of which two may have one id")
            }
            (Quality::Lagging, Counted::Ids) => Some("its counts may lag behind writes"),
            (Quality::Lagging, Counted::Rows) => {
                Some("rows are counted, and may lag behind writes")
            }
            (Quality::Estimate, _) => Some("its counts are estimates"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_proves_nothing_not_even_that_nothing_is_there() {
        let of = |quality| IndexStats { quality, ..IndexStats::default() };
        assert!(of(Quality::Exact).proven().is_ok());
        assert!(of(Quality::Lagging).proven().is_ok());
        assert_eq!(of(Quality::Estimate).proven().unwrap_err().kind(), ErrorKind::Refused);
        assert_eq!(of(Quality::Exact).caveat(), None);
        assert!(of(Quality::Estimate).caveat().unwrap().contains("estimates"));
    }
}
