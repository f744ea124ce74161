//! Carries out one decision after another, until nothing is left to do or the run has to wait.

use std::collections::HashSet;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::decide::{Decision, decide};
use super::guard;
use super::outcome::Outcome;
use super::preflight::Preflight;
use super::prepare::PreparedRun;
use super::preview::can_begin;
use super::stage::{Acted, Check, work_of};
use super::steer::Waited;
use crate::clock::after;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Hold, Phase, RunState, StageStatus, Trouble};
use crate::model::{StageId, TrafficChange, Verdict};
use crate::plan::file::HookWhen;

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
        recorder.while_held(self.execute_while_held(cancel)).await
    }

    async fn execute_while_held(self, cancel: CancellationToken) -> Result<Outcome> {
        if self.state().is_open() {
            // An abort skips the checks that going on would need.
            self.recorder.take_requests()?;
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
        self.begin()?;
        let mut executor = Executor::new(self, cancel);
        match executor.drive(was_done).await {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Outcome::Interrupted),
            result => result,
        }
    }

    async fn preflight(&self, state: &RunState) -> Result<()> {
        let preflight = Preflight {
            plan: &self.plan,
            state,
            options: &self.options,
            driver: self.driver.as_deref(),
            folder: self.paths.dir(),
        };
        preflight.refuse().await
    }
}

pub(super) struct Executor {
    /// The context of the first stage; the others differ only in `index`.
    base: Context,
    /// Stages that this process has started.
    begun: HashSet<usize>,
    /// The error that stopped the run in this process, and the stage in which it occurred.
    erred: Option<(Option<StageId>, Error)>,
}

impl Executor {
    pub(super) fn new(run: PreparedRun, cancel: CancellationToken) -> Self {
        let detach_at = run.options.detach_after.map(|wait| after(run.clock.now(), wait));
        let artifacts = run.paths.artifacts(&run.state().run);
        let base = Context {
            plan: run.plan,
            index: 0,
            world: run.world,
            driver: run.driver,
            recorder: run.recorder,
            clock: run.clock,
            cancel,
            options: run.options,
            artifacts,
            ids: std::sync::Arc::default(),
            detach_at,
        };
        Self { base, begun: HashSet::new(), erred: None }
    }

    fn at(&self, index: usize) -> Context {
        Context { index, ..self.base.clone() }
    }

    fn decide(&self) -> Decision {
        let until = self.base.options.until.as_ref();
        self.base.recorder.with_state(|state| decide(&self.base.plan, state, until))
    }

    pub(super) async fn drive(&mut self, was_done: bool) -> Result<Outcome> {
        self.base.attend()?;
        self.settle(was_done).await?;
        self.refuse_drift().await?;
        loop {
            self.base.attend()?;
            match self.decide() {
                Decision::Start => return Err(Error::unexpected("the run was not begun")),
                Decision::RunHooks(when) => self.run_hooks(when).await?,
                Decision::RequestApproval(gate) => {
                    self.base.record(Event::ApprovalRequested { gate })?
                }
                Decision::Hold { stage, hold } => {
                    if let Some(outcome) = self.hold(stage, hold).await? {
                        return Ok(outcome);
                    }
                }
                Decision::Perform(index) => {
                    if let Some(outcome) = self.perform(index).await? {
                        return Ok(outcome);
                    }
                }
                Decision::BeginRollback(cause) => {
                    self.base.record(Event::RollbackStarted { cause })?
                }
                Decision::Undo(index) => self.undo(index).await?,
                Decision::FinishRollback => self.finish_rollback()?,
                Decision::Finish => self.base.record(Event::RunFinished)?,
                Decision::End => return Ok(self.end(was_done)),
            }
        }
    }

    /// Settles what an earlier process left open: whether the source was deleted, and protection that has to be put
    /// back. Skipped for a rollback, which must not wait for this.
    async fn settle(&self, was_done: bool) -> Result<()> {
        if was_done || self.is_rolling_back() {
            return Ok(());
        }
        guard::remember(&self.base).await?;
        if !guard::settle(&self.base).await? {
            guard::put_back(&self.base, None).await?;
        }
        Ok(())
    }

    fn is_rolling_back(&self) -> bool {
        matches!(self.decide(), Decision::BeginRollback(_))
            || self.base.recorder.with_state(|state| state.phase == Phase::RollingBack)
    }

    /// Refuses to continue if the world no longer matches a stage that passed. Skipped for a rollback, which must not
    /// wait for this.
    async fn refuse_drift(&self) -> Result<()> {
        if self.is_rolling_back() {
            return Ok(());
        }
        let passed: Vec<bool> = self
            .base
            .recorder
            .with_state(|state| state.stages.iter().map(|stage| stage.is_passed()).collect());
        for (index, _) in passed.iter().enumerate().filter(|(_, passed)| **passed) {
            let context = self.at(index);
            let (what, hint) = match work_of(&context.plan, index).check(&context).await? {
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

    async fn run_hooks(&mut self, when: HookWhen) -> Result<()> {
        match self.base.run_hooks(when, None).await {
            // A failed `before_run` hook stops the run before anything is touched.
            Err(error) if when == HookWhen::BeforeRun => {
                let hook = error.context_of("hook").map(str::to_owned);
                let trouble = Trouble { hook, ..Trouble::of(&error) };
                let (stage, reason) = (self.base.id(), error.to_string());
                self.base.record(Event::StageErred { stage, reason, trouble })?;
                self.erred = Some((None, error));
                Ok(())
            }
            result => result,
        }
    }

    /// Waits for a hold to be released. Returns the outcome if this process does not wait.
    async fn hold(&self, stage: StageId, hold: Hold) -> Result<Option<Outcome>> {
        let is_new = self.base.recorder.with_state(|state| {
            state.stage(&stage).is_some_and(|stage| stage.hold.as_ref() != Some(&hold))
        });
        if is_new {
            self.base.record(Event::StageHeld { stage: stage.clone(), hold: hold.clone() })?;
            self.base.run_hooks(HookWhen::Paused, Some(stage.as_str())).await?;
        }
        if self.base.options.is_rehearsal
            && let Hold::Approval { gate } = &hold
        {
            let by = "the rehearsal".to_owned();
            self.base.record(Event::Approved { gate: gate.clone(), by })?;
            return Ok(None);
        }
        let is_final = self.base.options.is_rehearsal && matches!(hold, Hold::Judgement { .. });
        if is_final || self.base.wait(&hold).await? == Waited::Detached {
            return Ok(Some(Outcome::Held { stage, hold }));
        }
        Ok(None)
    }

    async fn perform(&mut self, index: usize) -> Result<Option<Outcome>> {
        let context = self.at(index);
        let stage = context.id();
        if self.begun.insert(index) || context.state()?.status != StageStatus::Running {
            let attempt = context.state()?.attempt + 1;
            context.record(Event::StageStarted { stage: stage.clone(), attempt })?;
        }
        let acted = match context.run_hooks(HookWhen::BeforeStage, Some(stage.as_str())).await {
            Ok(()) => self.act(&context).await,
            Err(error) => Err(error),
        };
        if !matches!(acted, Ok(Acted::Judged { verdict: Verdict::Pass, .. })) {
            self.put_back(&context).await?;
        }
        match acted {
            Ok(Acted::Measured { target, source }) => {
                let judged = context.judge(&target, &source)?;
                self.conclude(&context, judged.verdict, judged.reason).await
            }
            Ok(Acted::Judged { verdict, reason }) => self.conclude(&context, verdict, reason).await,
            Ok(Acted::Held(hold)) => self.hold(stage, hold).await,
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                // The run is to stop, or a pause or abort has to be decided on.
                context.stop_if_cancelled()?;
                Ok(None)
            }
            Err(error) => self.stop(&context, error).await,
        }
    }

    /// Restores protection that was lifted for a deletion, if the index still exists. If that fails, the next process
    /// tries again.
    async fn put_back(&self, context: &Context) -> Result<()> {
        match guard::put_back(context, None).await {
            Ok(true) => context.note("the source is protected again"),
            Ok(false) => Ok(()),
            Err(error) => context.note(format!("the source is not protected again yet: {error}")),
        }
    }

    /// Records that a stage could not be performed.
    async fn stop(&mut self, context: &Context, error: Error) -> Result<Option<Outcome>> {
        let (stage, reason) = (context.id(), error.to_string());
        let trouble = Trouble::of(&error);
        context.record(Event::StageErred { stage: stage.clone(), reason, trouble })?;
        context.run_hooks(HookWhen::Failed, Some(stage.as_str())).await?;
        self.erred = Some((Some(stage), error));
        Ok(None)
    }

    /// Performs a stage, retries as the plan allows, and lets a pause or an abort interrupt it.
    async fn act(&self, context: &Context) -> Result<Acted> {
        let stage = context.stage();
        let (tries, wait) =
            stage.retry.as_ref().map_or((0, None), |retry| (retry.times, retry.wait));
        let mut left = tries;
        loop {
            let result = self.act_once(context, stage.timeout).await;
            match result {
                Err(error) if left > 0 && error.kind() != ErrorKind::Interrupted => {
                    left -= 1;
                    context.note(format!("tried again after: {error}"))?;
                    context.sleep(wait.map_or(Duration::from_secs(5), |span| span.0)).await?;
                }
                result => return result,
            }
        }
    }

    async fn act_once(&self, context: &Context, timeout: Option<Duration>) -> Result<Acted> {
        let work = work_of(&context.plan, context.index);
        let inner = Context { cancel: context.cancel.child_token(), ..context.clone() };
        let attend = async {
            loop {
                tokio::time::sleep(ATTEND).await;
                context.attend()?;
                let must_stop = context.recorder.with_state(|state| {
                    state.paused.is_some() || state.abort.is_some() || !state.erasing.is_empty()
                });
                if must_stop {
                    inner.cancel.cancel();
                }
            }
        };
        let deadline = async {
            match timeout {
                // On a clock that skips time, the deadline would pass at once.
                Some(limit) if !context.clock.is_scaled() => context.clock.sleep(limit).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            acted = work.act(&inner) => acted,
            never = attend => never,
            () = deadline => Err(Error::new(ErrorKind::Timeout, "the stage took longer than its `timeout`")),
        }
    }

    async fn conclude(
        &mut self,
        context: &Context,
        verdict: Verdict,
        reason: String,
    ) -> Result<Option<Outcome>> {
        let stage = context.id();
        let name = stage.as_str().to_owned();
        match verdict {
            Verdict::Pass => {
                if let Err(error) = context.run_hooks(HookWhen::AfterStage, Some(&name)).await {
                    return self.stop(context, error).await;
                }
                context.record(Event::StagePassed { stage })?;
                Ok(None)
            }
            Verdict::Fail => {
                let rolls_back = work_of(&context.plan, context.index).failure_rolls_back();
                context.record(Event::StageFailed { stage, reason, rolls_back })?;
                context.run_hooks(HookWhen::Failed, Some(&name)).await?;
                Ok(None)
            }
            Verdict::Error => {
                let hint = "see why it was not measured; the next run measures again".to_owned();
                let kind = Some(ErrorKind::Unmeasured);
                let trouble = Trouble { kind, hint: Some(hint), hook: None };
                context.record(Event::StageErred { stage, reason, trouble })?;
                context.run_hooks(HookWhen::Failed, Some(&name)).await?;
                Ok(None)
            }
            Verdict::Inconclusive => self.hold(stage, Hold::Judgement { verdict, reason }).await,
        }
    }

    async fn undo(&self, index: usize) -> Result<()> {
        let context = self.at(index);
        let stage = context.id();
        let undone = match work_of(&context.plan, index).undo(&context).await {
            // An interruption is not a failure: the next run continues the rollback.
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            undone => undone,
        };
        let hooks = context.stage().rollback.clone();
        let mut problems = context.run_rollback_hooks(&hooks).await;
        match undone {
            Ok(what) if problems.is_empty() => context.record(Event::StageUndone { stage, what }),
            Ok(_) => context.record(Event::UndoFailed { stage, reason: problems.join("; ") }),
            Err(error) => {
                problems.insert(0, error.to_string());
                context.record(Event::UndoFailed { stage, reason: problems.join("; ") })
            }
        }
    }

    fn finish_rollback(&self) -> Result<()> {
        let left_behind = self.base.recorder.with_state(|state| {
            let failed = state.stages.iter().filter_map(|stage| match &stage.status {
                StageStatus::UndoFailed(reason) => Some(format!("{}: {reason}", stage.id)),
                _ => None,
            });
            failed.collect()
        });
        self.base.record(Event::RollbackFinished { left_behind })
    }

    fn end(&mut self, was_done: bool) -> Outcome {
        let erred = self.erred.take();
        self.base.recorder.with_state(|state| match state.phase {
            Phase::Done if was_done => Outcome::NoChanges,
            Phase::RolledBack => Outcome::RolledBack {
                cause: state.cause.as_ref().map(ToString::to_string).unwrap_or_default(),
            },
            Phase::Stuck => Outcome::Stuck { left_behind: state.left_behind.clone() },
            Phase::Stopped => stopped(state, erred),
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

/// Returns the outcome of a run that stopped in this process or in an earlier one.
fn stopped(state: &RunState, erred: Option<(Option<StageId>, Error)>) -> Outcome {
    if let Some((stage, error)) = erred {
        return Outcome::Erred { stage, error };
    }
    if let Some(stopped) = &state.stopped {
        return Outcome::Erred { stage: stopped.stage.clone(), error: stopped.error() };
    }
    let failed = state.stages.iter().find_map(|stage| match &stage.status {
        StageStatus::Failed(reason) => Some((stage.id.clone(), reason.clone())),
        _ => None,
    });
    failed.map_or(Outcome::Done, |(stage, reason)| Outcome::Failed { stage, reason })
}

/// Rolls a run back on request: takes the lock and undoes its stages, the last one first.
///
/// # Errors
/// `Refused` if there is nothing to roll back, or if the point of no return has passed.
pub async fn roll_back(
    run: PreparedRun,
    purge: bool,
    cancel: CancellationToken,
) -> Result<Outcome> {
    let recorder = run.recorder.clone();
    recorder.while_held(roll_back_while_held(run, purge, cancel)).await
}

async fn roll_back_while_held(
    run: PreparedRun,
    purge: bool,
    cancel: CancellationToken,
) -> Result<Outcome> {
    let mut executor = Executor::new(run, cancel);
    let state = executor.base.recorder.with_state(RunState::clone);
    if guard::settle(&executor.base).await? {
        return Err(Error::new(
            ErrorKind::Refused,
            "the source was deleted: the run is past the point of no return",
        )
        .with_hint("the snapshot of the decommission stage holds its records"));
    }
    match state.phase {
        Phase::Empty => {
            return Err(Error::new(ErrorKind::Refused, "there is no run to roll back"));
        }
        Phase::RolledBack if !purge => {
            return Err(Error::new(ErrorKind::Refused, "the run is rolled back already"));
        }
        Phase::RollingBack => {}
        _ => {
            let by = executor.base.options.holder.to_string();
            let cause = crate::journal::Cause::Asked { by, purge };
            executor.base.record(Event::RollbackStarted { cause })?;
        }
    }
    let outcome = executor.drive(false).await;
    match outcome {
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Outcome::Interrupted),
        outcome => outcome,
    }
}
