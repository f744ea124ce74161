use serde::Serialize;

use super::words::time;
use crate::journal::{Entry, Event, Hold};
use crate::model::{StageId, TrafficChange};

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waiting {
    pub stage: StageId,
    /// In words: `approval of canary step 3`.
    pub what: String,
    pub hold: Hold,
}

impl Waiting {
    pub fn new(stage: StageId, hold: Hold) -> Self {
        let what = match &hold {
            Hold::Approval { gate } => format!("approval of {gate}"),
            Hold::Time { until } => format!("the time: {stage} goes on at {}", time(*until)),
            Hold::Paused { by } => format!("being resumed: {by} paused it"),
            Hold::Judgement { verdict, reason } => {
                format!("measurements: {stage} could not be judged ({verdict}: {reason})")
            }
            Hold::Until => format!("another run: the last one stopped before {stage}, as told"),
            Hold::Confirmation { index } => format!("confirmation that `{index}` may be deleted"),
            Hold::Traffic { change } => format!("the traffic: {change}"),
        };
        Self { stage, what, hold }
    }

    /// What it waits for and, where there are several ways on, what the others are.
    pub(super) fn why(&self, plan: &str) -> String {
        match &self.hold {
            Hold::Traffic { change } => match change.to {
                Some(weight) => format!(
                    "{} and run `vecshift run {plan}` again, or go on from {weight}, then run it again",
                    change.way_back()
                ),
                None => format!("{} and run it again", change.way_back()),
            },
            _ => format!("it waits for {}", self.what),
        }
    }

    /// The command that releases it; `plan` is what stands for the plan on the command line.
    pub fn release(&self, plan: &str) -> String {
        match &self.hold {
            Hold::Approval { gate } => {
                let step =
                    gate.step.map(|step| format!(" --step {}", step + 1)).unwrap_or_default();
                format!("vecshift approve {plan} --stage {}{step}", gate.stage)
            }
            Hold::Paused { .. } => format!("vecshift resume {plan}"),
            Hold::Confirmation { index } => format!("vecshift run {plan} --confirm {index}"),
            Hold::Traffic { change: TrafficChange { to: Some(weight), .. } } => {
                format!("vecshift resume {plan} --accept-weight {weight}")
            }
            Hold::Time { .. } | Hold::Judgement { .. } | Hold::Until | Hold::Traffic { .. } => {
                format!("vecshift run {plan}")
            }
        }
    }

    /// The hold a journal ends with: nothing was done since it was written and nobody released it.
    pub(super) fn of(entries: &[Entry]) -> Option<Self> {
        let mut waiting: Option<Self> = None;
        for entry in entries {
            match &entry.event {
                Event::StageHeld { stage, hold } => {
                    waiting = Some(Self::new(stage.clone(), hold.clone()));
                }
                Event::Approved { gate, .. } => {
                    waiting.take_if(|held| matches!(&held.hold, Hold::Approval { gate: asked } if asked == gate));
                }
                Event::Resumed { .. } => {
                    waiting.take_if(|held| matches!(held.hold, Hold::Paused { .. }));
                }
                // A look at the state, a judgement while waiting: the run waits on.
                Event::RunContinued { .. }
                | Event::Paused { .. }
                | Event::ApprovalRequested { .. }
                | Event::WeightAcceptAsked { .. }
                | Event::Judged(_)
                | Event::Noted { .. }
                | Event::Measured { .. }
                | Event::HookStarted { .. }
                | Event::HookFinished { .. } => {}
                _ => waiting = None,
            }
        }
        waiting
    }
}
