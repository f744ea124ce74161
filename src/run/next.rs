//! Decides which step comes next, as a pure function of the plan, the state and the terms.

use super::hooks::{self, HookRun};
use super::stage::{self, StageStep, UndoStep};
use super::view::{Next, Terms, View};
use crate::clock::Timestamp;
use crate::journal::{Cause, Gate, Hold, Phase, RunState, StageState, StageStatus};
use crate::model::{Side, StageId, Verdict};
use crate::plan::Plan;
use crate::plan::file::HookWhen;

/// One step of a run: small enough to be taken by another machine, and taken again if nobody knows what became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Start,
    Hook(HookRun),
    RequestApproval(Gate),
    /// Gives an approval that a rehearsal does not wait for.
    Approve(Gate),
    /// Records that the stage waits.
    Hold {
        stage: StageId,
        hold: Hold,
    },
    /// Waits until the hold is released.
    Wait {
        stage: StageId,
        hold: Hold,
    },
    /// Waits for a time, after which a stage is tried again.
    Rest {
        until: Timestamp,
    },
    /// Starts the stage at this position.
    Begin(usize),
    /// Takes a step of a stage.
    Take {
        index: usize,
        step: StageStep,
    },
    /// Nothing more can begin before a step that is under way has ended.
    Join,
    /// Judges what the stage has measured.
    Judge(usize),
    /// Ends the stage, as its verdict says.
    Conclude(usize),
    /// Restores the protection of the source that a stage lifted.
    PutBack(usize),
    BeginRollback(Cause),
    /// Takes a step in undoing a stage.
    Undo {
        index: usize,
        step: UndoStep,
    },
    /// Ends the undoing of a stage.
    Undone(usize),
    FinishRollback,
    Finish,
    /// Nothing is left to do in this state.
    End,
}

/// The name of the step that restores the protection of the source.
pub(super) const PUT_BACK: &str = "put the protection back";

/// Decides which step comes next.
pub fn next(plan: &Plan, state: &RunState, terms: &Terms) -> Step {
    match state.phase {
        Phase::Empty => Step::Start,
        Phase::RollingBack => next_undo(plan, state),
        Phase::Done => after_end(plan, state, &[HookWhen::Succeeded, HookWhen::AfterRun]),
        Phase::RolledBack | Phase::Stuck => {
            after_end(plan, state, &[HookWhen::AfterRollback, HookWhen::AfterRun])
        }
        Phase::Running | Phase::Stopped => forward(plan, state, terms),
    }
}

fn forward(plan: &Plan, state: &RunState, terms: &Terms) -> Step {
    if state.phase == Phase::Stopped
        && let Some(step) = after_stop(plan, state)
    {
        return step;
    }
    if let Some(cause) = &state.must_roll_back {
        return Step::BeginRollback(cause.clone());
    }
    if let Some(by) = &state.abort
        && !state.is_past_no_return()
    {
        return Step::BeginRollback(Cause::Aborted { by: by.clone() });
    }
    if state.phase == Phase::Stopped {
        return Step::End;
    }
    if let Some(hook) = hooks::of_run(plan, state, HookWhen::BeforeRun) {
        return Step::Hook(hook);
    }
    let Some(index) = state.stages.iter().position(|stage| !stage.is_passed()) else {
        return Step::Finish;
    };
    let view = View { plan, run: state, index, terms };
    let stage = view.stage();
    if let Some(hold) = erasure(plan, state) {
        return wait(view, hold);
    }
    if let Some(by) = &state.paused {
        return wait(view, Hold::Paused { by: by.clone() });
    }
    if let Some(until) = &terms.until
        && state.stages.iter().position(|stage| &stage.id == until).is_some_and(|last| index > last)
    {
        return wait(view, Hold::Until);
    }
    if let Some(step) = stage_gate(view) {
        return step;
    }
    if !stage.is_begun || stage.status != StageStatus::Running {
        return Step::Begin(index);
    }
    work(view)
}

/// Decides what follows a stop: protection that has to be put back, and the hooks of the stage that failed.
fn after_stop(plan: &Plan, state: &RunState) -> Option<Step> {
    if let Some(step) = put_back(state) {
        return Some(step);
    }
    let has_failed =
        |stage: &StageState| matches!(stage.status, StageStatus::Failed(_) | StageStatus::Erred(_));
    let index = state.stages.iter().position(|stage| has_failed(stage))?;
    let of = state.stages[index].id.as_str();
    hooks::of_stage(plan, state, (HookWhen::Failed, index), of).map(Step::Hook)
}

/// Returns the step that restores the source's protection, if it is lifted and that was not tried yet.
fn put_back(state: &RunState) -> Option<Step> {
    let owes = |stage: &StageState| {
        stage.protection.contains_key(&Side::Source) && !stage.steps_taken.contains(PUT_BACK)
    };
    state.stages.iter().position(|stage| owes(stage)).map(Step::PutBack)
}

/// Holds the run while an erasure is under way, during which nothing is read or written.
fn erasure(plan: &Plan, state: &RunState) -> Option<Hold> {
    let ((side, what), _) = state.erasing.first_key_value()?;
    let index = match side {
        Side::Source => plan.source.index.clone(),
        Side::Target => plan.target.index.clone(),
    };
    Some(Hold::Erasure { side: *side, index, what: what.clone() })
}

fn stage_gate(view: View<'_>) -> Option<Step> {
    let gate = Gate { stage: view.stage().id.clone(), step: None };
    let asks = view.asked().needs_approval && !view.stage().has_started();
    if !asks || view.run.approvals.contains(&gate) {
        return None;
    }
    if !view.run.requested.contains(&gate) {
        return Some(Step::RequestApproval(gate));
    }
    Some(wait(view, Hold::Approval { gate }))
}

/// Decides how a hold is waited for: it is recorded, people hear of it, and then it is waited for.
fn wait(view: View<'_>, hold: Hold) -> Step {
    let stage = view.stage();
    if stage.hold.as_ref() != Some(&hold) {
        return Step::Hold { stage: stage.id.clone(), hold };
    }
    let moment = (HookWhen::Paused, view.index);
    if let Some(hook) = hooks::of_stage(view.plan, view.run, moment, stage.id.as_str()) {
        return Step::Hook(hook);
    }
    match hold {
        Hold::Approval { gate } if view.terms.is_rehearsal => Step::Approve(gate),
        hold => Step::Wait { stage: stage.id.clone(), hold },
    }
}

/// Decides the next step of a stage that is under way.
fn work(view: View<'_>) -> Step {
    let (stage, index) = (view.stage(), view.index);
    let hook = |when| {
        hooks::of_stage(view.plan, view.run, (when, index), stage.id.as_str()).map(Step::Hook)
    };
    if let Some(step) = hook(HookWhen::BeforeStage) {
        return step;
    }
    if let Some(until) = stage.not_before.filter(|until| view.terms.now < *until) {
        return Step::Rest { until };
    }
    let is_passing = matches!(stage.verdict, None | Some((Verdict::Pass, _)));
    if !is_passing && let Some(step) = put_back(view.run) {
        return step;
    }
    // Traffic stays where it is until somebody has looked.
    let is_moved = view.asked().moves_traffic();
    match &stage.verdict {
        Some((verdict, reason))
            if *verdict == Verdict::Inconclusive || (is_moved && *verdict == Verdict::Error) =>
        {
            wait(view, Hold::Judgement { verdict: *verdict, reason: reason.clone() })
        }
        Some((Verdict::Fail | Verdict::Error | Verdict::Inconclusive, _)) => Step::Conclude(index),
        verdict => match stage::next(view) {
            Next::Take(step) => Step::Take { index, step },
            Next::Hook(hook) => Step::Hook(hook),
            Next::Ask(gate) if view.run.requested.contains(&gate) => Step::Approve(gate),
            Next::Ask(gate) => Step::RequestApproval(gate),
            Next::Join => Step::Join,
            Next::Wait(hold) => put_back(view.run).unwrap_or_else(|| wait(view, hold)),
            Next::Done if verdict.is_none() => Step::Judge(index),
            Next::Done => hook(HookWhen::AfterStage).unwrap_or(Step::Conclude(index)),
        },
    }
}

/// Decides the next step of a rollback, the last stage first. Stages that never started have nothing to undo.
fn next_undo(plan: &Plan, state: &RunState) -> Step {
    if let Some(hook) = hooks::of_run(plan, state, HookWhen::BeforeRollback) {
        return Step::Hook(hook);
    }
    let is_left = |stage: &StageState| {
        stage.has_started()
            && !matches!(stage.status, StageStatus::Undone | StageStatus::UndoFailed(_))
    };
    let Some(index) = state.stages.iter().rposition(|stage| is_left(stage)) else {
        return Step::FinishRollback;
    };
    if state.stages[index].undo.is_none() {
        let step = stage::next_undo(&state.stages[index]);
        return Step::Undo { index, step };
    }
    match hooks::of_rollback(plan, state, index) {
        Some(hook) => Step::Hook(hook),
        None => Step::Undone(index),
    }
}

fn after_end(plan: &Plan, state: &RunState, moments: &[HookWhen]) -> Step {
    match moments.iter().find_map(|when| hooks::of_run(plan, state, *when)) {
        Some(hook) => Step::Hook(hook),
        None => Step::End,
    }
}
