//! The file of a journal as its holder writes it: each event on disk before the next thing happens.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;

use super::file::{parse_of, refuse_what_is_no_file};
use super::lock::{Lock, is_at};
use super::paths::Paths;
use crate::blocking::blocking;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::Access;
use crate::journal::{Entry, lines};
use crate::state::{Hold, Log};

/// The interval at which a process renews its lease and checks that it still holds the plan.
const KEEP: Duration = Duration::from_secs(2);

/// The journal of a plan whose lock is held.
#[derive(Debug)]
pub(super) struct FileLog {
    written: Arc<Mutex<Written>>,
    lock: Arc<Mutex<Lock>>,
    clock: Clock,
}

/// The file, as far as this process read and wrote it.
#[derive(Debug)]
struct Written {
    paths: Paths,
    /// `None` until the first event, so that a refused run leaves nothing behind.
    file: Option<File>,
    /// Its length in bytes.
    length: u64,
}

impl FileLog {
    /// Opens a journal and reads it. If there is none, the first event makes it.
    ///
    /// Each holder has a file of its own, without the torn last line of the one before: who had the plan before may only be
    /// suspended, and then writes to a file that is no longer the journal.
    ///
    /// # Errors
    /// `Refused` for a newer format, an unknown last event or another plan, `Conflict` for a damaged journal: the file is left
    /// as it was.
    pub fn open(
        paths: Paths,
        plan: &str,
        mut lock: Lock,
        clock: Clock,
    ) -> Result<(Self, Vec<Entry>)> {
        let path = paths.journal();
        refuse_what_is_no_file(&path)?;
        let of = |file, length, lock| Self {
            written: Arc::new(Mutex::new(Written { paths, file, length })),
            lock: Arc::new(Mutex::new(lock)),
            clock: clock.clone(),
        };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok((of(None, 0, lock), Vec::new()));
            }
            Err(error) => return Err(Error::io(format!("cannot read {}", path.display()), error)),
        };
        let parsed = parse_of(&bytes, &path, plan)?;
        let cannot = |error| Error::io(format!("cannot write {}", path.display()), error);
        lock.keep(&clock)?;
        crate::fs::replace(&path, &bytes[..parsed.intact], Access::Usual).map_err(cannot)?;
        let file = OpenOptions::new().append(true).open(&path).map_err(cannot)?;
        Ok((of(Some(file), parsed.intact as u64, lock), parsed.entries))
    }

    /// Works on the file while this process holds the plan.
    async fn while_held<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Written) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (written, lock, clock) = (self.written.clone(), self.lock.clone(), self.clock.clone());
        blocking(move || {
            keep(&lock, &clock)?;
            work(&mut written.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await
    }
}

impl Written {
    /// Checks that the file this process writes is still the journal and ends where this process last left it.
    fn refuse_others_lines(&self) -> Result<()> {
        let path = self.paths.journal();
        let found = fs::metadata(&path).map(|found| found.len());
        let is_as_left = match (&self.file, &found) {
            (Some(file), Ok(length)) => *length == self.length && is_at(file, &path),
            (None, Err(error)) => error.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        };
        if is_as_left {
            return Ok(());
        }
        let what = match found {
            Ok(length) => format!("it has {length} bytes, {} were expected", self.length),
            Err(error) => error.to_string(),
        };
        let message = format!(
            "{} was changed by somebody else while this run held it: {what}",
            path.display()
        );
        Err(Error::new(ErrorKind::Conflict, message).with_hint(
            "nothing was written over; look with `vecshift status` before the plan is run again",
        ))
    }

    /// Writes at the current end of the file.
    fn write(&mut self, lines: &[u8]) -> std::io::Result<()> {
        let mut file = match &self.file {
            Some(file) => file,
            None => {
                let mut options = OpenOptions::new();
                options.append(true).create_new(true);
                let file = self.file.insert(options.open(self.paths.journal())?);
                crate::fs::sync_folder_of(&self.paths.journal())?;
                file
            }
        };
        file.write_all(lines)?;
        file.sync_data()?;
        self.length += lines.len() as u64;
        Ok(())
    }
}

#[async_trait]
impl Log for FileLog {
    async fn append(&mut self, entries: &[Entry]) -> Result<()> {
        let lines = lines(entries)?;
        self.while_held(move |written| {
            written.refuse_others_lines()?;
            written.write(&lines).map_err(|error| {
                let path = written.paths.journal();
                Error::io(format!("cannot write {}", path.display()), error)
                    .with_hint("look for room on its disk, then run the same command again")
            })
        })
        .await
    }

    async fn archive(&mut self, run: &str) -> Result<()> {
        let run = run.to_owned();
        self.while_held(move |written| {
            let (from, to) = (written.paths.journal(), written.paths.archived(&run));
            crate::fs::rename(&from, &to).map_err(|error| {
                Error::io(format!("cannot put {} aside", from.display()), error)
            })?;
            (written.file, written.length) = (None, 0);
            Ok(())
        })
        .await
    }

    fn linger(&self) -> Duration {
        Duration::ZERO
    }

    fn hold(&self) -> Arc<dyn Hold> {
        Arc::new(LockHold { lock: Arc::downgrade(&self.lock), clock: self.clock.clone() })
    }

    async fn release(self: Box<Self>) {
        // Files are few and small: dropping the lock removes them.
        drop(self);
    }
}

/// Checks the lock without the journal.
#[derive(Debug)]
struct LockHold {
    lock: Weak<Mutex<Lock>>,
    clock: Clock,
}

#[async_trait]
impl Hold for LockHold {
    async fn pass(&self) -> Result<()> {
        match self.lock.upgrade() {
            Some(lock) => keep(&lock, &self.clock),
            None => Ok(()),
        }
    }

    async fn keep(&self) -> Error {
        loop {
            if let Err(error) = self.pass().await {
                return error;
            }
            tokio::time::sleep(KEEP).await;
        }
    }
}

fn keep(lock: &Mutex<Lock>, clock: &Clock) -> Result<()> {
    lock.lock().unwrap_or_else(PoisonError::into_inner).keep(clock)
}
