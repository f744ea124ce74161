//! What the entries add up to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::emulator::store::Store;
use crate::pinecone_wire::proto;

use super::entry::{Entry, Head, Part, messages, stored};

/// Number of records in an entry of a whole index.
const RECORDS: usize = 200;

/// An index and its records.
pub(crate) struct Kept {
    pub head: Head,
    pub store: Store,
}

/// Everything that is kept.
#[derive(Default)]
pub(crate) struct Image {
    pub ids: u64,
    /// By their ids.
    indexes: BTreeMap<String, Kept>,
    /// Parts of indexes that are not there yet.
    parts: BTreeMap<String, Store>,
}

impl Image {
    /// Takes an entry; `None` if it cannot be one.
    pub(super) fn take(&mut self, entry: Entry, records: Vec<proto::Vector>) -> Option<()> {
        match entry {
            Entry::Ids(given) => self.ids = self.ids.max(given),
            Entry::Index(head) => match self.indexes.get_mut(&head.id) {
                Some(kept) => kept.head = *head,
                None => {
                    let store = self.parts.remove(&head.id).unwrap_or_default();
                    self.indexes.insert(head.id.clone(), Kept { head: *head, store });
                }
            },
            Entry::Part { index, namespace, part } => {
                let store = self.parts.entry(index).or_default();
                match part {
                    Part::Space { lsn, is_there, filterable } => {
                        store.put_space(&namespace, lsn, is_there, filterable);
                    }
                    Part::Records => store.put_records(&namespace, stored(records)?),
                }
            }
            Entry::Deleted { index } => drop(self.indexes.remove(&index)),
            Entry::Written { index, namespace, what } => {
                let write = what.write(records)?;
                // A write may come in while its index is deleted.
                if let Some(kept) = self.indexes.get_mut(&index) {
                    let now = Timestamp::UNIX_EPOCH;
                    kept.store.write(&namespace, write, now, Duration::ZERO);
                    if kept.head.is_pod() {
                        kept.store.forget_empty();
                    }
                }
            }
            Entry::Created { index, namespace, filterable } => {
                if let Some(kept) = self.indexes.get_mut(&index) {
                    kept.store.create(&namespace, filterable);
                }
            }
            Entry::Dropped { index, namespace } => {
                if let Some(kept) = self.indexes.get_mut(&index) {
                    kept.store.remove(&namespace);
                }
            }
        }
        Some(())
    }

    pub fn into_indexes(self) -> impl Iterator<Item = Kept> {
        self.indexes.into_values()
    }

    /// Returns whether a file of this many bytes is more of the past than of what is kept. Parts that belong to nothing
    /// must go: their index was never there, and another may get its id.
    pub(super) fn is_mostly_past(&self, bytes: u64) -> bool {
        /// Not worth writing anew.
        const LITTLE: u64 = 1 << 20;
        let records = self.indexes.values().flat_map(|kept| kept.store.records());
        let living: u64 = records.map(|stored| stored.record.stored_bytes() as u64).sum();
        !self.parts.is_empty() || bytes > LITTLE + 2 * living
    }

    /// Gives the entries that add up to this.
    pub(super) fn entries<E>(
        &self,
        mut give: impl FnMut(Entry, Vec<proto::Vector>) -> Result<(), E>,
    ) -> Result<(), E> {
        give(Entry::Ids(self.ids), Vec::new())?;
        self.indexes.values().try_for_each(|kept| whole(&kept.head, &kept.store, &mut give))
    }
}

/// Gives the entries of a whole index, the one that makes it be there last.
pub(super) fn whole<E>(
    head: &Head,
    store: &Store,
    mut give: impl FnMut(Entry, Vec<proto::Vector>) -> Result<(), E>,
) -> Result<(), E> {
    let part = |namespace, part| {
        let namespace = crate::model::Namespace::clone(namespace);
        Entry::Part { index: head.id.clone(), namespace, part }
    };
    for (namespace, lsn) in store.lsns() {
        let space = store.spaces.get(namespace);
        let filterable = space.and_then(|space| space.filterable.clone());
        let is_there = space.is_some();
        give(part(namespace, Part::Space { lsn, is_there, filterable }), Vec::new())?;
        let records: Vec<_> = space.into_iter().flat_map(|space| space.records.values()).collect();
        for chunk in records.chunks(RECORDS) {
            give(part(namespace, Part::Records), messages(chunk.iter().copied()))?;
        }
    }
    give(Entry::Index(Box::new(head.clone())), Vec::new())
}
