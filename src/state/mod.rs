//! Where the runs of plans are recorded: a folder of this machine, or a place that several machines reach.
//!
//! A [`Backend`] has a [`Home`] for each plan. Anybody may read it and leave letters in its inbox; who takes it holds the
//! plan and has its [`Log`], the only thing through which a run is recorded. A [`Journal`] is a log with the state that its
//! events fold to.

mod bucket;
mod folder;
mod journal;

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{BoxFuture, FutureExt};
use jiff::Timestamp;

pub use self::bucket::Bucket;
pub use self::folder::{Folder, LEASE};
pub use self::journal::{Appended, Events, Fold, Journal, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Artifact, Entry, Event, Holder, Letter, LockView, RunState, Waiting};

/// A place for the state of plans.
#[async_trait]
pub trait Backend: Debug + Send + Sync {
    /// Returns the value of `--state` that leads here.
    fn uri(&self) -> &str;

    /// Lists the plans that have a journal or a lock here, in order.
    ///
    /// # Errors
    /// Those of the place.
    async fn plans(&self) -> Result<Vec<String>>;

    /// Checks that the place keeps what runs need of it. Returns what was seen, one sentence each.
    ///
    /// # Errors
    /// Those of the place, with what is missing or not as it has to be.
    async fn probe(&self) -> Result<Vec<String>>;

    /// Returns the home of a plan, which need not exist.
    fn home(&self, plan: &str) -> Arc<dyn Home>;
}

/// What is kept of the runs of one plan.
#[async_trait]
pub trait Home: Debug + Send + Sync {
    /// Returns the place of its journal, as people are shown it.
    fn shown(&self) -> String;

    /// Reads the journal of the last run, without its lock and without repairing it; nothing if there is none.
    ///
    /// # Errors
    /// `Refused` for a journal of a newer version or of another plan, `Conflict` for a damaged one; those of the place.
    async fn entries(&self) -> Result<Vec<Entry>>;

    /// Reads the journal of one run, the last or an earlier one; `None` if there is none.
    ///
    /// # Errors
    /// Those of [`Home::entries`].
    async fn entries_of(&self, run: &str) -> Result<Option<Vec<Entry>>>;

    /// Returns who runs the plan right now, as far as can be seen from here.
    ///
    /// # Errors
    /// Those of the place.
    async fn holder(&self) -> Result<Option<LockView>>;

    /// Returns the record of the lock, whether anybody still holds it or not.
    ///
    /// # Errors
    /// Those of the place.
    async fn lock(&self) -> Result<Option<LockView>>;

    /// Returns whether a process of this machine holds the plan; `None` where the place does not say.
    ///
    /// # Errors
    /// Those of the place.
    async fn is_held_here(&self) -> Result<Option<bool>> {
        Ok(None)
    }

    /// Returns whether there is a journal in which no run has begun.
    ///
    /// # Errors
    /// Those of the place.
    async fn is_blank(&self) -> Result<bool> {
        Ok(false)
    }

    /// Returns how long it may take until a process that holds the plan has taken up a letter.
    fn notices_within(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// Takes the lock from a holder that is gone, who finds that out before it writes or does anything more.
    ///
    /// # Errors
    /// `NotFound` if the lock is not `id`; `Locked` where its holder is seen to be alive.
    async fn unlock(&self, id: &str) -> Result<()>;

    /// Takes the plan, and reads the journal of its last run.
    ///
    /// # Errors
    /// `Locked`, naming the holder, if another process has it; those of [`Home::entries`].
    async fn take(&self, holder: &Holder) -> Result<Taken>;

    /// Brings a journal from elsewhere, with the files of its run that lie on this machine: all of it, or nothing that anybody
    /// sees. Where that was cut off, the same is done again.
    ///
    /// # Errors
    /// `Refused` where there is another run, or this one goes another way; `Locked` while somebody holds the plan; those of
    /// [`Home::entries`] and of the disk.
    async fn push(&self, holder: &Holder, pushed: &[Entry]) -> Result<Pushed>;

    /// Leaves a letter, which is durable when this returns; returns its name. Needs nothing but the right to write to the inbox.
    ///
    /// # Errors
    /// Those of the place.
    async fn ask(&self, letter: &Letter) -> Result<String>;

    /// Returns the letters to the last run, oldest first. Those that its journal answers may be among them.
    ///
    /// # Errors
    /// Those of the place.
    async fn letters(&self) -> Result<Vec<Waiting>>;

    /// Takes a letter back that nobody has answered.
    ///
    /// # Errors
    /// Those of the place.
    async fn withdraw(&self, id: &str) -> Result<()>;

    /// Clears away a letter that is answered, where letters are cleared away.
    ///
    /// # Errors
    /// Those of the place.
    async fn answered(&self, id: &str) -> Result<()>;

    /// Brings the files of a run that another machine wrote into its folder on this one.
    ///
    /// # Errors
    /// Those of the place and of the disk.
    async fn restore(&self, run: &str) -> Result<()>;

    /// Keeps a file, or the files of a folder, for whoever comes from elsewhere. Returns its place, if it is another than where
    /// it lies: files in the run's own folder need no other.
    ///
    /// # Errors
    /// Those of the place and of the disk.
    async fn keep(&self, run: &str, path: &Path) -> Result<Option<String>>;

    /// Copies an artifact of a run to a file or folder of this machine.
    ///
    /// # Errors
    /// `NotFound` if it is not there any more; those of the place and of the disk.
    async fn fetch(&self, run: &str, artifact: &Artifact, to: &Path) -> Result<()>;

    /// Returns the folder of this machine in which runs of the plan write their files.
    fn folder(&self) -> PathBuf;

    /// Returns the folder for the files of one run.
    fn artifacts(&self, run: &str) -> PathBuf {
        self.folder().join("artifacts").join(run)
    }
}

/// A plan that was taken.
#[derive(Debug)]
pub struct Taken {
    pub log: Box<dyn Log>,
    /// The journal of the last run, whole.
    pub entries: Vec<Entry>,
}

/// What came of a journal from elsewhere.
#[derive(Debug)]
pub struct Pushed {
    /// The number of its events that were there before.
    pub there_before: usize,
    /// The files of its run that are not kept here, as they were not found.
    pub missing: Vec<Artifact>,
}

/// The journal of a plan, as its holder writes it.
#[async_trait]
pub trait Log: Debug + Send {
    /// Appends events, the next ones after those that are there, which are durable when this returns. The first one of a run
    /// makes its journal.
    ///
    /// # Errors
    /// `Locked` if the plan was lost, `Conflict` if somebody else wrote to the journal; those of the place, after which nobody
    /// knows what is there, and nothing more may be appended.
    async fn append(&mut self, entries: &[Entry]) -> Result<()>;

    /// Sets the journal of a run that has ended aside, so that another can begin.
    ///
    /// # Errors
    /// Those of [`Log::append`].
    async fn archive(&mut self, run: &str) -> Result<()>;

    /// Returns how long checkpoints may wait for others, to be appended together.
    fn linger(&self) -> Duration;

    /// Returns what says whether this process still holds the plan, even while its journal is being written.
    fn hold(&self) -> Arc<dyn Hold>;

    /// Lets go of the plan. Where that fails, its lease ends by itself.
    async fn release(self: Box<Self>);
}

/// Whether this process holds a plan.
#[async_trait]
pub trait Hold: Debug + Send + Sync {
    /// Passes if this process holds the plan for long enough that what begins now ends before anybody else can have it. Waits
    /// where that cannot be known yet. Always passes once the log is gone.
    ///
    /// # Errors
    /// `Locked` if another process has it, or may have.
    async fn pass(&self) -> Result<()>;

    /// Renews the lease as long as this is awaited; returns why the plan is lost.
    async fn keep(&self) -> Error;
}

/// Returns a check that passes as `hold` does, for the calls that change an index.
pub(crate) fn passing(
    hold: Arc<dyn Hold>,
) -> impl Fn() -> BoxFuture<'static, Result<()>> + Send + Sync + 'static {
    move || {
        let hold = hold.clone();
        async move { hold.pass().await }.boxed()
    }
}

/// Returns whether these are the events of the run.
fn is_of_run(entries: &[Entry], id: &str) -> bool {
    let first = entries.first().map(|entry| &entry.event);
    matches!(first, Some(Event::RunStarted { run, .. }) if run == id)
}

/// Returns the part of an artifact's path below its run's folder, as this machine and a bucket write it, on whatever machine
/// that was; `None` if it lies elsewhere.
fn below_artifacts(path: &str, run: &str) -> Option<String> {
    ['/', '\\'].into_iter().find_map(|separator| {
        let own = format!("artifacts{separator}{run}{separator}");
        let (before, below) = path.split_once(&own)?;
        let is_folder = before.is_empty() || before.ends_with(['/', '\\']);
        is_folder.then(|| below.replace(separator, "/"))
    })
}

/// Returns the name of a run and what it wrote, by its journal.
///
/// # Errors
/// `Conflict` for events that do not follow each other, `Invalid` for none.
fn run_of(entries: &[Entry]) -> Result<(String, Vec<Artifact>)> {
    let state = RunState::fold(entries)?;
    if state.run.is_empty() {
        return Err(Error::invalid("there is no run in the journal"));
    }
    let wrote = state.stages.iter().flat_map(|stage| stage.artifacts.clone()).collect();
    Ok((state.run, wrote))
}

/// Returns what a journal has more than its beginning.
///
/// # Errors
/// `Refused` if it begins otherwise.
fn rest_of<'a>(pushed: &'a [Entry], there: &[Entry], plan: &str) -> Result<&'a [Entry]> {
    pushed.strip_prefix(there).ok_or_else(|| another(plan))
}

/// Returns the error for a plan that has a run where another was to come.
fn another(plan: &str) -> Error {
    let message =
        format!("there is a run of `{plan}` already, which this journal does not go on with");
    Error::new(ErrorKind::Refused, message).with_hint(
        "a journal is pushed where there is none, or the beginning of this very one: nothing is written over",
    )
}

/// Refuses the journal of another plan.
///
/// # Errors
/// `Refused`, naming the plan.
fn refuse_other_plan(entries: &[Entry], place: &str, plan: &str) -> Result<()> {
    match entries.first().map(|first| &first.event) {
        Some(Event::RunStarted { plan: other, .. }) if other != plan => {
            let message = format!("{place} belongs to the plan `{other}`");
            Err(Error::new(ErrorKind::Refused, message)
                .with_hint("give this plan another name, or use another --state folder"))
        }
        _ => Ok(()),
    }
}

/// Returns a name that nothing else has; later ones sort later.
fn new_id(now: Timestamp) -> String {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    ulid::Ulid::from_parts(millis, rand::random()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_run_is_found_by_the_end_of_its_path_on_any_machine() {
        for (path, below) in [
            ("/home/a/.vecshift/p/artifacts/01r/audit/x.json", Some("audit/x.json")),
            ("artifacts/01r/x.json", Some("x.json")),
            (r"C:\plans\.vecshift\p\artifacts\01r\audit\x.json", Some("audit/x.json")),
            (r"C:\plans\a/b\p\artifacts\01r\x.json", Some("x.json")),
            (r"/p/artifacts/01r/od\d.json", Some(r"od\d.json")),
            ("/p/my-artifacts/01r/x.json", None),
            ("/p/artifacts/02r/x.json", None),
            (r"D:\backup\snapshot", None),
        ] {
            assert_eq!(below_artifacts(path, "01r").as_deref(), below, "{path}");
        }
    }
}
