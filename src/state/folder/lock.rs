//! One run per plan: an operating-system lock, and beside it a record of who holds it and until when.
//!
//! The lock decides on one machine, and a process that dies releases it. `lock show` prints the record; if the folder
//! is shared between machines, or its file system has no locks, the lease in it keeps a second run out.
//!
//! A record is never written over. A new one takes the place of the one it names (`docs/decisions/0019`), which only
//! one of several processes can do; and a holder renews through the file that it opened, which is no longer the record
//! once somebody else has put another in its place. [`Lock::keep`] is called before everything that a run writes or
//! does: a run that lost the lock stops there.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::lock_record::{self, id_there, locked, lost, padded, place, record};
use crate::clock::{Clock, after, until};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Holder, LockView};
use crate::state::new_id;

/// Time for which a holder on another machine is believed after its last sign of life.
pub const LEASE: Duration = Duration::from_secs(60);
/// Attempts to get a held lock, and the pause between them: a process that only checks whether it is held takes it for
/// an instant.
const LOOKED_AT: (u32, Duration) = (10, Duration::from_millis(5));

/// The lock of one plan, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    dir: PathBuf,
    view: LockView,
    /// The record as this lock wrote it.
    record: File,
    /// Length of the record in bytes.
    width: usize,
    file: File,
    /// Folders that were made for this lock, innermost first.
    made: Vec<PathBuf>,
}

impl Lock {
    /// Takes the lock of the plan whose state folder is `dir`. Makes the folder if needed; it is removed with the lock
    /// unless something was put into it.
    ///
    /// # Errors
    /// `Locked`, naming the holder, if another run has it.
    pub fn take(dir: &Path, holder: &Holder, clock: &Clock) -> Result<Self> {
        let (file, made) = lock_file(dir)?;
        let by_lease = !Self::is_held(dir);
        let now = clock.now();
        let old = Self::view(dir)?;
        if let Some(view) = &old
            && (view.is_believed(&holder.host, now) || (by_lease && view.until > now))
        {
            return Err(locked(old));
        }
        let view = LockView {
            id: new_id(now),
            holder: holder.clone(),
            since: now,
            until: after(now, LEASE),
            by_lease,
        };
        let old = match old {
            Some(old) => Some(old.id),
            None => id_there(dir)?,
        };
        let (record, width) = place(dir, &view, old.as_deref(), now)?;
        Ok(Self { dir: dir.to_owned(), view, record, width, file, made })
    }

    /// Checks that the lock is still this one and renews its lease, which runs from now. Writes at most once every
    /// third of a lease. A lease that ran out while the process was suspended is taken anew unless somebody else has
    /// had the lock since.
    ///
    /// # Errors
    /// `Locked` if another run has the lock or it was removed: nothing may be written or done any more.
    pub fn keep(&mut self, clock: &Clock) -> Result<()> {
        let now = clock.now();
        match Self::view(&self.dir)? {
            Some(view) if view.id == self.view.id => {}
            other => return Err(lost(other)),
        }
        if now >= self.view.until {
            let view = LockView { id: new_id(now), until: after(now, LEASE), ..self.view.clone() };
            (self.record, self.width) = place(&self.dir, &view, Some(&self.view.id), now)?;
            self.view = view;
        } else if until(now, self.view.until) <= LEASE * 2 / 3 {
            let view = LockView { until: after(now, LEASE), ..self.view.clone() };
            let bytes = padded(&view, self.width)?;
            let cannot = |error| Error::io("cannot renew the lock's record", error);
            self.record.seek(SeekFrom::Start(0)).map_err(cannot)?;
            self.record.write_all(&bytes).map_err(cannot)?;
            self.view = view;
        }
        Ok(())
    }

    /// Reads the record of the lock of `dir`; `None` if there is none or it cannot be read.
    pub fn view(dir: &Path) -> Result<Option<LockView>> {
        lock_record::view(dir)
    }

    /// Reads the record of the lock of `dir` as [`Lock::view`] does, for whoever asks for it.
    ///
    /// # Errors
    /// `Conflict` if there is one that cannot be read: that is not the same as none.
    pub fn shown(dir: &Path) -> Result<Option<LockView>> {
        let path = record(dir);
        match Self::view(dir)? {
            None if path.exists() => {
                let message =
                    format!("{} is damaged: nobody knows who held the plan", path.display());
                Err(Error::new(ErrorKind::Conflict, message).with_hint(
                    "the next run takes the plan, unless a process of this machine is at it",
                ))
            }
            view => Ok(view),
        }
    }

    /// Returns whether a process on this machine holds the lock right now.
    pub fn is_held(dir: &Path) -> bool {
        File::open(dir.join("lock"))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Returns who runs the plan right now, as far as a process on the machine `host` can see: a holder elsewhere is
    /// believed until its lease ends.
    pub fn holder(dir: &Path, host: &str, now: Timestamp) -> Result<Option<LockView>> {
        let Some(view) = Self::view(dir)? else { return Ok(None) };
        Ok((view.is_believed(host, now) || Self::is_held(dir)).then_some(view))
    }

    /// Removes the record `id` of a holder that is gone.
    ///
    /// # Errors
    /// `NotFound` if the lock's record is not `id`; `Locked` while a process on this machine holds it.
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
}

/// Checks that files can be made in a folder, and that a lock of the operating system keeps a second one out. Returns what was
/// seen, one sentence each.
///
/// # Errors
/// `Io` if nothing can be written there.
pub(super) fn probe(folder: &Path) -> Result<Vec<String>> {
    let cannot = |error| Error::io(format!("cannot write to {}", folder.display()), error);
    crate::fs::check_folder(folder).map_err(cannot)?;
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(there).map_err(cannot)?;
    let again = file.reopen().map_err(cannot)?;
    let is_kept_out = file.as_file().try_lock().is_ok()
        && matches!(again.try_lock(), Err(TryLockError::WouldBlock));
    let locks = match is_kept_out {
        true => "a lock keeps a second process of this machine out",
        false => "its file system knows no locks: a lease of 60 s keeps others out",
    };
    Ok(vec!["files can be written".to_owned(), locks.to_owned()])
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The record goes first: whoever gets the lock next must not find ours. Another holder's record stays.
        if matches!(Self::view(&self.dir), Ok(Some(view)) if view.id == self.view.id) {
            let _ = fs::remove_file(record(&self.dir));
        }
        remove_if_unused(&self.dir, &self.made);
        let _ = self.file.unlock();
    }
}

/// Gets the operating system's lock; returns it with the folders that had to be made for it, innermost first.
fn lock_file(dir: &Path) -> Result<(File, Vec<PathBuf>)> {
    let path = dir.join("lock");
    let cannot = |error| Error::io(format!("cannot lock {}", path.display()), error);
    let missing = dir.ancestors().take_while(|at| !at.as_os_str().is_empty() && !at.exists());
    let made: Vec<PathBuf> = missing.map(Path::to_owned).collect();
    let (tries, pause) = LOOKED_AT;
    for _ in 0..tries {
        fs::create_dir_all(dir)
            .map_err(|error| Error::io(format!("cannot make {}", dir.display()), error))?;
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = match opened {
            // The folder went with the lock of a run that began nothing.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            opened => opened.map_err(cannot)?,
        };
        match file.try_lock() {
            Ok(()) if is_at(&file, &path) => return Ok((file, made)),
            // It was removed while we waited for it.
            Ok(()) => {}
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                return Ok((file, made));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
            // Somebody may only be checking whether it is held.
            Err(TryLockError::WouldBlock) => std::thread::sleep(pause),
        }
    }
    Err(locked(Lock::view(dir)?))
}

/// Returns whether `file` is the one that `path` leads to.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |of: fs::Metadata| (of.dev(), of.ino());
        match (file.metadata(), fs::metadata(path)) {
            (Ok(ours), Ok(there)) => identity(ours) == identity(there),
            _ => false,
        }
    }
    #[cfg(not(unix))]
    {
        file.metadata().is_ok() && path.exists()
    }
}

/// Removes the folders that a lock made and that hold nothing else.
fn remove_if_unused(dir: &Path, made: &[PathBuf]) {
    let is_unused = || {
        let mut entries = fs::read_dir(dir).ok()?.map_while(|entry| entry.ok());
        Some(entries.all(|entry| entry.file_name() == "lock"))
    };
    if made.is_empty() || is_unused() != Some(true) {
        return;
    }
    let _ = fs::remove_file(dir.join("lock"));
    for folder in made {
        // Fails if something else was put there meanwhile.
        let _ = fs::remove_dir(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Holder {
        Holder::new("ada", "one", 7)
    }

    fn bob() -> Holder {
        Holder::new("bob", "two", 8)
    }

    /// Simulates a folder that two machines share without sharing locks: whoever comes next gets a lock of its own.
    fn forget_locks(dir: &Path) {
        fs::remove_file(dir.join("lock")).unwrap();
    }

    #[test]
    fn a_second_run_hears_who_holds_the_plan() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let first = Lock::take(dir.path(), &ada(), &clock).unwrap();
        let error = Lock::take(dir.path(), &Holder::new("bob", "one", 8), &clock).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.message().contains("ada@one (process 7)"), "{error}");
        drop(first);
        Lock::take(dir.path(), &Holder::new("bob", "one", 8), &clock).unwrap();
    }

    #[test]
    fn a_lease_of_another_machine_counts_until_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let _first = Lock::take(dir.path(), &ada(), &clock).unwrap();
        forget_locks(dir.path());
        let error = Lock::take(dir.path(), &bob(), &clock).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(Lock::holder(dir.path(), "two", clock.now()).unwrap().is_some());
        clock.skip(LEASE);
        assert!(Lock::holder(dir.path(), "two", clock.now()).unwrap().is_none());
        Lock::take(dir.path(), &bob(), &clock).unwrap();
    }

    #[test]
    fn who_lost_the_lock_stops_and_leaves_the_record_of_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let mut first = Lock::take(dir.path(), &ada(), &clock).unwrap();
        forget_locks(dir.path());
        clock.skip(LEASE);
        let mut second = Lock::take(dir.path(), &bob(), &clock).unwrap();
        let error = first.keep(&clock).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.message().contains("bob@two (process 8) took it"), "{error}");
        drop(first);
        second.keep(&clock).unwrap();
    }

    /// A holder that is frozen between checking the record and renewing it writes to a file that is no longer the
    /// record.
    #[test]
    fn a_renewal_that_comes_late_writes_over_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let mut first = Lock::take(dir.path(), &ada(), &clock).unwrap();
        forget_locks(dir.path());
        clock.skip(LEASE);
        let second = Lock::take(dir.path(), &bob(), &clock).unwrap();
        let late = LockView { until: after(clock.now(), LEASE), ..first.view.clone() };
        first.record.write_all(&padded(&late, first.width).unwrap()).unwrap();
        assert_eq!(Lock::view(dir.path()).unwrap(), Some(second.view.clone()));
    }

    /// A laptop that slept: nobody else took the plan, so the run goes on under a new record.
    #[test]
    fn a_lease_that_ran_out_is_taken_anew_where_nobody_took_it() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let mut lock = Lock::take(dir.path(), &ada(), &clock).unwrap();
        let id = lock.view.id.clone();
        clock.skip(LEASE * 100);
        lock.keep(&clock).unwrap();
        assert_ne!(lock.view.id, id);
        forget_locks(dir.path());
        let error = Lock::take(dir.path(), &bob(), &clock).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
    }

    #[test]
    fn renewing_moves_the_end_and_keeps_the_record() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let mut lock = Lock::take(dir.path(), &ada(), &clock).unwrap();
        let before = Lock::view(dir.path()).unwrap().unwrap();
        for _ in 0..5 {
            // An instant is written with only as many digits as it needs.
            clock.skip(Duration::from_nanos(30_000_000_001));
            lock.keep(&clock).unwrap();
        }
        let now = Lock::view(dir.path()).unwrap().unwrap();
        assert_eq!((now.id, now.since), (before.id, before.since));
        assert_eq!(now.until, after(clock.now(), LEASE));
    }

    #[test]
    fn a_lock_that_was_removed_stops_its_run() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let mut lock = Lock::take(dir.path(), &ada(), &clock).unwrap();
        fs::remove_file(record(dir.path())).unwrap();
        assert_eq!(lock.keep(&clock).unwrap_err().kind(), ErrorKind::Locked);
    }

    /// Several processes that saw the same record expire each try to put their own in its place, in any order of
    /// steps.
    #[test]
    fn of_several_that_take_an_ended_lease_one_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let view = |number: u32| LockView {
            id: new_id(now),
            holder: Holder::new("somebody", "here", number),
            since: now,
            until: after(now, LEASE),
            by_lease: true,
        };
        let mut old = None;
        for _ in 0..50 {
            let taken: Vec<_> = std::thread::scope(|scope| {
                let racers: Vec<_> = (0..4)
                    .map(|number| {
                        let (dir, view, old) = (dir.path(), view(number), old.clone());
                        scope.spawn(move || place(dir, &view, old.as_deref(), now).map(|_| view.id))
                    })
                    .collect();
                racers.into_iter().filter_map(|racer| racer.join().unwrap().ok()).collect()
            });
            assert_eq!(taken.len(), 1, "{taken:?}");
            assert_eq!(id_there(dir.path()).unwrap(), Some(taken[0].clone()));
            old = Some(taken[0].clone());
        }
    }

    #[test]
    fn who_died_while_taking_an_ended_lease_is_in_nobodys_way_for_long() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let first = Lock::take(dir.path(), &ada(), &clock).unwrap();
        forget_locks(dir.path());
        clock.skip(LEASE);
        let died =
            LockView { id: "x".into(), until: after(clock.now(), LEASE), ..first.view.clone() };
        let next = dir.path().join(format!("lock-{}.next", first.view.id));
        fs::write(&next, serde_json::to_vec(&died).unwrap()).unwrap();
        let error = Lock::take(dir.path(), &bob(), &clock).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        forget_locks(dir.path());
        clock.skip(LEASE);
        Lock::take(dir.path(), &bob(), &clock).unwrap();
    }

    /// A killed process of this machine has let go of the operating system's lock, whatever it left half done.
    #[test]
    fn who_died_on_this_machine_between_two_writes_is_in_nobodys_way() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let died = |id: &str| LockView {
            id: id.into(),
            holder: ada(),
            since: clock.now(),
            until: after(clock.now(), LEASE),
            by_lease: false,
        };
        for (name, id) in [("lock.json", "x"), ("lock-x.next", "y")] {
            fs::write(dir.path().join(name), serde_json::to_vec(&died(id)).unwrap()).unwrap();
        }
        let next = Lock::take(dir.path(), &Holder::new("bob", "one", 8), &clock).unwrap();
        assert_eq!(Lock::view(dir.path()).unwrap().unwrap().id, next.view.id);
    }

    #[test]
    fn where_there_are_no_locks_the_lease_counts_on_the_same_machine_too() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let view = LockView {
            id: "x".into(),
            holder: ada(),
            since: clock.now(),
            until: after(clock.now(), LEASE),
            by_lease: true,
        };
        fs::write(record(dir.path()), serde_json::to_vec(&view).unwrap()).unwrap();
        let again = || Lock::take(dir.path(), &Holder::new("bob", "one", 8), &clock);
        assert_eq!(again().unwrap_err().kind(), ErrorKind::Locked);
        assert!(Lock::holder(dir.path(), "one", clock.now()).unwrap().is_some());
        clock.skip(LEASE);
        again().unwrap();
    }

    #[test]
    fn a_lock_under_which_nothing_was_written_leaves_no_folder() {
        let root = tempfile::tempdir().unwrap();
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        let state = root.path().join("state");
        let dir = state.join("plan");
        drop(Lock::take(&dir, &ada(), &clock).unwrap());
        assert!(!state.exists());
        let lock = Lock::take(&dir, &ada(), &clock).unwrap();
        fs::write(dir.join("journal.jsonl"), "").unwrap();
        drop(lock);
        assert!(dir.join("journal.jsonl").exists());
        drop(Lock::take(&state.join("other"), &ada(), &clock).unwrap());
        assert!(state.exists() && !state.join("other").exists());
    }
}
