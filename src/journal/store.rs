//! Storage of a journal: one folder per plan, one JSON line per event, each on disk before the next thing happens.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::lines::{of_another_plan, parse, refuse_what_is_no_file};
use super::lock::is_at;
use super::paths::Paths;
use super::{Entry, Event, FORMAT, Lock, RunState};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// The journal of a plan, open for appending. Holding one means holding the plan's lock.
#[derive(Debug)]
pub struct Journal {
    paths: Paths,
    /// `None` until the first event, so that a refused run leaves nothing behind.
    file: Option<File>,
    /// The journal's length in bytes, as far as this process read and wrote it.
    length: u64,
    state: RunState,
    clock: Clock,
    /// True after an append failed: what is on disk is unknown, so nothing more is written.
    is_broken: bool,
    lock: Arc<Mutex<Lock>>,
}

/// A handle that checks whether this process still holds a plan, even while its journal is being written.
#[derive(Clone, Debug)]
pub struct Held {
    lock: Weak<Mutex<Lock>>,
    clock: Clock,
}

impl Held {
    /// Checks that this process still holds the plan and renews its lease. Always passes once the journal is closed.
    ///
    /// # Errors
    /// `Locked` if it does not hold the plan.
    pub fn keep(&self) -> Result<()> {
        match self.lock.upgrade() {
            Some(lock) => keep(&lock, &self.clock),
            None => Ok(()),
        }
    }
}

fn keep(lock: &Mutex<Lock>, clock: &Clock) -> Result<()> {
    lock.lock().unwrap_or_else(PoisonError::into_inner).keep(clock)
}

impl Journal {
    /// Opens the journal and folds it, repairing a torn last line. If there is none, the first event creates it.
    ///
    /// # Errors
    /// `Refused` for a newer format, an unknown last event or another plan, `Conflict` for a damaged journal: the
    /// file is left as it was.
    pub fn open(paths: Paths, plan: &str, lock: Lock, clock: Clock) -> Result<Self> {
        let path = paths.journal();
        refuse_what_is_no_file(&path)?;
        let mut journal = Self {
            paths,
            file: None,
            length: 0,
            state: RunState::default(),
            clock,
            is_broken: false,
            lock: Arc::new(Mutex::new(lock)),
        };
        let mut file = match OpenOptions::new().read(true).append(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(journal),
            Err(error) => {
                return Err(Error::io(format!("cannot open {}", path.display()), error));
            }
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
        let parsed = parse(&bytes, &path)?;
        journal.state = RunState::fold(&parsed.entries)
            .map_err(|error| error.with_context("journal", path.display()))?;
        if journal.state.events > 0 && journal.state.plan != plan {
            return Err(of_another_plan(&path, &journal.state.plan));
        }
        if parsed.intact < bytes.len() {
            journal.keep_lock()?;
            let broken = |error| Error::io(format!("cannot repair {}", path.display()), error);
            file.set_len(parsed.intact as u64).map_err(broken)?;
            file.sync_data().map_err(broken)?;
        }
        crate::fs::sync_folder_of(&path)
            .map_err(|error| Error::io(format!("cannot keep {}", path.display()), error))?;
        journal.length = parsed.intact as u64;
        journal.file = Some(file);
        Ok(journal)
    }

    pub fn state(&self) -> &RunState {
        &self.state
    }

    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Appends one event, which is on disk when this returns.
    ///
    /// # Errors
    /// `Locked` if the plan's lock was lost; `Conflict` if the event cannot follow the journal or somebody else wrote
    /// to it; `Io` if it could not be written, after which the journal accepts nothing more.
    pub fn append(&mut self, event: Event) -> Result<Entry> {
        let Appended { entries, mut refused } = self.append_all(vec![vec![event]])?;
        match (entries.into_iter().next(), refused.pop()) {
            (Some(entry), None) => Ok(entry),
            (_, Some((_, error))) => Err(error),
            (None, None) => Err(Error::unexpected("an event was neither written nor refused")),
        }
    }

    /// Appends groups of events, which are on disk together when this returns: one write and one sync for all of them.
    /// A group with an event that cannot follow ends before that event; the other groups do not suffer from it.
    ///
    /// # Errors
    /// Those of [`Journal::append`], for all groups; an event that cannot follow is in the result.
    pub fn append_all(&mut self, groups: Vec<Vec<Event>>) -> Result<Appended> {
        if self.is_broken {
            let path = self.paths.journal();
            let message = format!("{} cannot be written since an earlier error", path.display());
            return Err(Error::new(ErrorKind::Io, message)
                .with_hint("look for room on its disk, then run the same command again"));
        }
        self.keep_lock()?;
        self.refuse_others_lines()?;
        let (mut lines, mut appended) = (Vec::new(), Appended::default());
        for (number, group) in groups.into_iter().enumerate() {
            if let Err(error) = self.take(group, &mut lines, &mut appended.entries) {
                appended.refused.push((number, error));
            }
        }
        if !lines.is_empty() {
            if let Err(error) = self.write(&lines) {
                self.is_broken = true;
                let path = self.paths.journal();
                return Err(Error::io(format!("cannot write {}", path.display()), error));
            }
            self.length += lines.len() as u64;
        }
        Ok(appended)
    }

    /// Folds a group up to the first event that cannot follow, and adds its lines to `lines`.
    fn take(
        &mut self,
        group: Vec<Event>,
        lines: &mut Vec<u8>,
        entries: &mut Vec<Entry>,
    ) -> Result<()> {
        for event in group {
            let entry = Entry { v: FORMAT, seq: self.state.events, at: self.clock.now(), event };
            self.state.accepts(&entry)?;
            let line = serde_json::to_vec(&entry).map_err(|error| {
                Error::unexpected("an event cannot be written as JSON").with_source(error)
            })?;
            self.state.apply(&entry)?;
            lines.extend(line);
            lines.push(b'\n');
            entries.push(entry);
        }
        Ok(())
    }

    /// Returns a handle that checks the lock without the journal.
    pub fn held(&self) -> Held {
        Held { lock: Arc::downgrade(&self.lock), clock: self.clock.clone() }
    }

    /// Checks that this process still holds the plan and renews its lease. Called before everything that a run writes
    /// or does.
    ///
    /// # Errors
    /// `Locked` if it does not hold the plan.
    pub fn keep_lock(&mut self) -> Result<()> {
        keep(&self.lock, &self.clock)
    }

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
                options.read(true).append(true).create_new(true);
                let file = self.file.insert(options.open(self.paths.journal())?);
                crate::fs::sync_folder_of(&self.paths.journal())?;
                file
            }
        };
        file.write_all(lines)?;
        file.sync_data()
    }

    /// Sets the journal of an ended run aside, so that another run can start.
    ///
    /// # Errors
    /// `Conflict` while the run is still open.
    pub fn archive(&mut self) -> Result<()> {
        if self.state.is_open() {
            return Err(Error::new(ErrorKind::Conflict, "the run has not ended"));
        }
        self.keep_lock()?;
        let (from, to) = (self.paths.journal(), self.paths.archived(&self.state.run));
        crate::fs::rename(&from, &to)
            .map_err(|error| Error::io(format!("cannot put {} aside", from.display()), error))?;
        (self.file, self.length) = (None, 0);
        self.state = RunState::default();
        Ok(())
    }
}

/// What became of events that were to be appended.
#[derive(Debug, Default)]
pub struct Appended {
    /// The events that are on disk now.
    pub entries: Vec<Entry>,
    /// The numbers of the groups that hold an event which cannot follow, each with the reason.
    pub refused: Vec<(usize, Error)>,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::journal::{Holder, read};
    use crate::model::StageId;

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

    fn open(dir: &Path) -> Result<Journal> {
        let paths = Paths::new(dir, "p");
        let clock = Clock::test(jiff::Timestamp::UNIX_EPOCH);
        let lock = Lock::take(paths.dir(), &Holder::new("somebody", "here", 1), &clock)?;
        Journal::open(paths, "p", lock, clock)
    }

    fn stage_started() -> Event {
        Event::StageStarted { stage: StageId::new("audit"), attempt: 1 }
    }

    #[test]
    fn every_cut_of_the_last_line_is_repaired() {
        let dir = tempfile::tempdir().unwrap();
        let path = Paths::new(dir.path(), "p").journal();
        let mut journal = open(dir.path()).unwrap();
        journal.append(start()).unwrap();
        let whole = fs::metadata(&path).unwrap().len();
        journal.append(stage_started()).unwrap();
        drop(journal);
        let bytes = fs::read(&path).unwrap();
        for cut in whole..bytes.len() as u64 {
            fs::write(&path, &bytes[..usize::try_from(cut).unwrap()]).unwrap();
            let mut journal = open(dir.path()).unwrap();
            assert_eq!(journal.state().events, 1, "cut at {cut}");
            journal.append(stage_started()).unwrap();
            drop(journal);
            assert_eq!(read(&path).unwrap().len(), 2, "cut at {cut}");
        }
    }

    /// Neither a changed byte in the middle nor a whole last line that cannot be read may cost an event.
    #[test]
    fn damage_is_refused_with_its_place_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = Paths::new(dir.path(), "p").journal();
        let mut journal = open(dir.path()).unwrap();
        journal.append(start()).unwrap();
        let first = fs::metadata(&path).unwrap().len();
        journal.append(stage_started()).unwrap();
        drop(journal);
        let whole = fs::read(&path).unwrap();
        for (at, line) in [(3, 1), (usize::try_from(first).unwrap() + 3, 2)] {
            let mut bytes = whole.clone();
            bytes[at] = b'#';
            fs::write(&path, &bytes).unwrap();
            let error = open(dir.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(error.message().contains(&format!("is damaged in line {line}: ")), "{error}");
            assert!(error.hint().unwrap().contains("A damaged journal"), "{error}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn an_event_of_a_newer_version_is_kept_and_refused_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = Paths::new(dir.path(), "p").journal();
        open(dir.path()).unwrap().append(start()).unwrap();
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str(r#"{"v":1,"seq":1,"at":"1970-01-01T00:00:00Z","event":"source_frozen"}"#);
        text.push('\n');
        fs::write(&path, &text).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains("line 2"), "{error}");
        assert!(error.message().ends_with("unknown variant `source_frozen`"), "{error}");
        assert_eq!(read(&path).unwrap_err().message(), error.message());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_group_ends_before_what_cannot_follow_and_others_do_not_suffer() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = open(dir.path()).unwrap();
        journal.append(start()).unwrap();
        let other = Event::StagePassed { stage: StageId::new("other") };
        let groups = vec![vec![stage_started(), other, stage_started()], vec![stage_started()]];
        let Appended { entries, refused } = journal.append_all(groups).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(refused.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0]);
        let path = Paths::new(dir.path(), "p").journal();
        assert_eq!(RunState::fold(&read(&path).unwrap()).unwrap(), *journal.state());
    }

    #[test]
    fn a_journal_is_made_with_its_first_event() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path(), "p");
        drop(open(dir.path()).unwrap());
        assert!(!paths.dir().exists());
        open(dir.path()).unwrap().append(start()).unwrap();
        assert_eq!(read(&paths.journal()).unwrap().len(), 1);
    }

    /// Two machines share the folder without sharing locks. The first stands still after each of its events while the
    /// second takes its lease: whatever the moment, the journal holds the first's events and then the second's.
    #[test]
    fn who_stood_still_while_another_took_over_writes_nothing_more() {
        for events in 1..5 {
            let dir = tempfile::tempdir().unwrap();
            let paths = Paths::new(dir.path(), "p");
            let clock = Clock::test(jiff::Timestamp::UNIX_EPOCH);
            let on = |host: &str| {
                let _ = fs::remove_file(paths.dir().join("lock"));
                let lock = Lock::take(paths.dir(), &Holder::new("ada", host, 7), &clock)?;
                Journal::open(paths.clone(), "p", lock, clock.clone())
            };
            let mut first = on("one").unwrap();
            first.append(start()).unwrap();
            for _ in 1..events {
                first.append(stage_started()).unwrap();
            }
            clock.skip(crate::journal::lock::LEASE);
            let mut second = on("two").unwrap();
            second.append(stage_started()).unwrap();
            let error = first.append(stage_started()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
            drop(first);
            second.append(stage_started()).unwrap();
            let entries = read(&paths.journal()).unwrap();
            assert_eq!(RunState::fold(&entries).unwrap().events, events + 2);
        }
    }

    #[test]
    fn a_journal_that_somebody_else_changed_is_written_no_further() {
        let dir = tempfile::tempdir().unwrap();
        let path = Paths::new(dir.path(), "p").journal();
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
            let mut journal = open(dir.path()).unwrap();
            journal.append(start()).unwrap();
            change(&path);
            let left = fs::read(&path).ok();
            let error = journal.append(stage_started()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            assert_eq!(fs::read(&path).ok(), left);
        }
    }

    #[test]
    fn a_newer_format_and_another_plan_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = Paths::new(dir.path(), "p").journal();
        open(dir.path()).unwrap().append(start()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"plan\":\"p\"", "\"plan\":\"q\"")).unwrap();
        assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Refused);
        let newer = text.replace(&format!("\"v\":{FORMAT}"), &format!("\"v\":{}", FORMAT + 1));
        fs::write(&path, &newer).unwrap();
        assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Refused);
        assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    }
}
