//! Decides what comes next, as a pure function of the plan, the state and the options.

use crate::journal::{Cause, Gate, Hold, HookState, Phase, RunState, StageState, StageStatus};
use crate::model::{Side, StageId};
use crate::plan::Plan;
use crate::plan::file::{Hook, HookFailure, HookWhen};

/// The next step of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    Start,
    RunHooks(HookWhen),
    RequestApproval(Gate),
    Hold {
        stage: StageId,
        hold: Hold,
    },
    Perform(usize),
    BeginRollback(Cause),
    Undo(usize),
    FinishRollback,
    Finish,
    /// Nothing is left to do in this state.
    End,
}

/// Decides what comes next.
///
/// `until` is the last stage to perform. Stages that are not implemented count as passed; reading the plan has warned
/// about them.
pub fn decide(plan: &Plan, state: &RunState, until: Option<&StageId>) -> Decision {
    match state.phase {
        Phase::Empty => Decision::Start,
        Phase::RollingBack => next_undo(plan, state),
        Phase::Done => after_end(plan, state, &[HookWhen::Succeeded, HookWhen::AfterRun]),
        Phase::RolledBack | Phase::Stuck => {
            after_end(plan, state, &[HookWhen::AfterRollback, HookWhen::AfterRun])
        }
        Phase::Running | Phase::Stopped => forward(plan, state, until),
    }
}

fn forward(plan: &Plan, state: &RunState, until: Option<&StageId>) -> Decision {
    if let Some(cause) = &state.must_roll_back {
        return Decision::BeginRollback(cause.clone());
    }
    if let Some(by) = &state.abort
        && !state.is_past_no_return()
    {
        return Decision::BeginRollback(Cause::Aborted { by: by.clone() });
    }
    if state.phase == Phase::Stopped {
        return Decision::End;
    }
    if wants_hooks(plan, state, HookWhen::BeforeRun) {
        return Decision::RunHooks(HookWhen::BeforeRun);
    }
    let Some(index) = state.stages.iter().position(|stage| !stage.is_passed()) else {
        return Decision::Finish;
    };
    let stage = &state.stages[index];
    if let Some(hold) = erasure(plan, state) {
        return Decision::Hold { stage: stage.id.clone(), hold };
    }
    if let Some(by) = &state.paused {
        return Decision::Hold { stage: stage.id.clone(), hold: Hold::Paused { by: by.clone() } };
    }
    if let Some(until) = until
        && state.stages.iter().position(|stage| &stage.id == until).is_some_and(|last| index > last)
    {
        return Decision::Hold { stage: stage.id.clone(), hold: Hold::Until };
    }
    if let Some(decision) = stage_gate(plan, state, stage, index) {
        return decision;
    }
    Decision::Perform(index)
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

fn stage_gate(plan: &Plan, state: &RunState, stage: &StageState, index: usize) -> Option<Decision> {
    let asks = plan.stages.get(index).is_some_and(|asked| asked.needs_approval);
    let gate = Gate { stage: stage.id.clone(), step: None };
    if !asks || stage.has_started() || state.approvals.contains(&gate) {
        return None;
    }
    if !state.requested.contains(&gate) {
        return Some(Decision::RequestApproval(gate));
    }
    Some(Decision::Hold { stage: stage.id.clone(), hold: Hold::Approval { gate } })
}

/// Decides which stage to undo next, the last one first. Stages that never started have nothing to undo.
fn next_undo(plan: &Plan, state: &RunState) -> Decision {
    if wants_hooks(plan, state, HookWhen::BeforeRollback) {
        return Decision::RunHooks(HookWhen::BeforeRollback);
    }
    let is_left = |stage: &StageState| {
        stage.has_started()
            && !matches!(stage.status, StageStatus::Undone | StageStatus::UndoFailed(_))
    };
    match state.stages.iter().rposition(is_left) {
        Some(index) => Decision::Undo(index),
        None => Decision::FinishRollback,
    }
}

fn after_end(plan: &Plan, state: &RunState, moments: &[HookWhen]) -> Decision {
    match moments.iter().find(|when| wants_hooks(plan, state, **when)) {
        Some(when) => Decision::RunHooks(*when),
        None => Decision::End,
    }
}

/// Returns whether a hook of this moment has yet to finish.
///
/// A `before_run` hook that failed and must succeed counts as unfinished: what it should prepare is not ready, so the
/// next attempt runs it again.
pub(super) fn wants_hooks(plan: &Plan, state: &RunState, when: HookWhen) -> bool {
    let has_ended = |hook: &Hook, index: usize| match state.hooks.get(&hook_key(when, index, None))
    {
        Some(HookState::Done) => true,
        Some(HookState::Failed(_)) => {
            when != HookWhen::BeforeRun || hook.on_failure.unwrap_or_default() == HookFailure::Warn
        }
        Some(HookState::Started) | None => false,
    };
    plan.hooks
        .iter()
        .enumerate()
        .any(|(index, hook)| hook.when == Some(when) && !has_ended(hook, index))
}

/// Names a hook in the journal by its moment, its position in the plan and what it was run for.
pub(super) fn hook_key(when: HookWhen, index: usize, of: Option<&str>) -> String {
    match of {
        Some(of) => format!("{}#{}@{of}", when.name(), index + 1),
        None => format!("{}#{}", when.name(), index + 1),
    }
}
