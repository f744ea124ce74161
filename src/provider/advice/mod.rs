//! What a system says of a migration from or to it before anything is done: how fast it can be, what it costs, what the
//! service allows, and what an application finds or misses there.

mod candidate;
mod pace;

pub(crate) use self::candidate::{Candidate, Facts, Files, Size};
pub(crate) use self::pace::{Bound, Reading, words};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::model::Deployment;

/// A documented rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rated {
    pub a_second: f64,
    /// The limit in words: `200 lists/s of the source`.
    pub words: &'static str,
}

/// Fetches by id that an index answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fetches {
    pub rated: Rated,
    /// The most ids and bytes of one.
    pub ids: f64,
    pub bytes: f64,
}

/// How fast an index can be read and written by documented limits; `None` where there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pace {
    pub fetches: Option<Fetches>,
    /// Ids that it lists.
    pub listed: Option<Rated>,
    /// Bytes that one namespace takes.
    pub written: Option<Rated>,
}

/// The amount of data and queries to estimate costs for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load<'a> {
    pub records: u64,
    /// Total bytes as billed by the service.
    pub bytes: f64,
    /// Bytes of each namespace.
    pub namespace_bytes: &'a [f64],
    /// Logged queries of a namespace, and its bytes; without them queries are assumed to be distributed by size.
    pub asked: &'a [(f64, f64)],
}

/// What an index costs that is copied from, in US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SourceCost {
    /// `None` if unknown.
    pub monthly: Option<f64>,
    /// The cost of reading every record once.
    pub read: f64,
}

/// What an index costs that is copied to, in US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct TargetCost {
    /// `None` if unknown.
    pub monthly: Option<f64>,
    /// The cost of writing every record once.
    pub write: f64,
    /// The cost of writing every record by a bulk import, if there is one and its price is known.
    pub import: Option<f64>,
    /// The cost of reading every record once.
    pub read: f64,
}

/// Costs of the source, the target and the copy, in US dollars; `None` if unknown.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Estimate {
    pub source_monthly: Option<f64>,
    pub target_monthly: Option<f64>,
    /// The cost of writing, plus that of reading the source if it charges for it.
    pub copy: f64,
    /// The cost of the copy as a bulk import, if its price is known.
    pub import: Option<f64>,
    /// The cost of reading every record once on both sides, if reading is charged, including outbound traffic.
    pub verify: f64,
}

impl Estimate {
    /// The share of the source's cost that is saved; negative if the target costs more.
    pub fn saving(&self) -> Option<f64> {
        let source = self.source_monthly.filter(|cost| *cost > 0.0)?;
        Some(1.0 - self.target_monthly? / source)
    }
}

/// The origin of one number in a price list.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Origin {
    /// The number's name under `prices:` in a plan.
    pub name: &'static str,
    /// The number; `None` if unknown.
    pub value: Option<f64>,
    /// `plan`, `built in`, `query log` or `nobody`.
    pub from: &'static str,
    /// The source of the number as given in the plan or the list.
    pub source: String,
}

/// The prices of a system, with those that a plan gives in place of its own.
pub(crate) trait PriceList: Send + Sync {
    /// Returns the month in which the built-in prices were looked up.
    fn as_of(&self) -> &'static str;

    fn origins(&self) -> &[Origin];

    /// Returns the whole list for machines.
    fn to_json(&self) -> Value;

    fn of_source(&self, deployment: &Deployment, load: Load<'_>) -> SourceCost;

    fn of_target(&self, load: Load<'_>) -> TargetCost;

    /// Returns the cost of bytes that leave the service.
    fn leaving(&self, bytes: f64) -> f64;
}

/// What a migration needs of the target's service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Needs {
    pub namespaces: u64,
    pub records: u64,
    pub bytes: f64,
}

/// The comparison of one limit of a subscription with what the migration needs.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct LimitCheck {
    /// The subscription, in the word of a plan's `service_plan`.
    pub plan: &'static str,
    /// The limited quantity: `namespaces of an index`.
    pub what: &'static str,
    pub needed: u64,
    pub allowed: u64,
    pub holds: bool,
}

/// The degree to which an operation is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    Yes,
    No,
    /// Supported within limits or in another way, as the row's note says.
    Partly,
    /// Not documented; try it before relying on it.
    Unknown,
}

impl Support {
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Partly => "partly",
            Self::Unknown => "unknown",
        }
    }
}

/// An operation that an application may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// Its name, which is the same for every system.
    pub operation: &'static str,
    /// Its support by each kind of the system's indexes.
    pub support: &'static [(&'static str, Support)],
    /// The alternative, or the condition under which it works.
    pub note: &'static str,
}

impl Operation {
    /// Returns the support by indexes of this kind; `None` for a kind that the table does not cover.
    pub fn of(&self, kind: &str) -> Option<Support> {
        self.support.iter().find(|(known, _)| *known == kind).map(|(_, support)| *support)
    }
}

/// An object with `operation`, the support by each kind, and `note`.
impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("operation", self.operation)?;
        for (kind, support) in self.support {
            map.serialize_entry(kind, support.word())?;
        }
        map.serialize_entry("note", self.note)?;
        map.end()
    }
}

/// Returns the operations that the source supports at least partly, and the target not or only in another way.
pub(crate) fn lost(
    (source, source_kind): (&'static [Operation], &str),
    (target, target_kind): (&'static [Operation], &str),
) -> Vec<&'static Operation> {
    use Support::{No, Partly, Yes};
    let is_lost = |there: &&Operation| {
        let here = source.iter().find(|here| here.operation == there.operation);
        matches!(
            (here.and_then(|here| here.of(source_kind)), there.of(target_kind)),
            (Some(Yes), Some(Partly)) | (Some(Yes | Partly), Some(No))
        )
    };
    target.iter().filter(is_lost).collect()
}
