//! One measured operation of a probe.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ErrorKind;

/// One of the two indexes of a migration.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Source,
    Target,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// The operation that was timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Query,
    /// The first query of a namespace, kept apart from the others.
    ColdQuery,
    Fetch,
}

/// The way in which an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    Failed(ErrorKind),
    /// Never sent, because as many operations as the probe allows were still waiting for an answer.
    /// It counts as failed: a user would have waited, too.
    Overloaded,
}

/// Agreement of both sides' answers to one query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlap {
    /// Number of best answers that were compared.
    pub k: u32,
    /// Share of them that both sides gave, 0 to 1.
    pub share: f64,
}

/// One measured operation of a probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Time at which it ended, so that a slow answer is never too late for its window.
    pub at: Timestamp,
    pub side: Side,
    pub operation: Operation,
    /// Real time from the intended start to the answer; meaningless for [`Outcome::Overloaded`].
    pub latency: Duration,
    pub outcome: Outcome,
    /// One per compared k; empty unless both sides answered. Only samples of the target have them.
    pub overlaps: Vec<Overlap>,
    /// True if the query carried a metadata filter.
    pub is_filtered: bool,
    /// True if the query carried sparse values, alone or beside a dense vector.
    pub has_sparse: bool,
}
