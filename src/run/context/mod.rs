//! The context of a stage: everything it works with, as data and handles.

pub(super) mod copying;
pub(super) mod files;
pub(super) mod guard;
mod hands;
pub(super) mod options;
pub(super) mod outbox;
pub(super) mod outputs;
pub(super) mod pen;
pub(super) mod poll;
pub(super) mod recorder;
pub(super) mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use self::copying::Opened;
use self::files::Files;
use self::options::RunOptions;
use self::outbox::Outbox;
use self::outputs::{below, local};
use self::pen::Pen;
use self::world::World;
use crate::assertion::Measured;
use crate::blocking::blocking;
use crate::clock::{Clock, Timestamp, after, until};
use crate::copy::Acked;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Artifact, Event, RunState, StageState, Written};
use crate::model::{Checkpoint, ShardId, Side, StageId};
use crate::plan::{Plan, Stage};
use crate::provider::manifest::Spool;
use crate::provider::snapshot::sum_of;
use crate::run::listener::Progress;
use crate::traffic::{Driver, ProbeQuery};

/// Everything a stage works with.
#[derive(Clone)]
pub(crate) struct Context {
    pub plan: Arc<Plan>,
    /// The stage's position in the plan.
    pub index: usize,
    pub world: World,
    pub driver: Option<Arc<dyn Driver>>,
    /// State of the run when the step began: what a step knows of it, whatever is appended meanwhile.
    pub state: Arc<RunState>,
    pub(in crate::run) pen: Pen,
    /// Events of the step that is being taken, which are appended once it ends.
    pub(in crate::run) outbox: Outbox,
    pub clock: Clock,
    pub cancel: CancellationToken,
    pub options: Arc<RunOptions>,
    /// The folder for this run's artifacts.
    pub artifacts: PathBuf,
    pub(in crate::run) files: Files,
    /// The sorted manifest ids of each copy stage, once they have been opened.
    pub(in crate::run) ids: Arc<Mutex<BTreeMap<StageId, Arc<Spool>>>>,
    /// What the shards share that are being copied.
    pub(in crate::run) copying: Opened,
    /// The queries of each canary stage's probe, once they have been made.
    pub(in crate::run) queries: Arc<Mutex<BTreeMap<StageId, Arc<[ProbeQuery]>>>>,
    /// The time at which this process stops waiting and ends.
    pub detach_at: Option<Timestamp>,
}

impl Context {
    pub fn stage(&self) -> &Stage {
        &self.plan.stages[self.index]
    }

    pub fn id(&self) -> StageId {
        self.stage().id.clone()
    }

    /// Returns the state of this stage when the step began.
    pub fn stage_state(&self) -> Result<&StageState> {
        let id = &self.stage().id;
        let none = || Error::unexpected(format!("the run has no stage `{id}`"));
        self.state.stage(id).ok_or_else(none)
    }

    /// Records an event, which is appended when the step ends.
    pub fn record(&self, event: Event) -> Result<()> {
        self.outbox.put(event);
        Ok(())
    }

    /// Records an event that something waits for: it is on disk when this returns, with all that was recorded before.
    ///
    /// # Errors
    /// Any error of [`Pen::append`].
    pub async fn keep(&self, event: Event) -> Result<()> {
        let mut events = self.said();
        events.push(event);
        self.pen.append(events).await
    }

    /// Records a checkpoint of a shard of this stage, which is on disk when this returns.
    ///
    /// # Errors
    /// Any error of [`Pen::checkpoint`].
    pub async fn checkpoint(&self, shard: &ShardId, acked: Acked<Checkpoint>) -> Result<()> {
        self.pen.checkpoint(&self.stage().id, shard, acked).await
    }

    /// Shows how far the step is.
    pub fn progress(&self, progress: &Progress) {
        self.pen.progress(progress);
    }

    /// Returns whether an assertion of this stage uses the metric.
    pub fn asks(&self, metric: &str) -> bool {
        self.stage().assertions.iter().any(|assertion| assertion.metric.name == metric)
    }

    /// Records a sentence for the report.
    pub fn note(&self, text: impl Into<String>) -> Result<()> {
        self.record(Event::Noted { stage: self.id(), text: text.into() })
    }

    /// Records what was measured of one side, to be judged at the end of the stage.
    pub(in crate::run) fn observed(&self, side: Side, measured: &Measured) -> Result<()> {
        let values = measured.to_named();
        match values.is_empty() {
            true => Ok(()),
            false => self.record(Event::Observed { stage: self.id(), side, values }),
        }
    }

    /// Records a file, or the folder of a snapshot, that the stage has written, with its path as it should be shown and
    /// the sum of its bytes. One that an earlier process wrote, and somebody has moved since, has none, and a note.
    ///
    /// # Errors
    /// `Io` if it cannot be read back.
    pub async fn wrote(&self, name: &str, path: PathBuf, records: u64) -> Result<()> {
        let (name, shown) = (name.to_owned(), path.display().to_string());
        let is_there = path.try_exists().unwrap_or(true);
        let kept = if is_there { self.files.keep(&path).await? } else { None };
        let look = move || path.try_exists().unwrap_or(true).then(|| sum_of(&path)).transpose();
        let written = blocking(look).await?.map(|(bytes, sha256)| Written { bytes, sha256 });
        if written.is_none() {
            self.note(format!("the file of the {name} is not there any more: {shown}"))?;
        }
        let artifact = Artifact { name, path: shown, records, kept, written };
        self.record(Event::ArtifactWritten { stage: self.id(), artifact })
    }

    /// Resolves the path of a file named in the plan. Relative paths start at the plan's folder. In a rehearsal all
    /// paths lie among its artifacts, so that nothing outside is overwritten.
    pub fn output_path(&self, place: &str) -> PathBuf {
        self.output_below(&self.plan.base, place)
    }

    /// Resolves the path of a file that is one of the run's artifacts unless its path is absolute; otherwise the same
    /// as [`Context::output_path`].
    pub fn artifact_path(&self, place: &str) -> PathBuf {
        self.output_below(&self.artifacts, place)
    }

    fn output_below(&self, folder: &Path, place: &str) -> PathBuf {
        match self.options.is_rehearsal {
            true => self.artifacts.join(below(place)),
            false => folder.join(local(place)),
        }
    }

    /// Returns an error if the run is to stop.
    ///
    /// # Errors
    /// `Interrupted` once the run has been asked to stop.
    pub fn stop_if_cancelled(&self) -> Result<()> {
        match self.cancel.is_cancelled() {
            true => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
            false => Ok(()),
        }
    }

    /// Returns what was recorded and is not appended yet.
    pub(in crate::run) fn said(&self) -> Vec<Event> {
        self.outbox.take()
    }

    /// Returns the time that the stage may still take, where the plan limits it. A clock that skips time would be past
    /// the limit at once.
    pub(in crate::run) fn time_left(&self) -> Option<Duration> {
        let limit = self.stage().timeout.filter(|_| !self.clock.is_scaled())?;
        let now = self.clock.now();
        let since = self.stage_state().ok()?.at_work_since;
        Some(until(now, after(since.unwrap_or(now), limit)))
    }

    /// Waits for `duration`, or until the run is asked to stop.
    pub async fn sleep(&self, duration: Duration) -> Result<()> {
        tokio::select! {
            () = self.clock.sleep(duration) => self.stop_if_cancelled(),
            () = self.cancel.cancelled() => self.stop_if_cancelled(),
        }
    }

    /// Returns whether this process should stop waiting and end with the run on hold.
    pub fn must_detach(&self) -> bool {
        self.options.no_wait || self.detach_at.is_some_and(|at| self.clock.now() >= at)
    }
}
