//! What a decision is made from: the plan, the state of the run, and the terms of the process that takes the steps.

use std::collections::BTreeSet;

use super::hooks::HookRun;
use crate::clock::Timestamp;
use crate::journal::{Gate, Hold, RunState, StageState};
use crate::model::{ShardId, StageId};
use crate::plan::{Plan, Stage};

/// The terms under which a process takes steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    pub now: Timestamp,
    /// The last stage to perform; nothing is started after it.
    pub until: Option<StageId>,
    /// Approvals are given automatically.
    pub is_rehearsal: bool,
    /// Warnings count as failures.
    pub strict: bool,
    /// The process ends instead of waiting.
    pub detaches: bool,
    /// Shards that are being copied.
    pub under_way: BTreeSet<ShardId>,
}

/// What comes next in a stage whose steps are `S`.
pub(super) enum Next<S> {
    Take(S),
    /// Runs a hook of one of its steps.
    Hook(HookRun),
    /// Asks for an approval.
    Ask(Gate),
    Wait(Hold),
    /// Nothing more can begin before a step that is under way has ended.
    Join,
    /// Nothing is left to do: what was measured is judged, or the stage ends where a verdict was reached.
    Done,
}

impl<S> Next<S> {
    pub fn map<T>(self, as_step: impl FnOnce(S) -> T) -> Next<T> {
        match self {
            Self::Take(step) => Next::Take(as_step(step)),
            Self::Hook(hook) => Next::Hook(hook),
            Self::Ask(gate) => Next::Ask(gate),
            Self::Wait(hold) => Next::Wait(hold),
            Self::Join => Next::Join,
            Self::Done => Next::Done,
        }
    }
}

/// What the decision about one stage is made from.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub plan: &'a Plan,
    pub run: &'a RunState,
    /// The stage's position in the plan.
    pub index: usize,
    pub terms: &'a Terms,
}

impl<'a> View<'a> {
    pub fn asked(&self) -> &'a Stage {
        &self.plan.stages[self.index]
    }

    pub fn stage(&self) -> &'a StageState {
        &self.run.stages[self.index]
    }

    /// Returns the first of these steps that was not taken since the stage was started, by their names.
    pub fn first_left<S: Copy>(&self, steps: &[S], name: impl Fn(S) -> &'static str) -> Option<S> {
        let taken = &self.stage().steps_taken;
        steps.iter().copied().find(|step| !taken.contains(name(*step)))
    }

    /// Returns the hold of the stage, if it is not released.
    pub fn hold(&self) -> Option<&'a Hold> {
        self.stage().hold.as_ref().filter(|hold| !self.is_released(hold))
    }

    /// Returns whether `hold` no longer keeps the run from going on.
    pub fn is_released(&self, hold: &Hold) -> bool {
        match hold {
            Hold::Approval { gate } => self.run.approvals.contains(gate),
            Hold::Time { until } => self.terms.now >= *until,
            Hold::Paused { .. } => self.run.paused.is_none(),
            Hold::Erasure { side, what, .. } => {
                !self.run.erasing.contains_key(&(*side, what.clone()))
            }
            // Resuming takes this hold from the stage.
            Hold::Judgement { .. } => false,
            // Only another process goes on from these.
            Hold::Until | Hold::Confirmation { .. } | Hold::Traffic { .. } => false,
        }
    }
}
