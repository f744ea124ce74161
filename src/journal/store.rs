//! Where a journal lives: one folder a plan, one JSON line an event, each on disk before the next thing happens.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Entry, Event, FORMAT, Lock, RunState};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// The files of one plan's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    dir: PathBuf,
}

impl Paths {
    /// `state` is the state folder (`.vecshift`), `plan` the plan's name.
    pub fn new(state: &Path, plan: &str) -> Self {
        Self { dir: state.join(plan) }
    }

    /// A rehearsal's journal is kept apart from the real one.
    pub fn rehearsal(state: &Path, plan: &str) -> Self {
        Self { dir: state.join("rehearsals").join(plan) }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn journal(&self) -> PathBuf {
        self.dir.join("journal.jsonl")
    }

    /// Where an ended run's journal goes when another one starts.
    pub fn archived(&self, run: &str) -> PathBuf {
        self.dir.join(format!("journal-{run}.jsonl"))
    }

    pub fn inbox(&self) -> PathBuf {
        self.dir.join("inbox")
    }

    pub fn artifacts(&self, run: &str) -> PathBuf {
        self.dir.join("artifacts").join(run)
    }
}

/// The journal of a plan, open for appending. Holding one means holding the plan's lock.
#[derive(Debug)]
pub struct Journal {
    paths: Paths,
    file: File,
    state: RunState,
    clock: Clock,
    /// An append failed: what is on disk is unknown, so nothing more is written.
    is_broken: bool,
    lock: Lock,
}

impl Journal {
    /// Opens the journal and folds it, repairing a torn last line.
    ///
    /// # Errors
    /// `Refused` for a newer format or another plan, `Conflict` for a damaged journal: the file is left
    /// as it was.
    pub fn open(paths: Paths, plan: &str, lock: Lock, clock: Clock) -> Result<Self> {
        let path = paths.journal();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| Error::io(format!("cannot open {}", path.display()), error))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
        let parsed = parse(&bytes, &path)?;
        let state = RunState::fold(&parsed.entries)?;
        if state.events > 0 && state.plan != plan {
            return Err(of_another_plan(&path, &state.plan));
        }
        let broken = |error| Error::io(format!("cannot repair {}", path.display()), error);
        if parsed.intact < bytes.len() {
            file.set_len(parsed.intact as u64).map_err(broken)?;
            file.sync_data().map_err(broken)?;
        }
        file.seek(SeekFrom::End(0)).map_err(broken)?;
        sync_dir(paths.dir())?;
        Ok(Self { paths, file, state, clock, is_broken: false, lock })
    }

    pub fn state(&self) -> &RunState {
        &self.state
    }

    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Appends one event; it is on disk when this returns.
    ///
    /// # Errors
    /// `Conflict` where the event cannot follow the journal; `Io` where it could not be written, after which
    /// the journal takes nothing more.
    pub fn append(&mut self, event: Event) -> Result<Entry> {
        if self.is_broken {
            let path = self.paths.journal();
            let message = format!("{} cannot be written since an earlier error", path.display());
            return Err(Error::new(ErrorKind::Io, message)
                .with_hint("look for room on its disk, then run the same command again"));
        }
        let entry = Entry { v: FORMAT, seq: self.state.events, at: self.clock.now(), event };
        self.state.accepts(&entry)?;
        let mut line = serde_json::to_vec(&entry).map_err(|error| {
            Error::unexpected("an event cannot be written as JSON").with_source(error)
        })?;
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.is_broken = true;
            let path = self.paths.journal();
            return Err(Error::io(format!("cannot write {}", path.display()), error));
        }
        self.state.apply(&entry)?;
        Ok(entry)
    }

    /// Says that the holder is alive.
    pub fn renew_lock(&mut self) -> Result<()> {
        self.lock.renew(&self.clock)
    }

    /// Puts the journal of a run that has ended aside, so that another run can start.
    ///
    /// # Errors
    /// `Conflict` while the run is still open.
    pub fn archive(&mut self) -> Result<()> {
        if self.state.is_open() {
            return Err(Error::new(ErrorKind::Conflict, "the run has not ended"));
        }
        let (from, to) = (self.paths.journal(), self.paths.archived(&self.state.run));
        let broken = |error| Error::io(format!("cannot put {} aside", from.display()), error);
        fs::rename(&from, &to).map_err(broken)?;
        self.file =
            OpenOptions::new().read(true).append(true).create(true).open(&from).map_err(broken)?;
        self.state = RunState::default();
        sync_dir(self.paths.dir())
    }
}

/// Reads a journal without the lock and without repairing it, for `status`, `plan` and `report`.
///
/// An empty list where there is none.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    match fs::read(path) {
        Ok(bytes) => Ok(parse(&bytes, path)?.entries),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io(format!("cannot read {}", path.display()), error)),
    }
}

/// As [`read`], and refuses the journal of another plan.
pub fn read_of(path: &Path, plan: &str) -> Result<Vec<Entry>> {
    let entries = read(path)?;
    match entries.first().map(|first| &first.event) {
        Some(Event::RunStarted { plan: other, .. }) if other != plan => {
            Err(of_another_plan(path, other))
        }
        _ => Ok(entries),
    }
}

fn of_another_plan(path: &Path, plan: &str) -> Error {
    let message = format!("{} belongs to the plan `{plan}`", path.display());
    Error::new(ErrorKind::Refused, message)
        .with_hint("give this plan another name, or use another --state folder")
}

struct Parsed {
    entries: Vec<Entry>,
    /// Bytes up to the end of the last whole line.
    intact: usize,
}

fn parse(bytes: &[u8], path: &Path) -> Result<Parsed> {
    let mut entries = Vec::new();
    let mut intact = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let is_last = intact + line.len() == bytes.len();
        match parse_line(line, path)? {
            Some(entry) if line.ends_with(b"\n") => entries.push(entry),
            // A line is written by one call and then synced: only the last one can be torn.
            _ if is_last => break,
            _ => {
                let message = format!("{} is damaged at line {}", path.display(), number + 1);
                return Err(Error::new(ErrorKind::Conflict, message)
                    .with_hint("restore it from a backup; nothing was changed"));
            }
        }
        intact += line.len();
    }
    Ok(Parsed { entries, intact })
}

/// `None` for a line that is not an event of this format.
fn parse_line(line: &[u8], path: &Path) -> Result<Option<Entry>> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    if let Ok(Version { v }) = serde_json::from_slice(line)
        && v > FORMAT
    {
        let message =
            format!("{} has format {v}; this program reads up to {FORMAT}", path.display());
        return Err(Error::new(ErrorKind::Refused, message)
            .with_hint("use the newer vecshift that wrote it"));
    }
    Ok(serde_json::from_slice(line).ok())
}

/// Makes a created or renamed file durable. A no-op where folders cannot be opened as files.
pub(super) fn sync_dir(dir: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .map_err(|error| Error::io(format!("cannot sync {}", dir.display()), error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Holder;
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

    #[test]
    fn damage_in_the_middle_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = Paths::new(dir.path(), "p").journal();
        let mut journal = open(dir.path()).unwrap();
        journal.append(start()).unwrap();
        journal.append(stage_started()).unwrap();
        drop(journal);
        let mut bytes = fs::read(&path).unwrap();
        bytes[3] = b'#';
        fs::write(&path, &bytes).unwrap();
        assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn a_newer_format_and_another_plan_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = Paths::new(dir.path(), "p").journal();
        open(dir.path()).unwrap().append(start()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"plan\":\"p\"", "\"plan\":\"q\"")).unwrap();
        assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Refused);
        let newer = text.replace("\"v\":1", "\"v\":2");
        fs::write(&path, &newer).unwrap();
        assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::Refused);
        assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    }
}
