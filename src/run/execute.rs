//! Takes one step after another, until nothing is left to do or the run has to wait.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::context::copying::Opened;
use super::context::files::Files;
use super::context::guard;
use super::context::outbox::Outbox;
use super::context::pen::Pen;
use super::context::recorder::Recorder;
use super::next::{Step, next};
use super::outcome::Outcome;
use super::perform::{failed, perform};
use super::preflight::Preflight;
use super::prepare::PreparedRun;
use super::preview::can_begin;
use super::stage::{self, Check};
use super::steer::is_for_somebody;
use super::view::{Terms, View};
use crate::clock::after;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Hold, Phase, RunState, StageStatus};
use crate::model::{ShardId, TrafficChange};

/// The interval at which the inbox is checked for requests while a stage is working.
const ATTEND: Duration = Duration::from_secs(2);

impl PreparedRun {
    /// Runs the plan until it ends, has to wait, or is stopped.
    ///
    /// # Errors
    /// If the journal cannot be written, or the world no longer matches it. A stage that could not be performed is an
    /// [`Outcome`], not an error.
    pub async fn execute(self, cancel: CancellationToken) -> Result<Outcome> {
        let recorder = self.recorder.clone();
        recorder.while_held(Box::pin(self.execute_while_held(cancel))).await
    }

    async fn execute_while_held(self, cancel: CancellationToken) -> Result<Outcome> {
        if self.state().is_open() {
            // An abort skips the checks that going on would need.
            self.recorder.take_requests().await?;
        }
        let state = self.state();
        let was_done = state.phase == Phase::Done && state.digest == self.plan.digest;
        if !state.is_open() && !was_done {
            // Report what cannot work before anything is touched.
            let fresh = RunState::default();
            self.preflight(&fresh).await?;
            can_begin(&self.plan, &self.world, &fresh, &self.options).await?;
        } else if !was_done {
            self.preflight(&state).await?;
        }
        if state.is_open() && state.phase != Phase::RollingBack {
            guard::refuse_others(&self.world, &state.identities).await?;
        }
        if state.phase != Phase::RollingBack && !was_done {
            guard::refuse_shared_storage(&self.plan, &self.world).await?;
        }
        self.begin().await?;
        let mut executor = Executor::new(self, cancel);
        match executor.drive(was_done).await {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Outcome::Interrupted),
            result => result,
        }
    }

    async fn preflight(&self, state: &RunState) -> Result<()> {
        let folder = self.home.folder();
        let preflight = Preflight {
            plan: &self.plan,
            state,
            options: &self.options,
            driver: self.driver.as_deref(),
            folder: &folder,
        };
        preflight.refuse().await
    }
}

/// How a step ended.
enum Ended {
    Taken,
    Failed(Box<Failure>),
}

/// A step that could not be taken, and what it said before.
struct Failure {
    step: Step,
    error: Error,
    said: Vec<Event>,
}

pub(super) struct Executor {
    pub(super) recorder: Recorder,
    /// The context of the first stage as the process began; the others differ in `index`, and in the state of their time.
    base: Context,
}

impl Executor {
    pub(super) fn new(run: PreparedRun, cancel: CancellationToken) -> Self {
        let detach_at = run.options.detach_after.map(|wait| after(run.clock.now(), wait));
        let files = Files::of(run.home.clone(), run.state().run.clone());
        let base = Context {
            plan: run.plan,
            index: 0,
            world: run.world,
            driver: run.driver,
            state: run.recorder.state(),
            pen: Pen::of(&run.recorder),
            outbox: Outbox::default(),
            clock: run.clock,
            cancel,
            options: run.options,
            artifacts: files.folder(),
            files,
            ids: std::sync::Arc::default(),
            copying: Opened::default(),
            queries: std::sync::Arc::default(),
            detach_at,
        };
        Self { recorder: run.recorder, base }
    }

    /// Returns the context of a stage, with the state of the run as it is now.
    fn at(&self, index: usize) -> Context {
        Context { index, state: self.recorder.state(), ..self.base.clone() }
    }

    /// Returns the context of what is done outside of any step.
    pub(super) fn now(&self) -> Context {
        self.at(0)
    }

    /// The terms under which this process takes steps.
    fn terms(&self) -> Terms {
        let options = &self.base.options;
        Terms {
            now: self.base.clock.now(),
            until: options.until.clone(),
            is_rehearsal: options.is_rehearsal,
            strict: options.strict,
            detaches: self.base.must_detach(),
            under_way: BTreeSet::new(),
        }
    }

    fn decide(&self) -> Step {
        let terms = self.terms();
        self.recorder.with_state(|state| next(&self.base.plan, state, &terms))
    }

    /// Returns the shard that may go beside these, which are being copied; `None` if none may.
    fn beside(&self, shards: &BTreeSet<ShardId>) -> Option<Step> {
        let terms = Terms { under_way: shards.clone(), ..self.terms() };
        let step = self.recorder.with_state(|state| next(&self.base.plan, state, &terms));
        step.shard().is_some().then_some(step)
    }

    pub(super) async fn drive(&mut self, was_done: bool) -> Result<Outcome> {
        self.recorder.take_requests().await?;
        self.settle(was_done).await?;
        self.refuse_drift().await?;
        loop {
            self.recorder.take_requests().await?;
            match self.decide() {
                Step::Start => return Err(Error::unexpected("the run was not begun")),
                Step::Wait { stage, hold } => {
                    if self.ends_at(&hold) {
                        return Ok(Outcome::Held { stage, hold });
                    }
                    let end = match &hold {
                        Hold::Time { until } => Some(*until),
                        _ => None,
                    };
                    self.base.rest(end).await?;
                }
                Step::Rest { until } => self.base.rest(Some(until)).await?,
                Step::End => return Ok(self.end(was_done)),
                Step::Join => {
                    return Err(Error::unexpected("the run waits for a step that nobody takes"));
                }
                step => self.take(step).await?,
            }
        }
    }

    /// Returns whether this process ends instead of waiting.
    fn ends_at(&self, hold: &Hold) -> bool {
        let is_final = self.base.options.is_rehearsal && matches!(hold, Hold::Judgement { .. });
        is_final || self.base.must_detach() || is_for_somebody(hold)
    }

    /// Settles what an earlier process left open: whether the source was deleted, and protection that has to be put
    /// back. Skipped for a rollback, which must not wait for this.
    async fn settle(&self, was_done: bool) -> Result<()> {
        if was_done || self.is_rolling_back() {
            return Ok(());
        }
        guard::remember(&self.now()).await?;
        self.flush().await?;
        let is_deleted = guard::settle(&self.now()).await?;
        self.flush().await?;
        if !is_deleted {
            guard::put_back(&self.now(), None, None).await?;
        }
        self.flush().await
    }

    /// Appends what was done outside of any step.
    pub(super) async fn flush(&self) -> Result<()> {
        self.recorder.append(self.base.said()).await
    }

    fn is_rolling_back(&self) -> bool {
        matches!(self.decide(), Step::BeginRollback(_))
            || self.recorder.with_state(|state| state.phase == Phase::RollingBack)
    }

    /// Refuses to continue if the world no longer matches a stage that passed. Skipped for a rollback, which must not
    /// wait for this.
    async fn refuse_drift(&self) -> Result<()> {
        if self.is_rolling_back() {
            return Ok(());
        }
        let passed: Vec<bool> = self
            .recorder
            .with_state(|state| state.stages.iter().map(|stage| stage.is_passed()).collect());
        for (index, _) in passed.iter().enumerate().filter(|(_, passed)| **passed) {
            let context = self.at(index);
            let found = stage::check(&context).await;
            self.flush().await?;
            let (what, hint) = match found? {
                Check::Holds => continue,
                Check::Drifted(what) => {
                    (what, "put the world back, or roll back and start again".to_owned())
                }
                Check::Moved(change) => (change.to_string(), ways_on(&change, &context.plan.path)),
            };
            let message = format!(
                "stage `{}` passed, and the world has changed since: {what}",
                context.stage().id
            );
            return Err(Error::new(ErrorKind::Refused, message).with_hint(hint));
        }
        Ok(())
    }

    /// Takes a step, and beside one that copies a shard whatever else may go at the same time. A pause or an abort
    /// interrupts the steps of a stage.
    async fn take(&self, step: Step) -> Result<()> {
        let cancel = self.base.cancel.child_token();
        let context = Context { cancel, ..self.at(step.index()) };
        let is_of_stage = matches!(step, Step::Take { .. });
        let taken = self.take_beside(step, &context);
        let result = match is_of_stage {
            true => tokio::select! {
                taken = taken => taken,
                never = self.attend(&context) => never,
            },
            false => taken.await,
        };
        match result {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                // Whoever goes on opens it anew: this one stays interrupted.
                self.base.copying.close();
                self.leave(error).await
            }
            result => result,
        }
    }

    /// Takes a step and all that may go beside it, until none of them is under way, or one of them fails.
    async fn take_beside(&self, step: Step, context: &Context) -> Result<()> {
        let mut shards = BTreeSet::new();
        let mut under_way = FuturesUnordered::new();
        let mut next = Some(step);
        loop {
            while let Some(step) = next.take() {
                let shard = step.shard().cloned();
                if let Some(shard) = &shard {
                    shards.insert(shard.clone());
                    next = self.beside(&shards);
                }
                under_way.push(self.take_one(step, context).map(|ended| (shard, ended)));
            }
            let Some((shard, ended)) = under_way.next().await else { return Ok(()) };
            if let Ended::Failed(failure) = ended? {
                // What it comes to is decided once, whatever the others would have come to.
                drop(under_way);
                return self.fail(failure, context).await;
            }
            if let Some(shard) = shard {
                shards.remove(&shard);
                next = self.beside(&shards);
            }
        }
    }

    /// Takes one step within the time that its stage has left, and appends what came of it unless it failed.
    ///
    /// # Errors
    /// `Interrupted`, and those of the journal.
    async fn take_one(&self, step: Step, context: &Context) -> Result<Ended> {
        self.recorder.step(&step);
        let (outbox, state) = (Outbox::default(), self.recorder.state());
        let context = Context { outbox, state, ..context.clone() };
        let terms = self.terms();
        let deadline = async {
            match context.time_left().filter(|_| matches!(step, Step::Take { .. })) {
                Some(left) => context.clock.sleep(left).await,
                None => std::future::pending().await,
            }
        };
        let result = tokio::select! {
            taken = perform(&step, &context, &terms) => taken,
            () = deadline => Err(Error::new(ErrorKind::Timeout, "the stage took longer than its `timeout`")),
        };
        let said = context.said();
        match result {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                Ok(Ended::Failed(Box::new(Failure { step, error, said })))
            }
            result => {
                self.recorder.append(said).await?;
                result.map(|()| Ended::Taken)
            }
        }
    }

    /// Appends what a step said that failed, and what follows from it.
    async fn fail(&self, failure: Box<Failure>, context: &Context) -> Result<()> {
        let Failure { step, error, said } = *failure;
        let (terms, plan, index) = (self.terms(), &*context.plan, context.index);
        let mut events = said;
        events.extend(self.recorder.with_state(|run| {
            let view = View { plan, run, index, terms: &terms };
            failed(&step, view, &error)
        }));
        self.recorder.append(events).await
    }

    /// Takes requests made from elsewhere while a step is taken, and interrupts it where one asks for that.
    async fn attend(&self, context: &Context) -> Result<()> {
        loop {
            tokio::time::sleep(ATTEND).await;
            self.recorder.take_requests().await?;
            let must_stop = self.recorder.with_state(|state| {
                let is_aborted = state.abort.is_some() && !state.is_past_no_return();
                state.paused.is_some() || is_aborted || !state.erasing.is_empty()
            });
            if must_stop {
                context.cancel.cancel();
            }
        }
    }

    /// Leaves a step that was interrupted: the run is to stop, or a pause or an abort has to be decided on.
    async fn leave(&self, error: Error) -> Result<()> {
        if !self.base.cancel.is_cancelled() {
            return match self.recorder.with_state(|state| state.phase) {
                Phase::RollingBack => Err(error),
                _ => Ok(()),
            };
        }
        let context = Context { cancel: CancellationToken::new(), ..self.now() };
        guard::put_back(&context, None, None).await.ok();
        self.flush().await?;
        Err(error)
    }

    fn end(&self, was_done: bool) -> Outcome {
        self.recorder.with_state(|state| match state.phase {
            Phase::Done if was_done => Outcome::NoChanges,
            Phase::RolledBack => Outcome::RolledBack {
                cause: state.cause.as_ref().map(ToString::to_string).unwrap_or_default(),
            },
            Phase::Stuck => Outcome::Stuck { left_behind: state.left_behind.clone() },
            Phase::Stopped => stopped(state),
            _ => Outcome::Done,
        })
    }
}

/// Describes what to do about traffic that somebody else moved.
fn ways_on(change: &TrafficChange, plan: &std::path::Path) -> String {
    let accept = match change.to {
        Some(weight) => {
            let command = format!("vecshift resume {} --accept-weight {weight}", plan.display());
            format!("; or go on from it: `{command}`, and run it again")
        }
        None => String::new(),
    };
    format!("{} and run the same command again{accept}; or roll back", change.way_back())
}

/// Returns the outcome of a run that stopped.
fn stopped(state: &RunState) -> Outcome {
    if let Some(stopped) = &state.stopped {
        return Outcome::Erred { stage: stopped.stage.clone(), error: stopped.error() };
    }
    let failed = state.stages.iter().find_map(|stage| match &stage.status {
        StageStatus::Failed(reason) => Some((stage.id.clone(), reason.clone())),
        _ => None,
    });
    failed.map_or(Outcome::Done, |(stage, reason)| Outcome::Failed { stage, reason })
}
