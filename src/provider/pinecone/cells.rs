//! The cells that a namespace is split into.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::conditions::Conditions;
use crate::model::Namespace;

/// Splits found so far, by namespace and its record count at that time.
pub(super) type Splits = Mutex<BTreeMap<(Namespace, u64), Partition>>;

/// The records of a namespace that match `conditions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub conditions: Conditions,
    /// The source's own count of them.
    pub records: u64,
}

/// More records than one query can reach, which no field separates.
#[derive(Clone, Debug, PartialEq)]
pub struct Stuck {
    pub cell: Cell,
    /// The reason why each field does not help, as `field: reason`.
    pub why: Vec<String>,
}

/// The cells of a namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partition {
    /// Disjoint cells, each small enough for one query.
    pub cells: Vec<Cell>,
    pub stuck: Vec<Stuck>,
    /// Fields used for splitting.
    pub fields: BTreeSet<String>,
    /// The number of counts requested.
    pub counts: u64,
    /// Whether the allowed number of counts did not suffice, so that there are more cells than these.
    pub is_cut_off: bool,
    /// The most records in a cell, which is less than a query's limit if ids are long.
    pub limit: u64,
}

impl Partition {
    /// Returns the records beyond the reach of one query, over all cells that cannot be split.
    pub fn out_of_reach(&self) -> u64 {
        self.stuck.iter().map(|stuck| stuck.cell.records.saturating_sub(self.limit)).sum()
    }

    /// Returns the records in all cells.
    pub fn records(&self) -> u64 {
        let stuck = self.stuck.iter().map(|stuck| stuck.cell.records);
        self.cells.iter().map(|cell| cell.records).chain(stuck).sum()
    }
}
