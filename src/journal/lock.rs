//! One run a plan: an operating-system lock, and beside it a record of who holds it and until when.
//!
//! The lock decides on one machine, and a process that dies lets go of it. The record is what `lock show`
//! prints, and where the folder is shared between machines its lease is what keeps a second one out.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, after, until};
use crate::error::{Error, ErrorKind, Result};

/// How long a holder on another machine is believed after its last sign of life.
pub const LEASE: Duration = Duration::from_secs(60);

/// Who runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub name: String,
    pub host: String,
    pub pid: u32,
}

impl Holder {
    pub fn new(name: impl Into<String>, host: impl Into<String>, pid: u32) -> Self {
        Self { name: name.into(), host: host.into(), pid }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{} (process {})", self.name, self.host, self.pid)
    }
}

/// The record beside the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockView {
    pub id: String,
    pub holder: Holder,
    pub since: Timestamp,
    pub until: Timestamp,
}

/// The lock of one plan, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    record: PathBuf,
    view: LockView,
    file: File,
}

impl Lock {
    /// Takes the lock of the plan whose state folder is `dir`; makes the folder.
    ///
    /// # Errors
    /// `Locked`, naming the holder, where another run has it.
    pub fn take(dir: &Path, holder: &Holder, clock: &Clock) -> Result<Self> {
        fs::create_dir_all(dir)
            .map_err(|error| Error::io(format!("cannot make {}", dir.display()), error))?;
        let path = dir.join("lock");
        let cannot = |error| Error::io(format!("cannot lock {}", path.display()), error);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked(Self::view(dir)?)),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        let now = clock.now();
        if let Some(view) = Self::view(dir)?
            && view.holder.host != holder.host
            && view.until > now
        {
            return Err(locked(Some(view)));
        }
        let id = ulid::Ulid::from_parts(
            u64::try_from(now.as_millisecond()).unwrap_or(0),
            rand::random(),
        )
        .to_string();
        let view = LockView { id, holder: holder.clone(), since: now, until: after(now, LEASE) };
        let lock = Self { record: record(dir), view, file };
        lock.write()?;
        Ok(lock)
    }

    /// Says that the holder is alive: the lease runs from now. Writes at most every third of a lease.
    pub fn renew(&mut self, clock: &Clock) -> Result<()> {
        let now = clock.now();
        if until(now, self.view.until) > LEASE * 2 / 3 {
            return Ok(());
        }
        self.view.until = after(now, LEASE);
        self.write()
    }

    /// The record of the lock of `dir`; `None` where there is none.
    pub fn view(dir: &Path) -> Result<Option<LockView>> {
        match fs::read(record(dir)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("cannot read the lock's record", error)),
        }
    }

    /// Whether a process on this machine holds the lock right now.
    pub fn is_held(dir: &Path) -> bool {
        File::open(dir.join("lock"))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Removes the record `id` of a holder that is gone.
    ///
    /// # Errors
    /// `NotFound` where the lock is not `id`; `Locked` while a process on this machine holds it.
    pub fn remove(dir: &Path, id: &str) -> Result<()> {
        match Self::view(dir)? {
            Some(view) if view.id == id => {
                if Self::is_held(dir) {
                    return Err(locked(Some(view)));
                }
                fs::remove_file(record(dir))
                    .map_err(|error| Error::io("cannot remove the lock's record", error))
            }
            _ => Err(Error::new(ErrorKind::NotFound, format!("there is no lock `{id}`"))
                .with_hint("`vecshift lock show` prints the lock that is there")),
        }
    }

    fn write(&self) -> Result<()> {
        let cannot = |error| Error::io("cannot write the lock's record", error);
        let bytes = serde_json::to_vec_pretty(&self.view).map_err(|error| {
            Error::unexpected("the lock cannot be written as JSON").with_source(error)
        })?;
        let folder = self.record.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(cannot)?;
        file.write_all(&bytes).map_err(cannot)?;
        file.persist(&self.record).map_err(|error| cannot(error.error))?;
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The record goes first: whoever gets the lock next must not find ours.
        let _ = fs::remove_file(&self.record);
        let _ = self.file.unlock();
    }
}

fn record(dir: &Path) -> PathBuf {
    dir.join("lock.json")
}

fn locked(view: Option<LockView>) -> Error {
    let message = match &view {
        Some(view) => format!(
            "another run holds this plan: {} since {:.0}, lock {}",
            view.holder, view.since, view.id
        ),
        None => "another run holds this plan".to_owned(),
    };
    Error::new(ErrorKind::Locked, message)
        .with_hint("wait for it, or look with `vecshift lock show`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_who_holds_the_plan() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let first = Lock::take(dir.path(), &Holder::new("ada", "one", 7), &clock).unwrap();
        let error = Lock::take(dir.path(), &Holder::new("bob", "one", 8), &clock).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.message().contains("ada@one (process 7)"), "{error}");
        drop(first);
        Lock::take(dir.path(), &Holder::new("bob", "one", 8), &clock).unwrap();
    }

    #[tokio::test]
    async fn a_lease_of_another_machine_counts_until_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let lock = Lock::take(dir.path(), &Holder::new("ada", "one", 7), &clock).unwrap();
        let left = fs::read(record(dir.path())).unwrap();
        drop(lock);
        fs::write(record(dir.path()), left).unwrap();
        let there = Holder::new("bob", "two", 8);
        assert_eq!(Lock::take(dir.path(), &there, &clock).unwrap_err().kind(), ErrorKind::Locked);
        clock.skip(LEASE);
        Lock::take(dir.path(), &there, &clock).unwrap();
    }
}
