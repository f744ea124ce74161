//! The operations that write: upsert, update, delete.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::emulator::checks;
use crate::emulator::error::{Answer, Refusal};
use crate::emulator::rate;
use crate::emulator::store::{Change, Store, Stored, Write};
use crate::model::{Metadata, Namespace, Record, RecordId};
use crate::pinecone_wire::{Lsn, limits};

use super::{Call, Reply};

/// An update of one record by its id or of all that match a filter.
#[derive(Debug, Default)]
pub(crate) struct Update {
    pub id: Option<RecordId>,
    pub filter: Option<Value>,
    pub dry_run: bool,
    pub change: Change,
}

/// The selection of records to delete.
#[derive(Debug)]
pub(crate) enum Deletion {
    Ids(Vec<RecordId>),
    All,
    Filter(Value),
}

impl Deletion {
    /// Reads the selection to delete, which is given in exactly one of three ways.
    pub fn of(ids: Option<Vec<RecordId>>, is_all: bool, filter: Option<Value>) -> Answer<Self> {
        // An empty filter beside something else says nothing; alone it would be everything, which is refused.
        let says_all = ids.is_some() || is_all;
        let filter = filter.filter(|filter| !(says_all && filter == &json!({})));
        match (ids, is_all, filter) {
            (Some(ids), false, None) => Ok(Self::Ids(ids)),
            (None, true, None) => Ok(Self::All),
            (None, false, Some(filter)) => Ok(Self::Filter(filter)),
            _ => Err(Refusal::invalid("A delete needs exactly one of ids, deleteAll and filter")),
        }
    }
}

impl Call {
    /// Upserts records and returns their number. `bytes` is the size of the request on its wire.
    pub fn upsert(
        &self,
        namespace: Namespace,
        records: Vec<Record>,
        bytes: usize,
    ) -> Answer<Reply<u32>> {
        checks::check_upsert_bytes(bytes)?;
        checks::check_namespace(namespace.as_str())?;
        checks::check_count("vectors", records.len(), limits::UPSERT_RECORDS)?;
        if records.is_empty() {
            return Err(Refusal::invalid("An upsert needs at least one vector"));
        }
        for record in &records {
            self.check_record(record)?;
        }
        self.refuse_more_namespaces(&namespace, &self.index.read(self.project.now()))?;
        self.take(&namespace, &[(rate::UPSERTS, 1), (rate::UPSERT_BYTES, bytes)])?;
        let count = records.len() as u32;
        let ids: Vec<_> = records.iter().map(|record| record.id.clone()).collect();
        let stored = records.into_iter().map(|record| Arc::new(Stored::new(record))).collect();
        let lsn = self.apply(&namespace, Write::Upsert(stored))?;
        self.project.tally.upsert(&self.index.name, &namespace, ids.iter());
        Ok(Reply { body: count, lsn })
    }

    /// Updates records; returns how many matched if a filter was given.
    pub fn update(&self, namespace: Namespace, update: Update) -> Answer<Reply<Option<u32>>> {
        checks::check_namespace(namespace.as_str())?;
        self.check_change(&update.change)?;
        match (update.id, update.filter) {
            (Some(id), None) => {
                checks::check_id(&id.text())?;
                self.take(&namespace, &[(rate::UPDATES, 1)])?;
                let lsn = self.apply(&namespace, Write::Update { id, change: update.change })?;
                Ok(Reply { body: None, lsn })
            }
            (None, Some(filter)) => {
                self.update_where(namespace, &filter, update.change, update.dry_run)
            }
            _ => Err(Refusal::invalid("An update needs either an id or a filter")),
        }
    }

    fn update_where(
        &self,
        namespace: Namespace,
        filter: &Value,
        change: Change,
        dry_run: bool,
    ) -> Answer<Reply<Option<u32>>> {
        if change.vector.is_some() || change.sparse.is_some() {
            return Err(Refusal::invalid("An update by filter can only set metadata"));
        }
        let demands = [(rate::UPDATES_BY_METADATA, 1), (rate::BY_METADATA_OF_INDEX, 1)];
        self.take(&namespace, &demands)?;
        let store = self.index.read(self.project.now());
        let filter = self.index.filter(Some(filter), &store, &namespace)?;
        let filter = filter.ok_or_else(|| Refusal::invalid("The filter is empty"))?;
        let space = store.spaces.get(&namespace);
        let matched = space.map_or(0, |space| {
            space.records.values().filter(|s| filter.matches(&s.record.metadata)).count()
        });
        drop(store);
        let set = change.metadata.unwrap_or_default();
        let lsn = match dry_run {
            true => Lsn::default(),
            false => self.apply(&namespace, Write::UpdateWhere { filter, set })?,
        };
        Ok(Reply { body: Some(matched as u32), lsn })
    }

    fn check_change(&self, change: &Change) -> Answer<()> {
        if let Some(vector) = &change.vector {
            self.check_vector("Update", vector, change.sparse.as_ref())?;
            checks::check_dense("", vector)?;
        }
        if let Some(sparse) = &change.sparse {
            checks::check_sparse("", sparse)?;
            self.check_keeps_sparse()?;
        }
        change
            .metadata
            .as_ref()
            .map_or(Ok(()), |metadata: &Metadata| checks::check_metadata("", metadata))
    }

    pub fn delete(&self, namespace: Namespace, deletion: Deletion) -> Answer<Reply<()>> {
        checks::check_namespace(namespace.as_str())?;
        let write = match deletion {
            Deletion::Ids(ids) => self.delete_ids(&namespace, ids)?,
            Deletion::All => {
                self.take(&namespace, &[(rate::DELETES, 1)])?;
                self.refuse_unless_known(&namespace, &self.index.read(self.project.now()))?;
                Write::DeleteAll
            }
            Deletion::Filter(filter) => {
                let demands = [(rate::DELETES_BY_METADATA, 1), (rate::BY_METADATA_OF_INDEX, 1)];
                self.take(&namespace, &demands)?;
                let store = self.index.read(self.project.now());
                let filter = self.index.filter(Some(&filter), &store, &namespace)?;
                let filter = filter.ok_or_else(|| Refusal::invalid("The filter is empty"))?;
                self.refuse_unless_known(&namespace, &store)?;
                Write::DeleteWhere(filter)
            }
        };
        let lsn = self.apply(&namespace, write)?;
        Ok(Reply { body: (), lsn })
    }

    fn delete_ids(&self, namespace: &Namespace, ids: Vec<RecordId>) -> Answer<Write> {
        checks::check_count("ids", ids.len(), limits::DELETE_IDS)?;
        ids.iter().try_for_each(|id| checks::check_id(&id.text()))?;
        let demands = [
            (rate::DELETES, 1),
            (rate::DELETED_RECORDS, ids.len()),
            (rate::DELETED_RECORDS_OF_INDEX, ids.len()),
        ];
        self.take(namespace, &demands)?;
        Ok(Write::Delete(ids))
    }

    /// Refuses to empty a namespace that a serverless index does not have.
    fn refuse_unless_known(&self, namespace: &Namespace, store: &Store) -> Answer<()> {
        if self.index.is_pod || store.spaces.contains_key(namespace) {
            return Ok(());
        }
        Err(Refusal::not_found("Namespace not found"))
    }

    /// Applies a write; pods show it at once and have no log sequence numbers.
    fn apply(&self, namespace: &Namespace, write: Write) -> Answer<Lsn> {
        let now = self.project.now();
        let lag = match self.index.is_pod {
            true => std::time::Duration::ZERO,
            false => self.project.dice.lag(),
        };
        let lsn = self.index.accept(namespace, write, now, lag)?;
        self.project.tally.write(&self.index.name);
        Ok(Lsn { written: (!self.index.is_pod).then_some(lsn), readable: None })
    }
}
