//! The handle of a running emulator.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexSpec, Namespace, Record, RecordId};
use crate::plan::file::Faults;

use super::EmulatorOptions;
use super::checks;
use super::counters::Counters;
use super::dispatch::Scope;
use super::error::Refusal;
use super::floats::rounded;
use super::index::Extras;
use super::progress::{Ending, Progress};
use super::project::{NewIndex, Project, Shared};
use super::server::Door;
use super::store::{Store, Stored, Write};
use super::world::World;

/// A running emulator. Dropping it ends it like [`Emulator::shutdown`], without waiting.
pub struct Emulator {
    project: Shared,
    address: SocketAddr,
}

impl Emulator {
    /// Binds the main port and serves.
    ///
    /// # Errors
    /// `Io` if the address cannot be bound.
    pub async fn start(options: EmulatorOptions) -> Result<Self> {
        let (emulator, door) = Self::bind(options).await?;
        emulator.serve(door);
        Ok(emulator)
    }

    /// Binds the main port and fills the emulator with a world before it serves, so that every client sees all of it.
    /// Returns the number of records, too.
    ///
    /// # Errors
    /// Those of [`Emulator::start`] and [`Emulator::load`].
    pub async fn start_filled(options: EmulatorOptions, world: World) -> Result<(Self, u64)> {
        let (emulator, door) = Self::bind(options).await?;
        let records = emulator.load(world).await?;
        emulator.serve(door);
        Ok((emulator, records))
    }

    async fn bind(options: EmulatorOptions) -> Result<(Self, Door)> {
        let listen = options.listen;
        let project = Arc::new(Project::new(options, Scope::of_index));
        let door = Door::bind(listen, project.stop.child_token()).await?;
        let address = door.address()?;
        Ok((Self { project, address }, door))
    }

    fn serve(&self, door: Door) {
        let router = Scope::of_project(Arc::clone(&self.project));
        self.project.keep(door.serve(router));
    }

    /// The address of the control plane.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The control plane's address as a URL without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds an index that is ready at once; returns its host. It counts as part of the world and not as created by a
    /// client, so `target_query_latency` does not slow it.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken.
    pub async fn add_index(&self, spec: IndexSpec) -> Result<String> {
        self.add_filled(spec, Store::default()).await
    }

    async fn add_filled(&self, spec: IndexSpec, records: Store) -> Result<String> {
        let new = NewIndex {
            spec,
            extras: Extras::default(),
            records,
            progress: Progress::new(self.project.now(), Duration::ZERO, Ending::Well),
            is_made_by_client: false,
        };
        let index = self.project.create(new).await.map_err(refused)?;
        Ok(index.host.clone())
    }

    /// Puts records into an index without a request: nothing is counted, and they can be read at once.
    ///
    /// # Errors
    /// `NotFound` if there is no such index; `Invalid` for a record that the service would not keep.
    pub fn insert(&self, index: &str, namespace: &Namespace, records: Vec<Record>) -> Result<()> {
        let index = self.project.index(index).map_err(refused)?;
        let write = kept(&index.spec(), namespace, records)?;
        index.write().write(namespace, write, self.project.now(), Duration::ZERO);
        Ok(())
    }

    /// Removes records from an index without a request; ids that are not there are no error.
    ///
    /// # Errors
    /// `NotFound` if there is no such index.
    pub fn remove(&self, index: &str, namespace: &Namespace, ids: Vec<RecordId>) -> Result<()> {
        let index = self.project.index(index).map_err(refused)?;
        let mut store = index.write();
        store.write(namespace, Write::Delete(ids), self.project.now(), Duration::ZERO);
        if index.is_pod {
            store.forget_empty();
        }
        Ok(())
    }

    /// Adds a world's index, which appears once it holds every record; returns their number.
    ///
    /// # Errors
    /// Those of [`Emulator::add_index`] and [`Emulator::insert`], and any error in the world's records.
    pub async fn load(&self, world: World) -> Result<u64> {
        const BATCH: usize = 500;
        let (index, mut records) = world.into_parts();
        let (mut store, now) = (Store::default(), self.project.now());
        let mut loaded = 0;
        loop {
            let mut batches: BTreeMap<Namespace, Vec<Record>> = BTreeMap::new();
            let mut count = 0;
            for record in records.by_ref().take(BATCH) {
                let (namespace, record) = record?;
                batches.entry(namespace).or_default().push(record);
                count += 1;
            }
            if count == 0 {
                self.add_filled(index, store).await?;
                return Ok(loaded);
            }
            for (namespace, batch) in batches {
                let write = kept(&index, &namespace, batch)?;
                store.write(&namespace, write, now, Duration::ZERO);
            }
            loaded += count;
            // Generating takes a while; others get their turn between batches.
            tokio::task::yield_now().await;
        }
    }

    /// The names of all indexes, in order.
    pub fn indexes(&self) -> Vec<String> {
        self.project.indexes().iter().map(|index| index.name.clone()).collect()
    }

    /// The names of all collections, in order.
    pub fn collections(&self) -> Vec<String> {
        self.project.collections().iter().map(|collection| collection.name.clone()).collect()
    }

    /// Replaces the faults and restarts their sequence.
    pub fn set_faults(&self, faults: Faults) {
        self.project.dice.set(faults);
    }

    /// Returns the counts of all requests so far.
    pub fn counters(&self) -> Counters {
        self.project.tally.snapshot()
    }

    /// Ends every listener and cuts every connection, and waits until they are gone.
    pub async fn shutdown(self) {
        self.project.stop.cancel();
        for listener in self.project.take_listeners() {
            if let Err(error) = listener.await {
                tracing::warn!(%error, "a listener of the emulator did not end well");
            }
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.project.stop.cancel();
    }
}

/// Turns records into a write, refusing those that the service would not keep in such an index.
fn kept(spec: &IndexSpec, namespace: &Namespace, records: Vec<Record>) -> Result<Write> {
    checks::check_namespace(namespace.as_str()).map_err(refused)?;
    // As a request would bring them.
    let as_sent = |record: Record| Record { metadata: rounded(record.metadata), ..record };
    let records: Vec<Record> = records.into_iter().map(as_sent).collect();
    for record in &records {
        checks::check_record(record).map_err(refused)?;
        let dimension = spec.dimension.unwrap_or_default() as usize;
        let found = record.dense().dimension();
        if found != dimension {
            return Err(Error::invalid(format!(
                "record {} has {found} components, the index {} has {dimension}",
                record.id, spec.name
            )));
        }
    }
    let stored = records.into_iter().map(|record| Arc::new(Stored::new(record)));
    Ok(Write::Upsert(stored.collect()))
}

fn refused(refusal: Refusal) -> Error {
    let kind = match refusal.status {
        404 => ErrorKind::NotFound,
        409 => ErrorKind::AlreadyExists,
        500 => ErrorKind::Io,
        _ => ErrorKind::Invalid,
    };
    Error::new(kind, refusal.message)
}
