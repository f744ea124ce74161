//! Prepares a plan for execution: takes the lock, opens the journal, matches the digest.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::context::options::RunOptions;
use super::context::recorder::Recorder;
use super::context::world::World;
use super::listener::Listener;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Entry, Event, Gate, Phase, RunState};
use crate::plan::file::{Step, StepApproval};
use crate::plan::{Plan, StageKind, differences};
use crate::state::{Home, Journal, passing};
use crate::traffic::Driver;

/// A plan whose lock is held, whose journal is folded and whose digest matches. Only this can be executed.
pub struct PreparedRun {
    pub(super) plan: Arc<Plan>,
    pub(super) world: World,
    pub(super) driver: Option<Arc<dyn Driver>>,
    pub(super) recorder: Recorder,
    pub(super) clock: Clock,
    pub(super) options: Arc<RunOptions>,
    pub(super) home: Arc<dyn Home>,
    found: Vec<Entry>,
}

impl PreparedRun {
    /// Takes the lock, opens the journal and checks that the journal belongs to this plan.
    ///
    /// # Errors
    /// `Locked` if another process runs the plan; `Refused` if the digest is not the expected one or the one the run
    /// began with; `Refused` or `Conflict` if the journal cannot be used.
    pub async fn new(
        plan: Plan,
        world: World,
        driver: Option<Arc<dyn Driver>>,
        home: Arc<dyn Home>,
        clock: Clock,
        options: RunOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<Self> {
        if let Some(expected) = &options.expect
            && expected != &plan.digest
        {
            let message = format!(
                "the plan is not the one that was reviewed: expected {expected}, this is {}",
                plan.digest
            );
            return Err(Error::new(ErrorKind::Refused, message)
                .with_hint("run `vecshift plan` and review it again"));
        }
        let mut journal = Journal::open(&*home, &options.holder, clock.clone()).await?;
        let found = journal.take_found();
        let (plan, options) = (Arc::new(plan), Arc::new(options));
        let recorder = Recorder::new(journal, home.clone(), listener);
        world.fence.close(passing(recorder.hold()));
        let run = Self { plan, world, driver, recorder, clock, options, home, found };
        match run.match_digest().await {
            Ok(()) => Ok(run),
            Err(error) => {
                run.recorder.close().await;
                Err(error)
            }
        }
    }

    /// Hands over the events that were in the journal when the plan was taken, once.
    pub fn take_found(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.found)
    }

    /// The state from which the run starts.
    pub fn state(&self) -> Arc<RunState> {
        self.recorder.state()
    }

    /// Refuses a plan that was changed while its run is open, unless the change is adopted.
    async fn match_digest(&self) -> Result<()> {
        let state = self.state();
        let Some(changes) = changes_to_adopt(&self.plan, &state, self.options.adopt)? else {
            return Ok(());
        };
        let adopted = Event::PlanAdopted {
            from: state.digest.clone(),
            to: self.plan.digest.clone(),
            changes,
            gates: Some(gates(&self.plan)),
            reviewed: Some(self.plan.reviewed()),
        };
        self.recorder.append(vec![adopted]).await
    }

    /// Begins a new run, or resumes an open one.
    pub(super) async fn begin(&self) -> Result<()> {
        let holder = self.options.holder.to_string();
        let phase = self.recorder.with_state(|state| state.phase);
        match phase {
            Phase::Empty => self.start(holder).await,
            Phase::Running | Phase::Stopped | Phase::RollingBack => {
                self.recorder.append(vec![Event::RunContinued { holder }]).await
            }
            Phase::RolledBack => {
                self.recorder.archive().await?;
                self.start(holder).await
            }
            Phase::Done => {
                let is_same = self.recorder.with_state(|state| state.digest == self.plan.digest);
                if is_same {
                    return Ok(());
                }
                self.recorder.archive().await?;
                self.start(holder).await
            }
            Phase::Stuck => Err(Error::new(ErrorKind::Refused, "the last rollback is stuck")
                .with_hint("mend what it names, then `vecshift rollback`")),
        }
    }

    async fn start(&self, holder: String) -> Result<()> {
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        let run = ulid::Ulid::from_parts(millis, rand::random()).to_string().to_lowercase();
        // Requests made to an earlier run do not apply to this one.
        self.recorder.drop_requests().await?;
        let started = Event::RunStarted {
            run,
            plan: self.plan.name.clone(),
            digest: self.plan.digest.clone(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            holder,
            rehearsal: self.options.is_rehearsal,
            path: Some(from_anywhere(&self.plan.path).display().to_string()),
            source: self.plan.source.index.clone(),
            target: self.plan.target.index.clone(),
            stages: self.plan.stages.iter().map(|stage| stage.id.clone()).collect(),
            gates: Some(gates(&self.plan)),
            reviewed: Some(self.plan.reviewed()),
        };
        self.recorder.append(vec![started]).await
    }
}

/// Returns the changes to adopt since the run began; `None` if there are none.
///
/// # Errors
/// `Refused`, naming the changes, if they may not be adopted or `adopt` is not set.
pub fn changes_to_adopt(plan: &Plan, state: &RunState, adopt: bool) -> Result<Option<Vec<String>>> {
    if !state.is_open() || state.digest == plan.digest {
        return Ok(None);
    }
    let changes = match &state.reviewed {
        Some(then) => differences(then, &plan.reviewed()),
        None => Vec::new(),
    };
    let what = match changes.as_slice() {
        [] => format!("from {} to {}", state.digest, plan.digest),
        changes => named(changes),
    };
    let refused = |message: String| Error::new(ErrorKind::Refused, message);
    let ids: Vec<_> = plan.stages.iter().map(|stage| &stage.id).collect();
    let begun: Vec<_> = state.stages.iter().map(|stage| &stage.id).collect();
    if ids != begun {
        return Err(refused(format!("the plan's stages changed in mid-run: {what}"))
            .with_hint("put the stages back, or roll back and start again"));
    }
    match adopt {
        true => Ok(Some(changes)),
        false => Err(refused(format!("the plan changed in mid-run: {what}"))
            .with_hint("put the plan back, or take the change on with `--adopt`")),
    }
}

/// Names the first of several changes and how many more there are.
pub fn named(changes: &[String]) -> String {
    const MOST: usize = 10;
    let more = match changes.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{more}", changes[..changes.len().min(MOST)].join("; "))
}

/// Returns the plan's approval gates, in the order of its stages.
pub fn gates(plan: &Plan) -> Vec<Gate> {
    let mut gates = Vec::new();
    for stage in &plan.stages {
        let gate = |step| Gate { stage: stage.id.clone(), step };
        if stage.needs_approval {
            gates.push(gate(None));
        }
        if let StageKind::Canary(canary) = &stage.kind {
            let manual = |step: &Step| step.approve == Some(StepApproval::Manual);
            let asked = canary.steps.iter().enumerate().filter(|(_, step)| manual(step));
            gates.extend(asked.map(|(index, _)| gate(Some(index))));
        }
    }
    gates
}

/// Makes a path valid from any working directory.
pub fn from_anywhere(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
