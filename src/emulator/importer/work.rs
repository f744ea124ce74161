//! The work of an import: file by file into the index, until it is done or cancelled.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::blocking::blocking;
use crate::emulator::data::Call;
use crate::emulator::error::Refusal;
use crate::emulator::floats::rounded;
use crate::emulator::import::Import;
use crate::emulator::progress::Ending;
use crate::emulator::store::{Stored, Write};
use crate::error::{Error, Result};
use crate::model::{Namespace, Record, RecordId};
use crate::pinecone_wire::state::ImportState;
use crate::provider::parquet;
use crate::storage::{Local, Place};

use super::files::{File, checked, file};

/// The input of [`run`].
pub(crate) struct Job {
    pub call: Call,
    pub import: Arc<Import>,
    pub place: Place,
    /// True if a record that cannot be kept ends the import; otherwise it is skipped.
    pub is_aborted_by_errors: bool,
    pub ending: Ending,
}

/// Progress of a job.
#[derive(Default)]
struct Way {
    records: u64,
    /// Bytes of the files that are done.
    bytes_before: u64,
    bytes_total: u64,
}

/// Runs the import to its end; its state holds the outcome.
pub(crate) async fn run(job: Job) {
    let (import, call) = (Arc::clone(&job.import), job.call.clone());
    let outcome = tokio::select! {
        outcome = job.work() => outcome,
        () = import.stop.cancelled() => return,
        () = call.index.stop.cancelled() => Err(Error::invalid("The index was deleted")),
    };
    let now = call.project.now();
    match outcome {
        Ok(()) => import.end(ImportState::Completed, None, now),
        Err(error) => import.end(ImportState::Failed, Some(error.to_string()), now),
    }
}

impl Job {
    async fn work(self) -> Result<()> {
        let project = &self.call.project;
        project.clock.sleep(project.options.import_starts_after).await;
        self.import.advance(0.0, 0);
        let found = self.place.list().await?;
        let files = found.into_iter().filter_map(|found| file(&found.path, found.bytes)).collect();
        let files = checked(self.place.uri(), files)?;
        self.check_namespaces(&files)?;
        let bytes_total = files.iter().map(|file| file.bytes).sum();
        let mut way = Way { bytes_total, ..Way::default() };
        for file in &files {
            if let Err(error) = self.one(file, &mut way).await {
                let error = error.with_context("file", &file.path);
                if self.is_aborted_by_errors || self.ending != Ending::Well {
                    return Err(error);
                }
                tracing::info!(%error, "the import passes over a file");
            }
            way.bytes_before += file.bytes;
            self.import.advance(way.percent(0.0, file), way.records);
        }
        Ok(())
    }

    /// Refuses namespaces that exist already: an import makes its own.
    fn check_namespaces(&self, files: &[File]) -> Result<()> {
        let store = self.call.index.read(self.call.project.now());
        let names: BTreeSet<_> = files.iter().map(|file| &file.namespace).collect();
        for name in names {
            crate::emulator::checks::check_namespace(name.as_str()).map_err(refused)?;
            let space = store.spaces.get(name);
            let is_taken = match name.as_str() {
                "" => space.is_some_and(|space| !space.records.is_empty()),
                _ => space.is_some_and(|space| space.exists()),
            };
            if is_taken {
                let message = format!("The namespace {} already exists", name.explicit());
                return Err(Error::invalid(message));
            }
        }
        Ok(())
    }

    async fn one(&self, file: &File, way: &mut Way) -> Result<()> {
        let local = self.place.open(&file.path).await?;
        let (rows, mut batches) = Batches::open(local).await?;
        let mut seen = 0;
        // Small steps, so that a fault strikes half-way in a small file too.
        let step = usize::try_from(rows / 4).unwrap_or(usize::MAX).clamp(1, 500);
        while let Some(batch) = batches.next().await {
            let mut batch = batch?.into_iter().peekable();
            while batch.peek().is_some() {
                let part: Vec<_> = batch.by_ref().take(step).collect();
                seen += part.len() as u64;
                way.records += self.keep(&file.namespace, part)?;
                let percent = way.percent(seen as f64 / rows as f64, file);
                self.import.advance(percent, way.records);
                if percent >= 50.0 {
                    self.strike().await?;
                }
            }
        }
        Ok(())
    }

    /// Plays the fault that was configured.
    async fn strike(&self) -> Result<()> {
        match self.ending {
            Ending::Well => Ok(()),
            Ending::Badly => Err(Error::unexpected("Internal error (a fault of the emulator)")),
            Ending::Never => std::future::pending().await,
        }
    }

    fn checked(&self, record: Record) -> Result<Record> {
        self.call.check_record(&record).map_err(refused)?;
        let id = RecordId::new(record.id.text());
        Ok(Record { id, metadata: rounded(record.metadata), ..record })
    }

    /// Puts the records that can be kept into the index; returns their number.
    fn keep(&self, namespace: &Namespace, rows: parquet::Rows) -> Result<u64> {
        let mut stored = Vec::with_capacity(rows.len());
        for row in rows {
            match row.and_then(|(_, record)| self.checked(record)) {
                Ok(record) => stored.push(Arc::new(Stored::new(record))),
                Err(error) if self.is_aborted_by_errors => return Err(error),
                Err(_) => (),
            }
        }
        let count = stored.len() as u64;
        if count > 0 {
            let (project, index) = (&self.call.project, &self.call.index);
            let write = Write::Upsert(stored);
            index.accept(namespace, write, project.now(), Duration::ZERO).map_err(refused)?;
            project.tally.import(&index.name, count);
        }
        Ok(count)
    }
}

impl Way {
    /// Returns the percentage done, from the finished files and `share` of `file`.
    fn percent(&self, share: f64, file: &File) -> f64 {
        let done = self.bytes_before as f64 + share * file.bytes as f64;
        (100.0 * done / (self.bytes_total as f64).max(1.0)).min(100.0)
    }
}

/// Batches of a file, each read where it does not block other requests.
struct Batches {
    reader: Option<parquet::RecordReader>,
    /// Held for as long as the file is read.
    _local: Local,
}

impl Batches {
    /// Opens a file; returns its number of rows, at least one, and its reader.
    async fn open(local: Local) -> Result<(u64, Self)> {
        blocking(move || {
            let rows = parquet::count_rows(local.path())?.max(1);
            Ok((rows, Self { reader: Some(parquet::read_import(local.path())?), _local: local }))
        })
        .await
    }

    async fn next(&mut self) -> Option<Result<parquet::Rows>> {
        let mut reader = self.reader.take()?;
        let read = tokio::task::spawn_blocking(move || (reader.next_rows(), reader)).await;
        let (batch, reader) = match read {
            Ok(read) => read,
            Err(error) => return Some(Err(Error::unexpected(error.to_string()))),
        };
        self.reader = Some(reader);
        batch
    }
}

fn refused(refusal: Refusal) -> Error {
    Error::invalid(refusal.message)
}
