//! Finds the hook that has to run next, as a pure function of the plan and the state.

use crate::journal::{HookState, RunState};
use crate::plan::Plan;
use crate::plan::file::{Hook, HookFailure, HookWhen};

/// One hook to run.
#[derive(Clone, Debug, PartialEq)]
pub struct HookRun {
    /// Its name in the journal.
    pub key: String,
    /// The moment, as the hook hears of it.
    pub moment: &'static str,
    /// The position of the stage that the hook runs for; the first one for a hook of the whole run.
    pub index: usize,
    pub hook: Hook,
    /// What a failure means for the run.
    pub failure: Failure,
}

/// What the failure of a hook that has to succeed means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The run stops before anything is touched.
    StopsRun,
    /// The stage cannot be performed.
    StopsStage,
    /// A step of the stage fails, which may be tried again.
    FailsStep,
    /// Nothing: the failure is shown.
    IsShown,
}

/// Returns the first hook of a moment of the whole run that has yet to finish.
///
/// A `before_run` hook that failed and must succeed counts as unfinished: what it should prepare is not ready, so the
/// next attempt runs it again.
pub(super) fn of_run(plan: &Plan, state: &RunState, when: HookWhen) -> Option<HookRun> {
    let has_ended = |hook: &Hook, key: &str| match state.hooks.get(key) {
        Some(HookState::Done) => true,
        Some(HookState::Failed(_)) => when != HookWhen::BeforeRun || !must_succeed(hook),
        Some(HookState::Started) | None => false,
    };
    find(plan, when, None, has_ended).map(|(key, hook)| {
        let failure = match when {
            HookWhen::BeforeRun => Failure::StopsRun,
            _ => Failure::IsShown,
        };
        HookRun { key, moment: when.name(), index: 0, hook, failure }
    })
}

/// Returns the first hook of a moment of the stage at `index` that has yet to finish. `of` is the stage, or one of its
/// steps, as `STAGE/NUMBER`. One that failed has finished, until the next occasion.
pub(super) fn of_stage(
    plan: &Plan,
    state: &RunState,
    (when, index): (HookWhen, usize),
    of: &str,
) -> Option<HookRun> {
    let has_ended = |_: &Hook, key: &str| has_ended(state, key);
    find(plan, when, Some(of), has_ended).map(|(key, hook)| {
        let failure = match when {
            HookWhen::BeforeStage | HookWhen::AfterStage => Failure::StopsStage,
            HookWhen::BeforeStep | HookWhen::AfterStep => Failure::FailsStep,
            _ => Failure::IsShown,
        };
        HookRun { key, moment: when.name(), index, hook, failure }
    })
}

/// Returns the first rollback hook of the stage at `index` that has yet to finish.
pub(super) fn of_rollback(plan: &Plan, state: &RunState, index: usize) -> Option<HookRun> {
    rollback_hooks(plan, index).find(|(key, _)| !has_ended(state, key)).map(|(key, hook)| HookRun {
        key,
        moment: "rollback",
        index,
        hook: hook.clone(),
        failure: Failure::IsShown,
    })
}

/// Returns the rollback hooks of a stage that had to succeed and failed, each with its error.
pub(super) fn failed_rollback(
    plan: &Plan,
    state: &RunState,
    index: usize,
) -> Vec<(String, String)> {
    let failed = rollback_hooks(plan, index).filter_map(|(key, hook)| {
        let Some(HookState::Failed(error)) = state.hooks.get(&key) else { return None };
        must_succeed(hook).then(|| (key, error.clone()))
    });
    failed.collect()
}

fn rollback_hooks(plan: &Plan, index: usize) -> impl Iterator<Item = (String, &Hook)> {
    let stage = &plan.stages[index];
    let key = |at: usize| format!("rollback#{}@{}", at + 1, stage.id);
    stage.rollback.iter().enumerate().map(move |(at, hook)| (key(at), hook))
}

fn find(
    plan: &Plan,
    when: HookWhen,
    of: Option<&str>,
    has_ended: impl Fn(&Hook, &str) -> bool,
) -> Option<(String, Hook)> {
    let hooks = plan.hooks.iter().enumerate().filter(|(_, hook)| hook.when == Some(when));
    let mut keyed = hooks.map(|(at, hook)| (hook_key(when, at, of), hook));
    keyed.find(|(key, hook)| !has_ended(hook, key)).map(|(key, hook)| (key, hook.clone()))
}

fn has_ended(state: &RunState, key: &str) -> bool {
    matches!(state.hooks.get(key), Some(HookState::Done | HookState::Failed(_)))
}

pub(super) fn must_succeed(hook: &Hook) -> bool {
    hook.on_failure.unwrap_or_default() == HookFailure::Fail
}

/// Names a hook in the journal by its moment, its position in the plan and what it was run for.
pub(super) fn hook_key(when: HookWhen, index: usize, of: Option<&str>) -> String {
    match of {
        Some(of) => format!("{}#{}@{of}", when.name(), index + 1),
        None => format!("{}#{}", when.name(), index + 1),
    }
}
