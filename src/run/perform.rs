//! Takes one step: what is only decided becomes events, and what touches the world is done.

use std::time::Duration;

use super::context::Context;
use super::context::guard::{self, Restored};
use super::hook::as_hook;
use super::hooks::{self, Failure, HookRun};
use super::judge::judge;
use super::next::{PUT_BACK, Step};
use super::stage;
use super::taken::Taken;
use super::view::{Terms, View};
use crate::clock::after;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, RunState, StageStatus, Trouble};
use crate::model::{ShardId, Verdict};
use crate::plan::Plan;

/// The wait before a stage is tried again where the plan does not say.
const RETRY_AFTER: Duration = Duration::from_secs(5);

impl Step {
    /// Returns the shard that the step copies, beside which others are copied; `None` for a step that goes alone.
    pub(super) fn shard(&self) -> Option<&ShardId> {
        match self {
            Self::Take { step, .. } => step.shard(),
            _ => None,
        }
    }

    /// Returns the position of the stage that the step belongs to; the first one for a step of the whole run.
    pub(super) fn index(&self) -> usize {
        match self {
            Self::Begin(index)
            | Self::Take { index, .. }
            | Self::Judge(index)
            | Self::Conclude(index)
            | Self::PutBack(index)
            | Self::Undo { index, .. }
            | Self::Undone(index)
            | Self::Hook(HookRun { index, .. }) => *index,
            _ => 0,
        }
    }
}

/// Takes a step. Its events are in the context's outbox afterwards, whatever the result.
///
/// # Errors
/// Those of a step that could not be taken; [`failed`] says what follows from it.
pub(super) async fn perform(step: &Step, context: &Context, terms: &Terms) -> Result<()> {
    match step {
        Step::Hook(hook) => context.run_hook(hook).await,
        Step::Take { step, .. } => {
            if step.needs_files() {
                context.files.fetch().await?;
            }
            // A step of any kind is as large as the largest: not on the stack of whoever waits.
            let result = Box::pin(stage::take(step, context)).await?;
            taken(context, step.name(), result)
        }
        Step::PutBack(_) => {
            let result = put_back(context).await?;
            taken(context, Some(PUT_BACK.to_owned()), result)
        }
        Step::Undo { step, .. } => {
            let result = Box::pin(stage::undo(step, context)).await?;
            taken(context, step.name(), result)
        }
        step => {
            let events = decided(step, &context.plan, &context.state, terms);
            events.into_iter().try_for_each(|event| context.record(event))
        }
    }
}

/// Records that a step was taken, or that it has to be taken again.
fn taken(context: &Context, name: Option<String>, result: Taken) -> Result<()> {
    let Some(step) = name else { return Ok(()) };
    let stage = context.id();
    match result {
        Taken::Done => context.record(Event::StepTaken { stage, step }),
        Taken::Again if context.stage_state()?.steps_begun.contains_key(&step) => Ok(()),
        Taken::Again => context.record(Event::StepBegun { stage, step }),
    }
}

/// Restores the source's protection, if the index still exists. If that fails, the next process tries again.
async fn put_back(context: &Context) -> Result<Taken> {
    match guard::put_back(context, None, Some(PUT_BACK)).await {
        Ok(Restored::NotYet) => return Ok(Taken::Again),
        Ok(Restored::Done) => context.note("the source is protected again")?,
        Ok(Restored::Unchanged) => {}
        Err(error) => context.note(format!("the source is not protected again yet: {error}"))?,
    }
    Ok(Taken::Done)
}

/// Returns the events of a step that touches nothing.
fn decided(step: &Step, plan: &Plan, state: &RunState, terms: &Terms) -> Vec<Event> {
    let view = |index: usize| View { plan, run: state, index, terms };
    vec![match step {
        Step::RequestApproval(gate) => Event::ApprovalRequested { gate: gate.clone() },
        Step::Approve(gate) => {
            Event::Approved { gate: gate.clone(), by: "the rehearsal".to_owned() }
        }
        Step::Hold { stage, hold } => Event::StageHeld { stage: stage.clone(), hold: hold.clone() },
        Step::Begin(index) => {
            let stage = &state.stages[*index];
            Event::StageStarted { stage: stage.id.clone(), attempt: stage.attempt + 1 }
        }
        Step::Judge(index) => return judge(view(*index)),
        Step::Conclude(index) => return conclude(view(*index)),
        Step::BeginRollback(cause) => Event::RollbackStarted { cause: cause.clone() },
        Step::Undone(index) => undone(plan, state, *index),
        Step::FinishRollback => {
            let failed = state.stages.iter().filter_map(|stage| match &stage.status {
                StageStatus::UndoFailed(reason) => Some(format!("{}: {reason}", stage.id)),
                _ => None,
            });
            Event::RollbackFinished { left_behind: failed.collect() }
        }
        Step::Finish => Event::RunFinished,
        _ => return Vec::new(),
    }]
}

/// Ends a stage as its verdict says.
fn conclude(view: View<'_>) -> Vec<Event> {
    let stage = view.stage().id.clone();
    vec![match &view.stage().verdict {
        Some((Verdict::Pass, _)) => Event::StagePassed { stage },
        Some((Verdict::Fail, reason)) => {
            // Only a stage that moves traffic takes everything back.
            let rolls_back = view.asked().moves_traffic();
            Event::StageFailed { stage, reason: reason.clone(), rolls_back }
        }
        Some((Verdict::Error, reason)) => {
            let hint = "see why it was not measured; the next run measures again".to_owned();
            let kind = Some(ErrorKind::Unmeasured);
            let trouble = Trouble { kind, hint: Some(hint), hook: None };
            Event::StageErred { stage, reason: reason.clone(), trouble }
        }
        Some((Verdict::Inconclusive, _)) | None => return Vec::new(),
    }]
}

/// Ends the undoing of a stage, after its rollback hooks.
fn undone(plan: &Plan, state: &RunState, index: usize) -> Event {
    let stage = &state.stages[index];
    let mut problems: Vec<String> =
        stage.undo.iter().filter_map(|undo| undo.clone().err()).collect();
    let failed = hooks::failed_rollback(plan, state, index);
    problems.extend(failed.iter().map(|(key, cause)| as_hook(key, cause).to_string()));
    let id = stage.id.clone();
    match (&stage.undo, problems.is_empty()) {
        (Some(Ok(what)), true) => Event::StageUndone { stage: id, what: what.clone() },
        _ => Event::UndoFailed { stage: id, reason: problems.join("; ") },
    }
}

/// Returns the events that follow from the failure of a step.
pub(super) fn failed(step: &Step, view: View<'_>, error: &Error) -> Vec<Event> {
    let stage = view.stage().id.clone();
    let (reason, trouble) = (error.to_string(), Trouble::of(error));
    match step {
        Step::Hook(HookRun { failure: Failure::IsShown, .. }) => Vec::new(),
        Step::Hook(HookRun { failure: Failure::StopsRun, key, .. }) => {
            let trouble = Trouble { hook: Some(key.clone()), ..trouble };
            vec![Event::StageErred { stage, reason, trouble }]
        }
        Step::Undo { .. } => {
            vec![Event::UndoTaken { stage, what: None, error: Some(reason) }]
        }
        Step::Take { .. } | Step::Hook(HookRun { failure: Failure::FailsStep, .. }) => {
            let retry = view.asked().retry.as_ref();
            let left = retry.map_or(0, |retry| retry.times).saturating_sub(view.stage().retries);
            if left == 0 {
                return vec![Event::StageErred { stage, reason, trouble }];
            }
            let wait = retry.and_then(|retry| retry.wait).map_or(RETRY_AFTER, |span| span.0);
            let text = format!("tried again after: {reason}");
            let again = after(view.terms.now, wait);
            vec![
                Event::Noted { stage: stage.clone(), text },
                Event::StageRetried { stage, reason, again },
            ]
        }
        _ => vec![Event::StageErred { stage, reason, trouble }],
    }
}
