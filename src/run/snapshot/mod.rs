//! Writes every record of one side to files: in a stage of its own, and of the source before it is deleted.
//!
//! The files are written to a folder of the run's own. It gets its final name once it is complete: every file has been
//! read back, the manifest is on disk, and the index still counts what it did at the start. Other files below the
//! plan's path are never mixed in. An attempt that starts again writes everything again.

mod folder;
mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::future::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};

use self::folder::Folder;
use self::records::Records;
use super::contents::Take;
use super::context::guard::agreed;
use super::{Context, Progress};
use crate::assertion::Measured;
use crate::blocking::{Worker, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Contents, IndexStats, Namespace, Observed, Record, Side, plural};
use crate::provider::parquet::RecordWriter;
use crate::provider::snapshot::{FORMAT, Kept, Manifest, checksum, file_name};

/// The number of namespaces written concurrently, each with a row group of up to 8 MiB in memory.
const PARALLEL: usize = 2;

/// A complete snapshot.
pub(super) struct Snapshot {
    pub folder: PathBuf,
    pub records: u64,
    /// The contents of each namespace.
    pub contents: BTreeMap<Namespace, Contents>,
}

impl Snapshot {
    /// Reads what the manifest of a complete snapshot says, and the files themselves where an earlier version summed them in
    /// another way.
    ///
    /// # Errors
    /// `NotFound` if there is none; those of reading it.
    pub async fn taken(folder: PathBuf) -> Result<Self> {
        let Manifest { files, records, .. } = folder::manifest(&folder).await?;
        let mut contents = BTreeMap::new();
        for kept in files {
            let namespace = kept.namespace.clone();
            let held = match kept.contents.contents() {
                Some(held) => held,
                None => {
                    let folder = folder.clone();
                    blocking(move || kept.check(&folder)).await?
                }
            };
            contents.insert(namespace, held);
        }
        Ok(Self { folder, records, contents })
    }

    /// Sets the metrics of a snapshot.
    pub fn measure(&self, measured: &mut Measured) {
        measured.set("snapshot.records", Observed::count(self.records), 1).set(
            "snapshot.complete",
            Observed::Bool(true),
            self.records,
        );
    }

    /// Refuses to continue if the source holds anything other than the files do.
    ///
    /// # Errors
    /// `Refused`, naming the namespaces.
    pub fn refuse_other(&self, source: &BTreeMap<Namespace, Contents>) -> Result<()> {
        let names: BTreeSet<&Namespace> = self.contents.keys().chain(source.keys()).collect();
        let differing = names.into_iter().filter(|name| {
            let held = |of: &BTreeMap<Namespace, Contents>| of.get(*name).copied();
            held(&self.contents) != held(source)
        });
        let named: Vec<String> = differing.map(|name| format!("`{name}`")).collect();
        if named.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the source no longer holds what the snapshot does: {} of {} namespaces differ, for example {}",
            named.len(),
            self.contents.len().max(source.len()),
            named.iter().take(5).cloned().collect::<Vec<_>>().join(", ")
        );
        Err(Error::new(ErrorKind::Refused, message).with_hint(
            "stop what writes to it and run the same command again; nothing was deleted",
        ))
    }
}

/// Returns the folder of the snapshot that a run takes before it deletes the source, below the place `to` of the plan.
pub(super) fn last_folder(context: &Context, to: &str) -> PathBuf {
    let run = context.state.run.clone();
    context.output_path(to).join(run)
}

/// Returns the folder of the snapshot that this stage takes, below the place `to` of the plan, and where its files stand
/// until it is whole.
pub(super) fn own_folder(context: &Context, to: &str) -> (PathBuf, PathBuf) {
    let run = context.state.run.clone();
    let folder = context.output_path(to).join(format!("{run}-{}", context.stage().id));
    let unfinished = folder::unfinished(&folder);
    (folder, unfinished)
}

/// Writes every record of one side to a folder and reads it back.
///
/// # Errors
/// `Refused` if the side changes meanwhile; `Conflict` if some records could not be read, or the files read back
/// differently; any error of the disk.
pub(super) async fn take(context: &Context, side: Side, folder: PathBuf) -> Result<Snapshot> {
    let records = Records::of(context, side).await?;
    let folder = Folder::begin(folder).await?;
    let counts = agreed(&context.clock, records.index()).await?;
    let work = Work {
        context,
        side,
        folder: folder.partial(),
        records,
        total: counts.total,
        done: AtomicU64::new(0),
        workers: [Worker::start()?, Worker::start()?],
    };
    let held = counts.namespaces.iter().filter(|(_, records)| **records > 0);
    let files: Vec<_> = (1..)
        .zip(held)
        .map(|(number, (namespace, count))| work.namespace(number, namespace, *count).boxed())
        .collect();
    let written: Vec<(Kept, Contents)> =
        stream::iter(files).buffered(PARALLEL).try_collect().await?;
    refuse_change(side, &counts, &agreed(&context.clock, work.records.index()).await?)?;
    let records = written.iter().map(|(_, contents)| contents.records).sum();
    let contents =
        written.iter().map(|(kept, contents)| (kept.namespace.clone(), *contents)).collect();
    let files = written.into_iter().map(|(kept, _)| kept).collect();
    let index = match side {
        Side::Source => &context.plan.source.index,
        Side::Target => &context.plan.target.index,
    };
    let manifest = Manifest {
        vecshift_snapshot: FORMAT,
        plan: context.plan.name.clone(),
        run: context.state.run.clone(),
        source: index.clone(),
        taken: context.clock.now(),
        records,
        files,
    };
    let folder = folder.finish(manifest).await?;
    Ok(Snapshot { folder, records, contents })
}

struct Work<'a> {
    context: &'a Context,
    side: Side,
    folder: PathBuf,
    records: Records,
    total: u64,
    done: AtomicU64,
    workers: [Worker; PARALLEL],
}

impl Work<'_> {
    /// Writes one namespace to one file and reads it back.
    async fn namespace(
        &self,
        number: usize,
        namespace: &Namespace,
        count: u64,
    ) -> Result<(Kept, Contents)> {
        let file = file_name(number, namespace);
        let path = self.folder.join(&file);
        let (create, fields) = (path.clone(), self.records.fields().to_vec());
        // Those that are written at the same time follow one another.
        let worker = &self.workers[number % PARALLEL];
        let writer = worker.run(move || RecordWriter::create(create, &fields)).await?;
        let mut writing = Writing { work: self, worker, namespace, writer: Some(writer) };
        let read = self.records.read(self.context, namespace, count, &mut writing).await?;
        let writer = writing.writer.take();
        if read.records != count {
            return Err(Error::new(
                ErrorKind::Refused,
                format!(
                    "the snapshot of `{namespace}` would have {} of {count} records: no id is known of the others, or \
                     records came and went while it was written",
                    read.records
                ),
            )
            .with_hint(format!("stop what writes to the {}, give every id where a manifest does, and run the same command \
                 again; nothing was deleted", self.side.name())));
        }
        self.context.world.fence.pass().await?;
        let (folder, namespace) = (self.folder.clone(), namespace.clone());
        let finish = move || {
            if let Some(writer) = writer {
                writer.finish()?;
            }
            let (bytes, sha256) = checksum(&path)?;
            let kept = Kept { namespace, file, contents: read.into(), bytes, sha256 };
            // Checked against what was read from the index, not against what the writer believes it wrote.
            let held = kept.check_records(&folder)?;
            Ok((kept, held))
        };
        worker.run(finish).await
    }

    fn progress(&self, records: usize) {
        let done = self.done.fetch_add(records as u64, Ordering::Relaxed) + records as u64;
        self.context.progress(&Progress {
            stage: self.context.id(),
            unit: "records in the snapshot",
            done,
            total: self.total.max(done),
            note: self.context.world.waiting(),
        });
    }
}

/// Writes records to a file without blocking the threads that serve the network.
struct Writing<'a> {
    work: &'a Work<'a>,
    worker: &'a Worker,
    namespace: &'a Namespace,
    writer: Option<RecordWriter>,
}

#[async_trait]
impl Take for Writing<'_> {
    async fn take(&mut self, records: Vec<Record>) -> Result<()> {
        let (count, namespace) = (records.len(), self.namespace.clone());
        if let Some(mut writer) = self.writer.take() {
            let written = self.worker.run(move || {
                writer.append(&namespace, &records)?;
                Ok(writer)
            });
            self.writer = Some(written.await?);
        }
        self.work.progress(count);
        Ok(())
    }
}

/// Refuses a side whose counts changed while it was written.
fn refuse_change(side: Side, before: &IndexStats, now: &IndexStats) -> Result<()> {
    let held = |stats: &IndexStats| {
        let mut held = stats.namespaces.clone();
        held.retain(|_, records| *records > 0);
        held
    };
    let (before, now) = (held(before), held(now));
    let names = before.keys().chain(now.keys());
    let count = |of: &BTreeMap<Namespace, u64>, name| of.get(name).copied().unwrap_or(0);
    let differing = names.filter(|name| count(&before, *name) != count(&now, *name));
    let differing: BTreeSet<&Namespace> = differing.collect();
    if differing.is_empty() {
        return Ok(());
    }
    let named = differing.iter().take(5).map(|name| {
        let then = plural(count(&before, name), "record");
        format!("`{name}` had {then} and has {}", count(&now, name))
    });
    let message = format!(
        "the {} changed while the snapshot was taken: {}",
        side.name(),
        named.collect::<Vec<_>>().join("; ")
    );
    Err(Error::new(ErrorKind::Refused, message).with_hint(match side {
        Side::Source => "stop what writes to it and run the same command again",
        Side::Target => {
            "a snapshot of the target is one of a target at rest: put the stage before traffic is moved, or stop what writes to it, and run the same command again"
        }
    }))
}
