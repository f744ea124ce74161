//! The handle of a running emulator.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexSpec, Namespace, Record, RecordId};
use crate::plan::file::Faults;

use super::EmulatorOptions;
use super::capacity::Wanted;
use super::checks;
use super::counters::Counters;
use super::dispatch::Scope;
use super::error::Refusal;
use super::floats::rounded;
use super::index::{Extras, Index};
use super::ledger::{Image, Kept, Ledger};
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

/// How an emulator began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// The worlds it was given, in their order.
    pub worlds: Vec<Filled>,
    /// Bytes of a change that was cut off the end of what was kept: its request was never answered.
    pub cut_off: u64,
}

/// A world that an emulator was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    pub index: String,
    /// Records that were loaded; `None` if the index was kept from before, and stayed as it was.
    pub loaded: Option<u64>,
}

/// An index as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    pub index: String,
    /// The address of its data plane, with a scheme.
    pub host: String,
    pub records: u64,
}

impl Emulator {
    /// Binds the main port and serves.
    ///
    /// # Errors
    /// `Io` if the address cannot be bound; where `persist` is set, those of [`Emulator::start_filled`].
    pub async fn start(options: EmulatorOptions) -> Result<Self> {
        Ok(Self::start_filled(options, Vec::new()).await?.0)
    }

    /// Binds the main port, takes up what was kept and loads worlds before it serves, so that every client sees all of it.
    /// A world whose index was kept is not loaded again.
    ///
    /// # Errors
    /// `Io` if the address cannot be bound. `Locked` while another emulator has the folder of `persist`, `Refused` if the
    /// folder is not an emulator's or damaged, `Conflict` if a world has another index of a kept one's name; those of
    /// [`Emulator::load`].
    pub async fn start_filled(
        options: EmulatorOptions,
        worlds: Vec<World>,
    ) -> Result<(Self, Beginning)> {
        let listen = options.listen;
        let stop = CancellationToken::new();
        let door = Door::bind(listen, stop.child_token()).await?;
        let (ledger, image, cut_off) = opened(options.persist.clone()).await?;
        let project = Arc::new(Project::new(options, ledger, stop, Scope::of_index));
        let emulator = Self { address: door.address()?, project };
        emulator.put_back(image).await?;
        let mut filled = Vec::with_capacity(worlds.len());
        for world in worlds {
            let index = world.index.name.clone();
            let loaded = match emulator.project.find(&index) {
                Some(kept) => refuse_another(&kept, &world.index).map(|()| None)?,
                None => Some(emulator.load(world).await?),
            };
            filled.push(Filled { index, loaded });
        }
        emulator.serve(door);
        Ok((emulator, Beginning { worlds: filled, cut_off }))
    }

    /// Puts back the indexes that were kept, ready at once.
    async fn put_back(&self, image: Image) -> Result<()> {
        self.project.ids.go_on_behind(image.ids);
        let now = self.project.now();
        for Kept { head, store } in image.into_indexes() {
            let extras = Extras {
                read_capacity: Wanted::read(Some(&head.read_capacity)).map_err(refused)?,
                schema: head.schema.clone(),
                ..Extras::default()
            };
            let new = NewIndex {
                spec: head.spec(),
                extras,
                records: store,
                // A machine's clock may have been set back since.
                progress: Progress::new(head.began.min(now), Duration::ZERO, Ending::Well),
                is_made_by_client: head.is_made_by_client,
            };
            self.project.put_back(new, head.id).await.map_err(refused)?;
        }
        Ok(())
    }

    fn serve(&self, door: Door) {
        let router = Scope::of_project(Arc::clone(&self.project));
        self.project.remember(door.serve(router));
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
        index.accept(namespace, write, self.project.now(), Duration::ZERO).map_err(refused)?;
        Ok(())
    }

    /// Removes records from an index without a request; ids that are not there are no error.
    ///
    /// # Errors
    /// `NotFound` if there is no such index.
    pub fn remove(&self, index: &str, namespace: &Namespace, ids: Vec<RecordId>) -> Result<()> {
        let index = self.project.index(index).map_err(refused)?;
        let (write, now) = (Write::Delete(ids), self.project.now());
        index.accept(namespace, write, now, Duration::ZERO).map_err(refused)?;
        Ok(())
    }

    /// Adds a world's index, which appears once it holds every record; returns their number.
    ///
    /// # Errors
    /// Those of [`Emulator::add_index`] and [`Emulator::insert`], and any error in the world's records; `Invalid` if an id
    /// is in a namespace twice.
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
                refuse_doubles(&index, &store, &namespace, &batch)?;
                let write = kept(&index, &namespace, batch)?;
                store.write(&namespace, write, now, Duration::ZERO);
            }
            loaded += count;
            // Generating takes a while; others get their turn between batches.
            tokio::task::yield_now().await;
        }
    }

    /// All indexes with their addresses and the number of their records, in the order of their names.
    pub fn holdings(&self) -> Vec<Holding> {
        let now = self.project.now();
        let holding = |index: &Arc<Index>| Holding {
            index: index.name.clone(),
            host: index.host.clone(),
            records: index.read(now).count() as u64,
        };
        self.project.indexes().iter().map(holding).collect()
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

    /// Ends every listener and cuts every connection, and waits until they are gone and what is kept is on the disk.
    pub async fn shutdown(self) {
        self.project.stop.cancel();
        for listener in self.project.take_listeners() {
            if let Err(error) = listener.await {
                tracing::warn!(%error, "a listener of the emulator did not end well");
            }
        }
        if let Err(refusal) = self.project.close().await {
            tracing::warn!(error = refusal.message, "the emulator could not keep everything");
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
    records.iter().try_for_each(|record| checks::check_fits(spec, record)).map_err(refused)?;
    let stored = records.into_iter().map(|record| Arc::new(Stored::new(record)));
    Ok(Write::Upsert(stored.collect()))
}

/// Refuses ids that would take each other's place.
fn refuse_doubles(
    spec: &IndexSpec,
    store: &Store,
    namespace: &Namespace,
    batch: &[Record],
) -> Result<()> {
    let before = store.spaces.get(namespace);
    let is_there = |id| before.is_some_and(|space| space.records.contains_key(id));
    let mut seen = BTreeSet::new();
    let ids = batch.iter().map(|record| &record.id);
    match ids.into_iter().find(|id| is_there(id) || !seen.insert(*id)) {
        None => Ok(()),
        Some(id) => Err(Error::invalid(format!(
            "the id {id} is twice in the namespace {} of what the index {} is filled with",
            namespace.explicit(),
            spec.name
        ))
        .with_hint("one of the two records would be lost; give each an id of its own")),
    }
}

/// Opens the ledger of a folder, if anything is kept; returns what it holds and how much was cut off its end.
async fn opened(folder: Option<PathBuf>) -> Result<(Option<Ledger>, Image, u64)> {
    let Some(folder) = folder else { return Ok((None, Image::default(), 0)) };
    let (ledger, image, cut_off) = blocking(move || Ledger::open(&folder)).await?;
    Ok((Some(ledger), image, cut_off))
}

/// Refuses to take a kept index for another one.
fn refuse_another(kept: &Index, wanted: &IndexSpec) -> Result<()> {
    let shape = |spec: &IndexSpec| {
        let dimension = spec.dimension.unwrap_or_default();
        format!("{} dimensions, {}, {}", dimension, spec.metric, spec.deployment.kind)
    };
    let (there, wanted_shape) = (shape(&kept.spec()), shape(wanted));
    if there == wanted_shape {
        return Ok(());
    }
    let name = &wanted.name;
    let message = format!("the index {name} that was kept has {there}, not {wanted_shape}");
    Err(Error::new(ErrorKind::Conflict, message)
        .with_hint("delete the index, or keep this one in another folder"))
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
