//! One index: its specification, readiness and records.

use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::clock::Timestamp;
use crate::model::{Filter, IndexSpec, Namespace, VectorType};
use crate::pinecone_wire::Deployment;
use crate::pinecone_wire::control::{ReadCapacity, Status};
use crate::pinecone_wire::json::MetadataSchema;
use crate::pinecone_wire::state::IndexState;

use super::capacity::{Capacity, Wanted};
use super::error::{Answer, Refusal};
use super::filter;
use super::ledger::{Entry, Head, Ledger, Receipt};
use super::progress::{Progress, Stage};
use super::store::{Store, Write};

/// Properties of an index beside its [`IndexSpec`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    pub read_capacity: Wanted,
    /// The `schema` of the request; only its fields can be filtered on.
    pub schema: Option<MetadataSchema>,
    pub source_collection: Option<String>,
    pub source_backup: Option<String>,
}

pub(crate) struct Index {
    pub name: String,
    /// Id, shown only by backups and restore jobs.
    pub id: String,
    /// The address of the index's own listener, with a scheme.
    pub host: String,
    pub dimension: Option<u32>,
    pub vector_type: VectorType,
    pub is_pod: bool,
    pub progress: Progress,
    /// True if a client created it, so that faults of a target apply.
    pub is_made_by_client: bool,
    pub extras: Extras,
    /// Ends the index's listener and its connections.
    pub stop: CancellationToken,
    /// Time at which an index that is being deleted is gone.
    gone_at: OnceLock<Timestamp>,
    spec: RwLock<IndexSpec>,
    capacity: RwLock<Capacity>,
    store: RwLock<Store>,
    /// Where its changes are kept over a restart, if they are.
    ledger: Option<Arc<Ledger>>,
}

/// The arguments of [`Index::new`] beside the specification.
pub(crate) struct Birth {
    pub id: String,
    pub host: String,
    pub progress: Progress,
    pub is_made_by_client: bool,
    pub extras: Extras,
    pub store: Store,
    pub ledger: Option<Arc<Ledger>>,
    pub stop: CancellationToken,
}

impl Index {
    pub fn new(spec: IndexSpec, birth: Birth) -> Arc<Self> {
        Arc::new(Self {
            name: spec.name.clone(),
            id: birth.id,
            host: birth.host,
            dimension: spec.dimension,
            vector_type: spec.vector_type,
            is_pod: matches!(Deployment::of(&spec.deployment), Some(Deployment::Pod { .. })),
            progress: birth.progress,
            is_made_by_client: birth.is_made_by_client,
            capacity: RwLock::new(Capacity::new(birth.extras.read_capacity.clone())),
            gone_at: OnceLock::new(),
            extras: birth.extras,
            stop: birth.stop,
            spec: RwLock::new(spec),
            store: RwLock::new(birth.store),
            ledger: birth.ledger,
        })
    }

    pub fn spec(&self) -> IndexSpec {
        self.spec.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn configure(&self, change: impl FnOnce(&mut IndexSpec)) {
        change(&mut self.spec.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub fn state(&self, now: Timestamp) -> IndexState {
        match self.progress.stage(now) {
            _ if self.gone_at.get().is_some() => IndexState::Terminating,
            Stage::UnderWay => IndexState::Initializing,
            Stage::Done if self.is_disabled(now) => IndexState::Disabled,
            Stage::Done => IndexState::Ready,
            Stage::Failed => IndexState::InitializationFailed,
        }
    }

    /// Returns the `status` of its model.
    pub fn status(&self, now: Timestamp) -> Status {
        Status { ready: self.is_ready(now), state: Some(self.state(now).word().to_owned()) }
    }

    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.progress.is_done(now) && self.gone_at.get().is_none() && !self.is_disabled(now)
    }

    /// Begins its deletion; later calls do nothing.
    pub fn terminate(&self, gone_at: Timestamp) {
        self.gone_at.get_or_init(|| gone_at);
    }

    pub fn is_gone(&self, now: Timestamp) -> bool {
        self.gone_at.get().is_some_and(|gone_at| now >= *gone_at)
    }

    /// Returns the `read_capacity` of its model.
    pub fn capacity(&self, now: Timestamp) -> ReadCapacity {
        self.capacity.read().unwrap_or_else(PoisonError::into_inner).model(now)
    }

    pub fn change_capacity(
        &self,
        asked: &ReadCapacity,
        now: Timestamp,
        takes: Duration,
    ) -> Answer<()> {
        let mut capacity = self.capacity.write().unwrap_or_else(PoisonError::into_inner);
        capacity.change(asked, now, takes)
    }

    fn is_disabled(&self, now: Timestamp) -> bool {
        self.capacity.read().unwrap_or_else(PoisonError::into_inner).is_disabled(now)
    }

    /// Returns the records as they can be read at `now`.
    pub fn read(&self, now: Timestamp) -> RwLockReadGuard<'_, Store> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        if !store.is_due(now) {
            return store;
        }
        drop(store);
        self.write().settle(now);
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts a checked write, which can be read after `lag`; returns its log sequence number. Like every change of the
    /// records, it blocks until the disk has it where the emulator keeps its state.
    pub fn accept(
        &self,
        namespace: &Namespace,
        write: Write,
        now: Timestamp,
        lag: Duration,
    ) -> Answer<u64> {
        let mut store = self.write();
        let note = |ledger: &Arc<Ledger>| ledger.note_write(&self.id, namespace, &write);
        let receipt = self.ledger.as_ref().map(note).transpose()?;
        let lsn = store.write(namespace, write, now, lag);
        if self.is_pod {
            store.forget_empty();
        }
        drop(store);
        self.settle(receipt)?;
        Ok(lsn)
    }

    /// Creates a namespace by its name, once `check` has seen that it can be.
    pub fn create_namespace(
        &self,
        namespace: &Namespace,
        filterable: Option<Vec<String>>,
        now: Timestamp,
        check: impl FnOnce(&Store) -> Answer<()>,
    ) -> Answer<()> {
        let mut store = self.write();
        store.settle(now);
        check(&store)?;
        let receipt = self.note(|index| Entry::Created {
            index,
            namespace: namespace.clone(),
            filterable: filterable.clone(),
        })?;
        store.create(namespace, filterable);
        drop(store);
        self.settle(receipt)
    }

    /// Drops a namespace with its records; returns false if there is none.
    pub fn drop_namespace(&self, namespace: &Namespace) -> Answer<bool> {
        let mut store = self.write();
        if !store.spaces.contains_key(namespace) {
            return Ok(false);
        }
        let receipt = self.note(|index| Entry::Dropped { index, namespace: namespace.clone() })?;
        store.remove(namespace);
        drop(store);
        self.settle(receipt)?;
        Ok(true)
    }

    fn note(&self, entry: impl FnOnce(String) -> Entry) -> Answer<Option<Receipt>> {
        let note = |ledger: &Arc<Ledger>| ledger.note(&entry(self.id.clone()), Vec::new());
        self.ledger.as_ref().map(note).transpose()
    }

    fn settle(&self, receipt: Option<Receipt>) -> Answer<()> {
        match (&self.ledger, receipt) {
            (Some(ledger), Some(receipt)) => ledger.settle(receipt),
            _ => Ok(()),
        }
    }

    /// Returns what is kept of it beside its records.
    pub fn head(&self, now: Timestamp) -> Option<Head> {
        let spec = self.spec();
        Some(Head {
            id: self.id.clone(),
            name: spec.name,
            dimension: spec.dimension,
            metric: spec.metric,
            vector_type: spec.vector_type,
            deployment: Deployment::of(&spec.deployment)?,
            deletion_protection: spec.deletion_protection,
            tags: spec.tags,
            schema: self.extras.schema.clone(),
            read_capacity: ReadCapacity { status: None, ..self.capacity(now) },
            began: self.progress.began,
            is_made_by_client: self.is_made_by_client,
        })
    }

    /// Reads a filter, limited to the fields that this index or the namespace allows to filter on.
    pub fn filter(
        &self,
        value: Option<&Value>,
        store: &Store,
        namespace: &Namespace,
    ) -> Answer<Option<Filter>> {
        let Some(filter) = value.map(filter::read).transpose()?.flatten() else { return Ok(None) };
        let own = store.spaces.get(namespace).and_then(|space| space.filterable.clone());
        let filterable = own.or_else(|| self.filterable());
        Ok(Some(match filterable {
            Some(fields) => filter.limited_to(&fields),
            None => filter,
        }))
    }

    fn filterable(&self) -> Option<Vec<String>> {
        if let Some(Deployment::Pod { indexed, .. }) = Deployment::of(&self.spec().deployment) {
            return indexed;
        }
        self.extras.schema.as_ref().map(schema_fields)
    }

    /// Returns the name of a namespace in answers: pods know the default one as the empty string.
    pub fn shown<'a>(&self, namespace: &'a Namespace) -> &'a str {
        if self.is_pod { namespace.as_str() } else { namespace.explicit() }
    }

    pub fn refuse_unless_ready(&self, now: Timestamp) -> Answer<()> {
        if self.is_ready(now) {
            return Ok(());
        }
        if self.gone_at.get().is_some() {
            return Err(Refusal::not_found(format!("Index {} is being deleted", self.name)));
        }
        Err(Refusal::unavailable(format!("Index {} is not ready yet", self.name)))
    }
}

/// Returns the names of the fields that can be filtered on.
pub(crate) fn schema_fields(schema: &MetadataSchema) -> Vec<String> {
    schema.fields.keys().cloned().collect()
}
