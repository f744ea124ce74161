//! From a plan to something that can be executed: the lock, the journal, the digest.

use std::sync::Arc;

use super::listener::Listener;
use super::options::RunOptions;
use super::recorder::Recorder;
use super::world::World;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Inbox, Journal, Lock, Paths, Phase, RunState};
use crate::plan::Plan;
use crate::traffic::Driver;

/// A plan whose lock is held, whose journal is folded and whose digest fits: the only thing that executes.
pub struct PreparedRun {
    pub(super) plan: Arc<Plan>,
    pub(super) world: World,
    pub(super) driver: Option<Arc<dyn Driver>>,
    pub(super) recorder: Recorder,
    pub(super) clock: Clock,
    pub(super) options: Arc<RunOptions>,
    pub(super) paths: Paths,
}

impl PreparedRun {
    /// Takes the lock, opens the journal and checks that this plan is the one it is about.
    ///
    /// # Errors
    /// `Locked` where another run holds the plan; `Refused` where the digest is not the expected one or not the
    /// one the run began with; `Refused` or `Conflict` where the journal cannot be used.
    pub fn new(
        plan: Plan,
        world: World,
        driver: Option<Arc<dyn Driver>>,
        paths: Paths,
        clock: Clock,
        options: RunOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<Self> {
        if let Some(expected) = &options.expect
            && expected != &plan.digest
        {
            return Err(refused(
                "the plan is not the one that was reviewed",
                expected,
                &plan.digest,
            )
            .with_hint("run `vecshift plan` and review it again"));
        }
        let lock = Lock::take(paths.dir(), &options.holder, &clock)?;
        let journal = Journal::open(paths.clone(), &plan.file.name, lock, clock.clone())?;
        let (plan, options) = (Arc::new(plan), Arc::new(options));
        let recorder = Recorder::new(journal, listener);
        let run = Self { plan, world, driver, recorder, clock, options, paths };
        run.match_digest()?;
        Ok(run)
    }

    /// The state the run starts from.
    pub fn state(&self) -> RunState {
        self.recorder.with_state(RunState::clone)
    }

    /// A plan changed in mid-run is refused until it is adopted on purpose.
    fn match_digest(&self) -> Result<()> {
        let state = self.state();
        if !state.is_open() || state.digest == self.plan.digest {
            return Ok(());
        }
        let ids: Vec<_> = self.plan.stages.iter().map(|stage| &stage.id).collect();
        let begun: Vec<_> = state.stages.iter().map(|stage| &stage.id).collect();
        if ids != begun {
            return Err(refused(
                "the plan's stages changed in mid-run",
                &state.digest,
                &self.plan.digest,
            )
            .with_hint("put the stages back, or roll back and start again"));
        }
        if !self.options.adopt {
            return Err(refused("the plan changed in mid-run", &state.digest, &self.plan.digest)
                .with_hint("put the plan back, or take the change on with `--adopt`"));
        }
        let to = self.plan.digest.clone();
        self.recorder.record(Event::PlanAdopted { from: state.digest, to })
    }

    /// Begins a run, or takes one up.
    pub(super) fn begin(&self) -> Result<()> {
        let holder = self.options.holder.to_string();
        let phase = self.recorder.with_state(|state| state.phase);
        match phase {
            Phase::Empty => self.start(holder),
            Phase::Running | Phase::Stopped | Phase::RollingBack => {
                self.recorder.record(Event::RunContinued { holder })
            }
            Phase::RolledBack => {
                self.recorder.with_journal(Journal::archive)?;
                self.start(holder)
            }
            Phase::Done => {
                let is_same = self.recorder.with_state(|state| state.digest == self.plan.digest);
                if is_same {
                    return Ok(());
                }
                self.recorder.with_journal(Journal::archive)?;
                self.start(holder)
            }
            Phase::Stuck => Err(Error::new(ErrorKind::Refused, "the last rollback is stuck")
                .with_hint("mend what it names, then `vecshift rollback`")),
        }
    }

    fn start(&self, holder: String) -> Result<()> {
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        let run = ulid::Ulid::from_parts(millis, rand::random()).to_string().to_lowercase();
        // What was asked of an earlier run is not asked of this one.
        self.drop_requests()?;
        self.recorder.record(Event::RunStarted {
            run,
            plan: self.plan.file.name.clone(),
            digest: self.plan.digest.clone(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            holder,
            rehearsal: self.options.is_rehearsal,
            path: Some(self.plan.path.display().to_string()),
            source: self.plan.file.source.index.clone(),
            target: self.plan.file.target.index.clone(),
            stages: self.plan.stages.iter().map(|stage| stage.id.clone()).collect(),
        })
    }

    fn drop_requests(&self) -> Result<()> {
        let inbox = Inbox::new(&self.paths);
        for (path, _) in inbox.waiting()? {
            inbox.remove(&path)?;
        }
        Ok(())
    }
}

fn refused(what: &str, expected: &str, actual: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("{what}: expected {expected}, this is {actual}"))
}
