//! State that all requests share: the project's indexes and collections, faults, limits and counters.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::Router;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::blocking::blocking;
use crate::clock::{Clock, Timestamp, after};

use super::EmulatorOptions;
use super::backup::Backup;
use super::collection::Collection;
use super::counters::Tally;
use super::error::{Answer, Code, Refusal};
use super::faults::Dice;
use super::id::Ids;
use super::import::Import;
use super::index::{Birth, Extras, Index};
use super::ledger::{Entry, Ledger};
use super::progress::Progress;
use super::rate::Buckets;
use super::restore::Restore;
use super::server::Door;
use super::shelf::Shelf;
use super::store::Store;
use crate::model::IndexSpec;
use crate::pinecone_wire::Deployment;

pub(crate) type Shared = Arc<Project>;

/// Makes the router for the listener of an index.
pub(crate) type IndexRouter = fn(Shared, Arc<Index>) -> Router;

/// An index to create.
pub(crate) struct NewIndex {
    pub spec: IndexSpec,
    pub extras: Extras,
    pub records: Store,
    pub progress: Progress,
    pub is_made_by_client: bool,
}

pub(crate) struct Project {
    pub options: EmulatorOptions,
    /// Where everything is kept over a restart, if it is.
    pub ledger: Option<Arc<Ledger>>,
    pub clock: Clock,
    pub ids: Ids,
    pub dice: Dice,
    pub tally: Tally,
    pub buckets: Buckets,
    /// Address that listeners of indexes bind to.
    pub ip: IpAddr,
    /// Ends every listener and every connection.
    pub stop: CancellationToken,
    listeners: Mutex<Vec<JoinHandle<()>>>,
    index_router: IndexRouter,
    /// Allows one creation at a time, so that two of one name cannot both pass the check.
    pub creating: tokio::sync::Mutex<()>,
    indexes: RwLock<BTreeMap<String, Arc<Index>>>,
    collections: RwLock<BTreeMap<String, Arc<Collection>>>,
    pub backups: Shelf<Backup>,
    pub restores: Shelf<Restore>,
    pub imports: Shelf<Import>,
    last_import: AtomicU64,
    /// Times at which indexes were deleted, by their ids.
    graves: RwLock<BTreeMap<String, Timestamp>>,
}

impl Project {
    pub fn new(
        options: EmulatorOptions,
        ledger: Option<Ledger>,
        stop: CancellationToken,
        index_router: IndexRouter,
    ) -> Self {
        Self {
            ledger: ledger.map(Arc::new),
            ip: options.listen.ip(),
            clock: options.clock.clone(),
            ids: Ids::default(),
            dice: Dice::new(options.faults.clone()),
            options,
            tally: Tally::default(),
            buckets: Buckets::default(),
            stop,
            listeners: Mutex::default(),
            index_router,
            creating: tokio::sync::Mutex::new(()),
            indexes: RwLock::default(),
            collections: RwLock::default(),
            backups: Shelf::default(),
            restores: Shelf::default(),
            imports: Shelf::default(),
            last_import: AtomicU64::new(0),
            graves: RwLock::default(),
        }
    }

    /// Remembers a listener's task, so that shutdown can wait for its end.
    pub fn remember(&self, listener: JoinHandle<()>) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|task| !task.is_finished());
        listeners.push(listener);
    }

    pub fn take_listeners(&self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.listeners.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn indexes(&self) -> Vec<Arc<Index>> {
        self.bury();
        self.indexes.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub fn find(&self, name: &str) -> Option<Arc<Index>> {
        self.bury();
        self.indexes.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub fn index(&self, name: &str) -> Answer<Arc<Index>> {
        self.find(name).ok_or_else(|| Refusal::not_found(format!("Index {name} not found.")))
    }

    pub fn put(&self, index: Arc<Index>) {
        let mut indexes = self.indexes.write().unwrap_or_else(PoisonError::into_inner);
        indexes.insert(index.name.clone(), index);
    }

    /// Deletes an index, at once or after it was `Terminating` for a while.
    pub async fn delete(&self, index: &Index) -> Answer<()> {
        self.keep(Entry::Deleted { index: index.id.clone() }).await?;
        index.terminate(after(self.now(), self.options.terminating_for));
        self.bury();
        Ok(())
    }

    /// Keeps the settings of an index that were changed.
    pub async fn keep_settings(&self, index: &Index) -> Answer<()> {
        match index.head(self.now()) {
            Some(head) => self.keep(Entry::Index(Box::new(head))).await,
            None => Ok(()),
        }
    }

    /// Appends an entry and waits until the disk has it, if anything is kept.
    async fn keep(&self, entry: Entry) -> Answer<()> {
        let Some(ledger) = self.ledger.clone() else { return Ok(()) };
        let kept = blocking(move || {
            let receipt = ledger.note(&entry, Vec::new());
            Ok(receipt.and_then(|receipt| ledger.settle(receipt)))
        });
        kept.await.map_err(internal)?
    }

    /// Keeps the rest, and no more after it.
    pub async fn close(&self) -> Answer<()> {
        let Some(ledger) = self.ledger.clone() else { return Ok(()) };
        blocking(move || Ok(ledger.close())).await.map_err(internal)?
    }

    /// Keeps a new index with its records.
    async fn keep_whole(&self, index: &Arc<Index>) -> Answer<()> {
        let Some(ledger) = self.ledger.clone() else { return Ok(()) };
        let (given, index, now) = (self.ids.given(), Arc::clone(index), self.now());
        let kept = blocking(move || {
            let head = index.head(now);
            Ok(head.map_or(Ok(()), |head| ledger.keep(given, &head, &index.read(now))))
        });
        kept.await.map_err(internal)?
    }

    /// Forgets the indexes whose deletion is complete.
    fn bury(&self) {
        let now = self.now();
        let gone: Vec<_> = {
            let indexes = self.indexes.read().unwrap_or_else(PoisonError::into_inner);
            let gone = indexes.values().filter(|index| index.is_gone(now));
            gone.map(|index| index.name.clone()).collect()
        };
        gone.iter().for_each(|name| self.drop_index(name));
    }

    /// Forgets an index and ends its listener.
    fn drop_index(&self, name: &str) {
        let mut indexes = self.indexes.write().unwrap_or_else(PoisonError::into_inner);
        let Some(index) = indexes.remove(name) else { return };
        index.stop.cancel();
        let (now, restores) = (self.now(), self.restores.all());
        restores.iter().filter(|job| job.target_id == index.id).for_each(|job| job.cancel(now));
        let mut graves = self.graves.write().unwrap_or_else(PoisonError::into_inner);
        graves.insert(index.id.clone(), now);
    }

    /// Returns the time at which the index with this id was deleted.
    pub fn gone_at(&self, id: &str) -> Option<Timestamp> {
        self.graves.read().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    /// Returns the next id of an import; they are numbers that count up.
    pub fn next_import(&self) -> String {
        (self.last_import.fetch_add(1, Ordering::SeqCst) + 1).to_string()
    }

    pub fn collections(&self) -> Vec<Arc<Collection>> {
        self.collections.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub fn collection(&self, name: &str) -> Answer<Arc<Collection>> {
        let collections = self.collections.read().unwrap_or_else(PoisonError::into_inner);
        let found = collections.get(name).cloned();
        found.ok_or_else(|| Refusal::not_found(format!("Collection {name} not found.")))
    }

    /// Adds a collection; returns false if its name is taken.
    pub fn put_collection(&self, collection: Collection) -> bool {
        let mut collections = self.collections.write().unwrap_or_else(PoisonError::into_inner);
        let is_free = !collections.contains_key(&collection.name);
        if is_free {
            collections.insert(collection.name.clone(), Arc::new(collection));
        }
        is_free
    }

    pub fn drop_collection(&self, name: &str) -> bool {
        let mut collections = self.collections.write().unwrap_or_else(PoisonError::into_inner);
        collections.remove(name).is_some()
    }

    fn refuse_more_indexes(&self, spec: &IndexSpec) -> Answer<()> {
        let is_pod = |spec: &IndexSpec| {
            matches!(Deployment::of(&spec.deployment), Some(Deployment::Pod { .. }))
        };
        let count = self.indexes().iter().filter(|index| !index.is_pod).count();
        if is_pod(spec) || count < self.options.indexes {
            return Ok(());
        }
        let message = "Increase your quota or upgrade to create more indexes.";
        Err(Refusal::new(403, Code::Forbidden, message))
    }

    /// Creates an index with a listener of its own; 409 if the name is taken.
    pub async fn create(self: &Arc<Self>, new: NewIndex) -> Answer<Arc<Index>> {
        let _one_at_a_time = self.creating.lock().await;
        if self.find(&new.spec.name).is_some() {
            return Err(Refusal::new(409, Code::AlreadyExists, "Resource already exists."));
        }
        self.refuse_more_indexes(&new.spec)?;
        let (index, door) = self.open(new, self.ids.next()).await?;
        self.keep_whole(&index).await?;
        self.serve(&index, door);
        Ok(index)
    }

    /// Puts back an index that was kept, under its id.
    pub async fn put_back(self: &Arc<Self>, new: NewIndex, id: String) -> Answer<()> {
        let (index, door) = self.open(new, id).await?;
        self.serve(&index, door);
        Ok(())
    }

    async fn open(&self, new: NewIndex, id: String) -> Answer<(Arc<Index>, Door)> {
        let stop = self.stop.child_token();
        let door = Door::bind_free(self.ip, stop.clone()).await.map_err(internal)?;
        let birth = Birth {
            host: format!("http://{}", door.address().map_err(internal)?),
            id,
            progress: new.progress,
            is_made_by_client: new.is_made_by_client,
            extras: new.extras,
            store: new.records,
            ledger: self.ledger.clone(),
            stop,
        };
        Ok((Index::new(new.spec, birth), door))
    }

    fn serve(self: &Arc<Self>, index: &Arc<Index>, door: Door) {
        let router = (self.index_router)(Arc::clone(self), Arc::clone(index));
        self.remember(door.serve(router));
        self.put(Arc::clone(index));
    }
}

fn internal(error: crate::Error) -> Refusal {
    Refusal::new(500, Code::Internal, error.to_string())
}
