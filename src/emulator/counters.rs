//! Counts of requests to the emulator, so that a test can prove that the source was never written to and that nothing
//! was copied twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::{Namespace, RecordId};

use super::faults::Fault;
use crate::pinecone_wire::Operation;

/// Counts since the emulator started. A deleted index keeps its entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests by operation (`upsert`, `query`, `create_index`, …), refused ones included.
    pub requests: BTreeMap<&'static str, u64>,
    /// Faults played, by name (`rate_limited`, `unavailable`, `reset`, `truncated`).
    pub faults: BTreeMap<&'static str, u64>,
    /// Requests refused by a documented rate limit.
    pub rate_limited: u64,
    pub indexes: BTreeMap<String, IndexCounters>,
}

/// Counts of one index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexCounters {
    /// Data plane requests by operation, refused ones included.
    pub requests: BTreeMap<&'static str, u64>,
    /// Writes over the wire that were applied: upsert, update, delete, create and delete namespace, and the
    /// steps of imports.
    pub writes: u64,
    /// Records added by bulk imports.
    pub imported: u64,
    /// Number of times each record was upserted over the wire.
    pub upserts: BTreeMap<Namespace, BTreeMap<RecordId, u32>>,
}

impl Counters {
    /// Requests of one operation.
    pub fn requests(&self, operation: &str) -> u64 {
        self.requests.get(operation).copied().unwrap_or(0)
    }

    /// Writes applied to an index over the wire.
    pub fn writes(&self, index: &str) -> u64 {
        self.indexes.get(index).map_or(0, |index| index.writes)
    }
}

impl IndexCounters {
    /// Upserts of records over the wire; a record that was upserted twice counts twice.
    pub fn upserted(&self) -> u64 {
        self.upserts.values().flat_map(|ids| ids.values()).map(|count| u64::from(*count)).sum()
    }

    /// Records that were upserted more than once.
    pub fn upserted_again(&self) -> impl Iterator<Item = (&Namespace, &RecordId)> {
        self.upserts.iter().flat_map(|(namespace, ids)| {
            let again = ids.iter().filter(|(_, count)| **count > 1);
            again.map(move |(id, _)| (namespace, id))
        })
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counters>);

impl Tally {
    pub fn snapshot(&self) -> Counters {
        self.lock().clone()
    }

    pub fn request(&self, operation: Operation, index: Option<&str>) {
        let mut counters = self.lock();
        *counters.requests.entry(operation.name()).or_default() += 1;
        if let Some(index) = index {
            *of(&mut counters, index).requests.entry(operation.name()).or_default() += 1;
        }
    }

    pub fn fault(&self, fault: Fault) {
        *self.lock().faults.entry(fault.name()).or_default() += 1;
    }

    pub fn rate_limited(&self) {
        self.lock().rate_limited += 1;
    }

    pub fn import(&self, index: &str, records: u64) {
        let mut counters = self.lock();
        let index = of(&mut counters, index);
        index.writes += 1;
        index.imported += records;
    }

    pub fn write(&self, index: &str) {
        of(&mut self.lock(), index).writes += 1;
    }

    pub fn upsert<'a>(
        &self,
        index: &str,
        namespace: &Namespace,
        ids: impl Iterator<Item = &'a RecordId>,
    ) {
        let mut counters = self.lock();
        let upserts = of(&mut counters, index).upserts.entry(namespace.clone()).or_default();
        ids.for_each(|id| *upserts.entry(id.clone()).or_default() += 1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of<'a>(counters: &'a mut Counters, index: &str) -> &'a mut IndexCounters {
    if !counters.indexes.contains_key(index) {
        counters.indexes.insert(index.to_owned(), IndexCounters::default());
    }
    counters.indexes.entry(index.to_owned()).or_default()
}
