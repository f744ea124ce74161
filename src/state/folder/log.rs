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
use crate::fs::{Access, Replacement};
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
        let mut own = Replacement::begin(&path, Access::Usual).map_err(cannot)?;
        own.write_all(&bytes[..parsed.intact]).map_err(cannot)?;
        // What takes time is done: a holder that was suspended meanwhile puts nothing over what another has appended.
        lock.keep(&clock)?;
        let is_as_read = fs::metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64);
        if !is_as_read {
            let message = format!("{} was written to by somebody else", path.display());
            return Err(Error::new(ErrorKind::Locked, message)
                .with_hint("look with `vecshift status`, then run the same command again"));
        }
        own.commit().map_err(cannot)?;
        let file = OpenOptions::new().append(true).open(&path).map_err(cannot)?;
        Ok((of(Some(file), parsed.intact as u64, lock), parsed.entries))
    }

    /// Appends events of which a part would be no journal: all of them are there, or none. Blocks.
    ///
    /// # Errors
    /// Those of [`Log::append`].
    pub fn append_whole(&mut self, entries: &[Entry]) -> Result<()> {
        let lines = lines(entries)?;
        keep(&self.lock, &self.clock)?;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.refuse_others_lines()?;
        written.replace(&lines).map_err(|error| written.cannot_write(error))
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

    fn cannot_write(&self, error: std::io::Error) -> Error {
        Error::io(format!("cannot write {}", self.paths.journal().display()), error)
            .with_hint("look for room on its disk, then run the same command again")
    }

    /// Puts another file in the place of this one, which has these lines more.
    fn replace(&mut self, lines: &[u8]) -> std::io::Result<()> {
        let path = self.paths.journal();
        let mut whole = match &self.file {
            Some(_) => fs::read(&path)?,
            None => Vec::new(),
        };
        whole.extend_from_slice(lines);
        crate::fs::replace(&path, &whole, Access::Usual)?;
        self.file = Some(OpenOptions::new().append(true).open(&path)?);
        self.length = whole.len() as u64;
        Ok(())
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
            written.write(&lines).map_err(|error| written.cannot_write(error))
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::clock::Clock;
    use crate::journal::{Event, FORMAT, Holder, RunState};
    use crate::model::StageId;
    use crate::state::{Appended, Backend, Folder, Journal, LEASE};

    fn start() -> Event {
        Event::RunStarted {
            run: "r1".into(),
            plan: "p".into(),
            digest: "sha256:0".into(),
            program: "0".into(),
            holder: "h".into(),
            rehearsal: false,
            path: None,
            source: "a".into(),
            target: "b".into(),
            stages: vec![StageId::new("audit")],
            gates: None,
            reviewed: None,
        }
    }

    fn folder(dir: &Path) -> Folder {
        Folder::new(dir, "here", Clock::test(jiff::Timestamp::UNIX_EPOCH))
    }

    async fn open(dir: &Path) -> Result<Journal> {
        let clock = Clock::test(jiff::Timestamp::UNIX_EPOCH);
        let home = folder(dir).home("p");
        Journal::open(&*home, &Holder::new("somebody", "here", 1), clock).await
    }

    async fn read(dir: &Path) -> Result<Vec<Entry>> {
        folder(dir).home("p").entries().await
    }

    fn stage_started() -> Event {
        Event::StageStarted { stage: StageId::new("audit"), attempt: 1 }
    }

    #[tokio::test]
    async fn every_cut_of_the_last_line_is_repaired() {
        let dir = tempfile::tempdir().unwrap();
        let path = folder(dir.path()).journal_of("p");
        let mut journal = open(dir.path()).await.unwrap();
        journal.append(start()).await.unwrap();
        let whole = fs::metadata(&path).unwrap().len();
        journal.append(stage_started()).await.unwrap();
        drop(journal);
        let bytes = fs::read(&path).unwrap();
        for cut in whole..bytes.len() as u64 {
            fs::write(&path, &bytes[..usize::try_from(cut).unwrap()]).unwrap();
            let mut journal = open(dir.path()).await.unwrap();
            assert_eq!(journal.state().events, 1, "cut at {cut}");
            journal.append(stage_started()).await.unwrap();
            drop(journal);
            assert_eq!(read(dir.path()).await.unwrap().len(), 2, "cut at {cut}");
        }
    }

    /// Neither a changed byte in the middle nor a whole last line that cannot be read may cost an event.
    #[tokio::test]
    async fn damage_is_refused_with_its_place_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = folder(dir.path()).journal_of("p");
        let mut journal = open(dir.path()).await.unwrap();
        journal.append(start()).await.unwrap();
        let first = fs::metadata(&path).unwrap().len();
        journal.append(stage_started()).await.unwrap();
        drop(journal);
        let whole = fs::read(&path).unwrap();
        for (at, line) in [(3, 1), (usize::try_from(first).unwrap() + 3, 2)] {
            let mut bytes = whole.clone();
            bytes[at] = b'#';
            fs::write(&path, &bytes).unwrap();
            let error = open(dir.path()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(error.message().contains(&format!("is damaged in line {line}: ")), "{error}");
            assert!(error.hint().unwrap().contains("A damaged journal"), "{error}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }

    #[tokio::test]
    async fn an_event_of_a_newer_version_is_kept_and_refused_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = folder(dir.path()).journal_of("p");
        open(dir.path()).await.unwrap().append(start()).await.unwrap();
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str(r#"{"v":1,"seq":1,"at":"1970-01-01T00:00:00Z","event":"source_frozen"}"#);
        text.push('\n');
        fs::write(&path, &text).unwrap();
        let error = open(dir.path()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains("line 2"), "{error}");
        assert!(error.message().ends_with("unknown variant `source_frozen`"), "{error}");
        assert_eq!(read(dir.path()).await.unwrap_err().message(), error.message());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[tokio::test]
    async fn a_group_ends_before_what_cannot_follow_and_others_do_not_suffer() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = open(dir.path()).await.unwrap();
        journal.append(start()).await.unwrap();
        let other = Event::StagePassed { stage: StageId::new("other") };
        let groups = vec![vec![stage_started(), other, stage_started()], vec![stage_started()]];
        let Appended { entries, refused } =
            journal.append_all(groups.into_iter().map(Into::into).collect()).await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(refused.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0]);
        assert_eq!(RunState::fold(&read(dir.path()).await.unwrap()).unwrap(), *journal.state());
    }

    #[tokio::test]
    async fn a_journal_is_made_with_its_first_event() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()).await.unwrap());
        assert!(!dir.path().join("p").exists());
        open(dir.path()).await.unwrap().append(start()).await.unwrap();
        assert_eq!(read(dir.path()).await.unwrap().len(), 1);
    }

    /// Two machines share the folder without sharing locks. The first stands still after each of its events while the
    /// second takes its lease: whatever the moment, the journal holds the first's events and then the second's.
    #[tokio::test]
    async fn who_stood_still_while_another_took_over_writes_nothing_more() {
        for events in 1..5 {
            let dir = tempfile::tempdir().unwrap();
            let clock = Clock::test(jiff::Timestamp::UNIX_EPOCH);
            let on = async |host: &str| {
                let _ = fs::remove_file(dir.path().join("p/lock"));
                let home = Folder::new(dir.path(), host, clock.clone()).home("p");
                Journal::open(&*home, &Holder::new("ada", host, 7), clock.clone()).await
            };
            let mut first = on("one").await.unwrap();
            first.append(start()).await.unwrap();
            for _ in 1..events {
                first.append(stage_started()).await.unwrap();
            }
            clock.skip(LEASE);
            let mut second = on("two").await.unwrap();
            second.append(stage_started()).await.unwrap();
            let error = first.append(stage_started()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
            drop(first);
            second.append(stage_started()).await.unwrap();
            let entries = read(dir.path()).await.unwrap();
            assert_eq!(RunState::fold(&entries).unwrap().events, events + 2);
        }
    }

    #[tokio::test]
    async fn a_journal_that_somebody_else_changed_is_written_no_further() {
        let dir = tempfile::tempdir().unwrap();
        let path = folder(dir.path()).journal_of("p");
        let changes: [fn(&Path); 4] = [
            |path| {
                let mut file = OpenOptions::new().append(true).open(path).unwrap();
                file.write_all(b"{}\n").unwrap();
            },
            |path| OpenOptions::new().write(true).open(path).unwrap().set_len(1).unwrap(),
            |path| {
                let bytes = fs::read(path).unwrap();
                crate::fs::rename(path, &path.with_extension("old")).unwrap();
                fs::write(path, bytes).unwrap();
            },
            |path| fs::remove_file(path).unwrap(),
        ];
        for change in changes {
            let _ = fs::remove_file(&path);
            let mut journal = open(dir.path()).await.unwrap();
            journal.append(start()).await.unwrap();
            change(&path);
            let left = fs::read(&path).ok();
            let error = journal.append(stage_started()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            assert_eq!(fs::read(&path).ok(), left);
        }
    }

    #[tokio::test]
    async fn a_newer_format_and_another_plan_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = folder(dir.path()).journal_of("p");
        open(dir.path()).await.unwrap().append(start()).await.unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"plan\":\"p\"", "\"plan\":\"q\"")).unwrap();
        assert_eq!(open(dir.path()).await.unwrap_err().kind(), ErrorKind::Refused);
        let newer = text.replace(&format!("\"v\":{FORMAT}"), &format!("\"v\":{}", FORMAT + 1));
        fs::write(&path, &newer).unwrap();
        assert_eq!(open(dir.path()).await.unwrap_err().kind(), ErrorKind::Refused);
        assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    }

    /// A holder that is suspended between its look at the lock and its write, writes to a file that is not the journal any more.
    #[tokio::test]
    async fn a_line_that_comes_late_is_in_nobodys_journal() {
        let dir = tempfile::tempdir().unwrap();
        let path = folder(dir.path()).journal_of("p");
        let mut first = open(dir.path()).await.unwrap();
        first.append(start()).await.unwrap();
        let mut late = OpenOptions::new().append(true).open(&path).unwrap();
        drop(first);
        let mut second = open(dir.path()).await.unwrap();
        late.write_all(b"late\n").unwrap();
        second.append(stage_started()).await.unwrap();
        assert_eq!(read(dir.path()).await.unwrap().len(), 2);
    }
}
