//! The records of one index: namespaces, writes that wait until they are visible, log sequence numbers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Timestamp, after};
use crate::model::{
    Filter, Metadata, Namespace, Record, RecordId, SparseVector, Vector, VectorName,
};

use super::arithmetic;

/// A record, prepared for searching.
#[derive(Debug)]
pub(crate) struct Stored {
    pub record: Record,
    /// The dense vector as numbers; empty if there is none.
    pub values: Vec<f32>,
    /// Length of `values`.
    pub norm: f32,
}

impl Stored {
    pub fn new(record: Record) -> Self {
        let values: Vec<f32> = record.dense().values().collect();
        let norm = arithmetic::norm(&values);
        Self { record, values, norm }
    }
}

/// A write that was checked and acknowledged.
#[derive(Debug)]
pub(crate) enum Write {
    Upsert(Vec<Arc<Stored>>),
    Update { id: RecordId, change: Change },
    UpdateWhere { filter: Filter, set: Metadata },
    Delete(Vec<RecordId>),
    DeleteWhere(Filter),
    DeleteAll,
}

/// The parts of a record that an update replaces; metadata is merged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub vector: Option<Vector>,
    pub sparse: Option<SparseVector>,
    pub metadata: Option<Metadata>,
}

/// One namespace.
#[derive(Debug, Default)]
pub(crate) struct Space {
    pub records: BTreeMap<RecordId, Arc<Stored>>,
    /// Metadata fields that can be filtered on, if the namespace was created with a schema.
    pub filterable: Option<Vec<String>>,
    waiting: VecDeque<(Timestamp, u64, Write)>,
    /// True if it was created by name or has shown a record; stays true when the records go.
    pub is_created: bool,
    /// Number of the last write that can be read.
    pub visible_lsn: u64,
}

impl Space {
    /// Returns whether the index shows this namespace: it was created by name or has held a record.
    pub fn exists(&self) -> bool {
        self.is_created
    }
}

/// All namespaces of an index.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub spaces: BTreeMap<Namespace, Space>,
    /// Last number given out per namespace, kept when the namespace is deleted: numbers never go back.
    last_lsn: BTreeMap<Namespace, u64>,
    next_due: Option<Timestamp>,
}

impl Store {
    /// Accepts a write that can be read after `lag`; returns its log sequence number.
    pub fn write(
        &mut self,
        namespace: &Namespace,
        write: Write,
        now: Timestamp,
        lag: Duration,
    ) -> u64 {
        let lsn = self.last_lsn.entry(namespace.clone()).or_default();
        *lsn += 1;
        let lsn = *lsn;
        let due = after(now, lag);
        let space = self.spaces.entry(namespace.clone()).or_default();
        space.waiting.push_back((due, lsn, write));
        self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
        self.settle(now);
        lsn
    }

    /// Returns whether [`Store::settle`] has something to do.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.next_due.is_some_and(|due| due <= now)
    }

    /// Makes writes visible that are due.
    pub fn settle(&mut self, now: Timestamp) {
        if !self.is_due(now) {
            return;
        }
        for space in self.spaces.values_mut() {
            space.settle(now);
        }
        self.spaces.retain(|_, space| space.exists() || !space.waiting.is_empty());
        self.next_due =
            self.spaces.values().filter_map(|space| Some(space.waiting.front()?.0)).min();
    }

    /// Makes a namespace be there without a record.
    pub fn create(&mut self, namespace: &Namespace, filterable: Option<Vec<String>>) {
        let space = self.spaces.entry(namespace.clone()).or_default();
        space.is_created = true;
        space.filterable = filterable;
    }

    /// Returns the namespaces that were ever written to or are there, each with its last number.
    pub fn lsns(&self) -> BTreeMap<&Namespace, u64> {
        let there = self.spaces.keys().map(|name| (name, 0));
        there.chain(self.last_lsn.iter().map(|(name, lsn)| (name, *lsn))).collect()
    }

    /// Puts back a namespace that was written to so often, and whether it is there.
    pub fn put_space(
        &mut self,
        namespace: &Namespace,
        lsn: u64,
        is_there: bool,
        filterable: Option<Vec<String>>,
    ) {
        if lsn > 0 {
            self.last_lsn.insert(namespace.clone(), lsn);
        }
        if is_there {
            self.create(namespace, filterable);
            self.spaces.entry(namespace.clone()).or_default().visible_lsn = lsn;
        }
    }

    /// Puts back records of a namespace that was put back.
    pub fn put_records(&mut self, namespace: &Namespace, records: Vec<Arc<Stored>>) {
        let space = self.spaces.entry(namespace.clone()).or_default();
        space.apply(Write::Upsert(records));
    }

    /// Drops a namespace with its records and pending writes; returns false if there is none.
    pub fn remove(&mut self, namespace: &Namespace) -> bool {
        self.spaces.remove(namespace).is_some()
    }

    /// Drops namespaces without records, as a pod does.
    pub fn forget_empty(&mut self) {
        self.spaces.retain(|_, space| !space.records.is_empty() || !space.waiting.is_empty());
    }

    /// Copies everything that can be read; records are shared.
    pub fn snapshot(&self) -> Self {
        let is_kept = |space: &Space| !space.records.is_empty() || space.filterable.is_some();
        let spaces = self.spaces.iter().filter(|(_, space)| is_kept(space));
        let copy = |space: &Space| Space {
            records: space.records.clone(),
            filterable: space.filterable.clone(),
            visible_lsn: 1,
            is_created: true,
            ..Space::default()
        };
        Self {
            spaces: spaces.clone().map(|(name, space)| (name.clone(), copy(space))).collect(),
            last_lsn: spaces.map(|(name, _)| (name.clone(), 1)).collect(),
            next_due: None,
        }
    }

    pub fn records(&self) -> impl Iterator<Item = &Arc<Stored>> {
        self.spaces.values().flat_map(|space| space.records.values())
    }

    pub fn count(&self) -> usize {
        self.spaces.values().map(|space| space.records.len()).sum()
    }
}

impl Space {
    fn settle(&mut self, now: Timestamp) {
        while self.waiting.front().is_some_and(|(due, ..)| *due <= now) {
            let Some((_, lsn, write)) = self.waiting.pop_front() else { return };
            self.visible_lsn = lsn;
            self.apply(write);
        }
    }

    fn apply(&mut self, write: Write) {
        match write {
            Write::Upsert(records) => {
                let entries = records.into_iter().map(|stored| (stored.record.id.clone(), stored));
                self.records.extend(entries);
                self.is_created = true;
            }
            Write::Update { id, change } => {
                if let Some(stored) = self.records.get_mut(&id) {
                    *stored = change.applied_to(stored);
                }
            }
            Write::UpdateWhere { filter, set } => {
                let change = Change { metadata: Some(set), ..Change::default() };
                let matching =
                    self.records.values_mut().filter(|s| filter.matches(&s.record.metadata));
                matching.for_each(|stored| *stored = change.applied_to(stored));
            }
            Write::Delete(ids) => ids.iter().for_each(|id| {
                self.records.remove(id);
            }),
            Write::DeleteWhere(filter) => {
                self.records.retain(|_, stored| !filter.matches(&stored.record.metadata));
            }
            Write::DeleteAll => {
                self.records.clear();
                self.is_created = false;
            }
        }
    }
}

impl Change {
    fn applied_to(&self, stored: &Stored) -> Arc<Stored> {
        let mut record = stored.record.clone();
        if let Some(vector) = &self.vector {
            record.vectors.put(VectorName::DENSE, vector.clone());
        }
        if let Some(sparse) = &self.sparse {
            record.vectors.put(VectorName::SPARSE, sparse.clone());
        }
        if let Some(metadata) = &self.metadata {
            record.metadata.0.extend(metadata.0.clone());
        }
        Arc::new(Stored::new(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Vectors;

    fn upsert(id: &str) -> Write {
        let record = Record {
            id: RecordId::new(id),
            vectors: Vectors::plain(Vector::from_values([1.0]), None),
            metadata: Metadata::default(),
        };
        Write::Upsert(vec![Arc::new(Stored::new(record))])
    }

    #[test]
    fn a_write_is_read_after_the_lag_and_in_its_order() {
        let (ns, start) = (Namespace::new("a"), Timestamp::UNIX_EPOCH);
        let lag = Duration::from_millis(300);
        let mut store = Store::default();
        assert_eq!(store.write(&ns, upsert("1"), start, lag), 1);
        assert_eq!(store.write(&ns, Write::Delete(vec!["1".into()]), start, lag), 2);
        assert_eq!(store.write(&ns, upsert("2"), after(start, lag), lag), 3);
        let count = |store: &Store| store.spaces.get(&ns).map(|s| (s.records.len(), s.visible_lsn));
        assert_eq!(count(&store), Some((0, 2)));
        store.settle(after(start, lag * 2));
        assert_eq!(count(&store), Some((1, 3)));
    }

    #[test]
    fn numbers_never_go_back() {
        let (ns, now) = (Namespace::new("a"), Timestamp::UNIX_EPOCH);
        let mut store = Store::default();
        store.write(&ns, upsert("1"), now, Duration::ZERO);
        assert!(store.remove(&ns));
        assert!(!store.remove(&ns));
        assert_eq!(store.write(&ns, upsert("1"), now, Duration::ZERO), 2);
    }

    #[test]
    fn deleting_all_drops_the_namespace() {
        let (ns, now) = (Namespace::new("a"), Timestamp::UNIX_EPOCH);
        let mut store = Store::default();
        store.write(&ns, upsert("1"), now, Duration::ZERO);
        store.write(&ns, Write::DeleteAll, now, Duration::ZERO);
        assert!(store.spaces.is_empty());
    }
}
