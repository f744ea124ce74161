//! State in a folder of this machine: for each plan one file with one JSON line an event, an operating-system lock beside it,
//! and letters and artifacts in folders.

mod file;
mod inbox;
mod lock;
mod lock_record;
mod log;
mod paths;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use self::inbox::Inbox;
pub use self::lock::LEASE;
use self::lock::Lock;
use self::log::FileLog;
use self::paths::Paths;
use super::{Backend, Home, Pushed, Taken, below_artifacts, is_of_run, rest_of, run_of};
use crate::blocking::blocking;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::journal::{Artifact, Entry, Holder, Letter, LockView, Waiting};

/// A folder with the state of plans.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    uri: String,
    /// The name of this machine, which decides whether a lock can be its own.
    host: String,
    clock: Clock,
}

impl Folder {
    /// Names a folder, which need not exist. `host` is the name of this machine.
    pub fn new(path: impl Into<PathBuf>, host: impl Into<String>, clock: Clock) -> Self {
        let path = path.into();
        Self { uri: path.display().to_string(), path, host: host.into(), clock }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder of a plan, with its journal and everything beside it.
    pub fn folder_of(&self, plan: &str) -> PathBuf {
        Paths::new(&self.path, plan).dir().to_owned()
    }

    /// Returns the file of a plan's journal.
    pub fn journal_of(&self, plan: &str) -> PathBuf {
        Paths::new(&self.path, plan).journal()
    }

    fn home_of(&self, plan: &str) -> FolderHome {
        FolderHome {
            paths: Paths::new(&self.path, plan),
            plan: plan.to_owned(),
            host: self.host.clone(),
            clock: self.clock.clone(),
        }
    }
}

#[async_trait]
impl Backend for Folder {
    fn uri(&self) -> &str {
        &self.uri
    }

    async fn plans(&self) -> Result<Vec<String>> {
        let folder = self.path.clone();
        blocking(move || paths::plans(&folder)).await
    }

    async fn probe(&self) -> Result<Vec<String>> {
        let folder = self.path.clone();
        blocking(move || lock::probe(&folder)).await
    }

    fn home(&self, plan: &str) -> Arc<dyn Home> {
        Arc::new(self.home_of(plan))
    }
}

/// A folder in the state's folder.
#[derive(Clone, Debug)]
struct FolderHome {
    paths: Paths,
    plan: String,
    host: String,
    clock: Clock,
}

impl FolderHome {
    /// Returns where an artifact lies.
    fn place_of(&self, run: &str, artifact: &Artifact) -> PathBuf {
        match below_artifacts(&artifact.path, run) {
            Some(below) => self.artifacts(run).join(below),
            None => PathBuf::from(&artifact.path),
        }
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let home = self.clone();
        blocking(move || work(&home)).await
    }
}

#[async_trait]
impl Home for FolderHome {
    fn shown(&self) -> String {
        self.paths.journal().display().to_string()
    }

    async fn entries(&self) -> Result<Vec<Entry>> {
        self.on_disk(|home| file::read_of(&home.paths.journal(), &home.plan)).await
    }

    async fn entries_of(&self, run: &str) -> Result<Option<Vec<Entry>>> {
        let run = run.to_owned();
        self.on_disk(move |home| {
            let archived = home.paths.archived(&run);
            if archived.is_file() {
                return file::read_of(&archived, &home.plan).map(Some);
            }
            let entries = file::read_of(&home.paths.journal(), &home.plan)?;
            Ok(is_of_run(&entries, &run).then_some(entries))
        })
        .await
    }

    async fn holder(&self) -> Result<Option<LockView>> {
        self.on_disk(|home| Lock::holder(home.paths.dir(), &home.host, home.clock.now())).await
    }

    async fn lock(&self) -> Result<Option<LockView>> {
        self.on_disk(|home| Lock::shown(home.paths.dir())).await
    }

    async fn is_held_here(&self) -> Result<Option<bool>> {
        self.on_disk(|home| Ok(Some(Lock::is_held(home.paths.dir())))).await
    }

    async fn is_blank(&self) -> Result<bool> {
        self.on_disk(|home| {
            let found = std::fs::metadata(home.paths.journal());
            Ok(found.is_ok_and(|found| found.is_file() && found.len() == 0))
        })
        .await
    }

    async fn unlock(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.on_disk(move |home| Lock::remove(home.paths.dir(), &id)).await
    }

    async fn take(&self, holder: &Holder) -> Result<Taken> {
        let holder = holder.clone();
        self.on_disk(move |home| {
            let lock = Lock::take(home.paths.dir(), &holder, &home.clock)?;
            let paths = home.paths.clone();
            let (log, entries) = FileLog::open(paths, &home.plan, lock, home.clock.clone())?;
            Ok(Taken { log: Box::new(log), entries })
        })
        .await
    }

    async fn push(&self, holder: &Holder, pushed: &[Entry]) -> Result<Pushed> {
        let (run, wrote) = run_of(pushed)?;
        let (holder, pushed) = (holder.clone(), pushed.to_owned());
        self.on_disk(move |home| {
            let lock = Lock::take(home.paths.dir(), &holder, &home.clock)?;
            let paths = home.paths.clone();
            let (mut log, entries) = FileLog::open(paths, &home.plan, lock, home.clock.clone())?;
            let rest = rest_of(&pushed, &entries, &home.plan)?;
            if !rest.is_empty() {
                log.append_whole(rest)?;
            }
            let is_missing = |artifact: &Artifact| !home.place_of(&run, artifact).exists();
            let missing = wrote.into_iter().filter(is_missing).collect();
            Ok(Pushed { there_before: entries.len(), missing })
        })
        .await
    }

    async fn ask(&self, letter: &Letter) -> Result<String> {
        let letter = letter.clone();
        self.on_disk(move |home| Inbox::new(&home.paths).put(&letter, &home.clock)).await
    }

    async fn letters(&self) -> Result<Vec<Waiting>> {
        self.on_disk(|home| Inbox::new(&home.paths).waiting()).await
    }

    async fn withdraw(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.on_disk(move |home| Inbox::new(&home.paths).remove(&id)).await
    }

    async fn answered(&self, id: &str) -> Result<()> {
        self.withdraw(id).await
    }

    async fn restore(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn keep(&self, _: &str, _: &Path) -> Result<Option<String>> {
        Ok(None)
    }

    async fn fetch(&self, run: &str, artifact: &Artifact, to: &Path) -> Result<()> {
        let from = self.place_of(run, artifact);
        let to = to.to_owned();
        self.on_disk(move |_| {
            crate::fs::copy(&from, &to).map_err(|error| {
                Error::io(format!("cannot copy {} to {}", from.display(), to.display()), error)
            })
        })
        .await
    }

    fn folder(&self) -> PathBuf {
        self.paths.dir().to_owned()
    }
}
