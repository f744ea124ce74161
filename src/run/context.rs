//! What a stage is given: everything it needs, as data and handles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::options::RunOptions;
use super::outputs::{below, local};
use super::recorder::Recorder;
use super::world::World;
use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Artifact, Event, StageState};
use crate::model::StageId;
use crate::plan::{CheckedStage, Plan};
use crate::provider::manifest::Spool;
use crate::traffic::Driver;

/// What a stage is given.
#[derive(Clone)]
pub struct Context {
    pub plan: Arc<Plan>,
    /// The stage's place in the plan.
    pub index: usize,
    pub world: World,
    pub driver: Option<Arc<dyn Driver>>,
    pub recorder: Recorder,
    pub clock: Clock,
    pub cancel: CancellationToken,
    pub options: Arc<RunOptions>,
    /// The folder of this run's artifacts.
    pub artifacts: PathBuf,
    /// The sorted ids of the manifest of each copy stage, once they were opened.
    pub(super) ids: Arc<Mutex<BTreeMap<StageId, Arc<Spool>>>>,
    /// When this process has waited long enough.
    pub detach_at: Option<Timestamp>,
}

impl Context {
    pub fn stage(&self) -> &CheckedStage {
        &self.plan.stages[self.index]
    }

    pub fn id(&self) -> StageId {
        self.stage().id.clone()
    }

    /// The folded state of this stage.
    pub fn state(&self) -> Result<StageState> {
        let id = &self.stage().id;
        self.recorder
            .with_state(|state| state.stage(id).cloned())
            .ok_or_else(|| Error::unexpected(format!("the run has no stage `{id}`")))
    }

    pub fn record(&self, event: Event) -> Result<()> {
        self.recorder.record(event)
    }

    /// As [`Recorder::fence`].
    pub fn fence(&self) -> Result<()> {
        self.recorder.fence()
    }

    /// Whether an assertion of this stage is about a metric.
    pub fn asks(&self, metric: &str) -> bool {
        self.stage().assertions.iter().any(|assertion| assertion.metric.name == metric)
    }

    /// A sentence for the report.
    pub fn note(&self, text: impl Into<String>) -> Result<()> {
        self.record(Event::Noted { stage: self.id(), text: text.into() })
    }

    /// Records a file the stage left; `path` as it should be shown.
    pub fn wrote(&self, name: &str, path: PathBuf, records: u64) -> Result<()> {
        let artifact =
            Artifact { name: name.to_owned(), path: path.display().to_string(), records };
        self.record(Event::ArtifactWritten { stage: self.id(), artifact })
    }

    /// The path of a file that the plan names: relative ones start at the plan's folder, and in a rehearsal all of
    /// them are among its artifacts, so that nothing outside is overwritten.
    pub fn output_path(&self, place: &str) -> PathBuf {
        self.output_below(&self.plan.base, place)
    }

    /// As [`Context::output_path`], for a file that is one of the run's artifacts unless its path is absolute.
    pub fn artifact_path(&self, place: &str) -> PathBuf {
        self.output_below(&self.artifacts, place)
    }

    fn output_below(&self, folder: &Path, place: &str) -> PathBuf {
        match self.options.is_rehearsal {
            true => self.artifacts.join(below(place)),
            false => folder.join(local(place)),
        }
    }

    /// # Errors
    /// `Interrupted` once the run was asked to stop.
    pub fn stop_if_cancelled(&self) -> Result<()> {
        match self.cancel.is_cancelled() {
            true => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
            false => Ok(()),
        }
    }

    /// Waits, and stops waiting when the run is asked to stop.
    pub async fn sleep(&self, duration: std::time::Duration) -> Result<()> {
        tokio::select! {
            () = self.clock.sleep(duration) => self.stop_if_cancelled(),
            () = self.cancel.cancelled() => self.stop_if_cancelled(),
        }
    }

    /// Whether this process should end as waiting instead of waiting on.
    pub fn must_detach(&self) -> bool {
        self.options.no_wait || self.detach_at.is_some_and(|at| self.clock.now() >= at)
    }
}
