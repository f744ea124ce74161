use std::time::Duration;

use serde::Serialize;

use crate::clock::until;
use crate::journal::{Aftermath, Entry, Event};
use crate::model::{Share, StageId};
use jiff::Timestamp;

/// One step of a canary.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    pub stage: StageId,
    /// The number of the step, from 1.
    pub step: usize,
    pub requested: Share,
    /// Weight that was read back; `None` if the driver cannot, or before it did.
    pub actual: Option<Share>,
    pub is_set: bool,
    /// True if the driver is known to have changed nothing.
    pub is_unchanged: bool,
    pub bake_started: Option<Timestamp>,
    /// Time at which the bake is over, by the run's clock.
    pub bake_ends: Option<Timestamp>,
    /// `open`, `passed` or `failed`.
    pub status: &'static str,
    /// Time at which it passed or failed.
    pub ended: Option<Timestamp>,
}

impl StepReport {
    /// Returns the length of the bake the plan asks for.
    pub fn bake(&self) -> Option<Duration> {
        Some(until(self.bake_started?, self.bake_ends?))
    }

    /// Returns the time since its weight was set: until it ended or, while it is open, as long as the plan asks for.
    pub(super) fn time(&self) -> Option<Duration> {
        Some(until(self.bake_started?, self.ended.or(self.bake_ends)?))
    }

    /// Returns the status with its symbol.
    pub fn status_words(&self) -> String {
        let symbol = match self.status {
            "passed" => "✓",
            "failed" => "✗",
            _ => "…",
        };
        format!("{symbol} {}", self.status)
    }

    /// Returns the weight: `25%`, or `25% requested` if the driver cannot read back.
    pub fn weight(&self) -> String {
        let asked = self.requested;
        match self.actual {
            Some(actual) if actual.is_same(asked) => actual.to_string(),
            Some(actual) => format!("{asked} not set, {actual} read"),
            None if self.is_set => format!("{asked} requested"),
            None if self.is_unchanged => format!("{asked} not set"),
            None => format!("{asked} unknown"),
        }
    }
}

/// Returns the steps of all canaries, in the order they were begun.
pub(super) fn steps(entries: &[Entry]) -> Vec<StepReport> {
    let mut steps = Vec::new();
    for entry in entries {
        follow(&mut steps, entry);
    }
    steps
}

fn follow(steps: &mut Vec<StepReport>, entry: &Entry) {
    match &entry.event {
        // A rollback takes the weight back to zero, which is not a step.
        Event::WeightIntended { stage, step, weight } if weight.0 > 0.0 => {
            let begun = find(steps, stage, *step);
            begun.requested = *weight;
            begun.actual = None;
            begun.is_set = false;
            begun.is_unchanged = false;
            begun.status = "open";
        }
        Event::WeightSet { stage, step, weight, actual, .. } if weight.0 > 0.0 => {
            let set = find(steps, stage, *step);
            set.requested = *weight;
            set.actual = *actual;
            set.is_set = true;
        }
        Event::WeightNotSet { stage, step, weight, after, .. } if weight.0 > 0.0 => {
            let failed = find(steps, stage, *step);
            failed.is_unchanged = *after == Aftermath::Unchanged;
            if let Aftermath::Read { weight, .. } = after {
                failed.actual = Some(*weight);
            }
        }
        Event::WeightAccepted { stage, step, weight, .. } => {
            steps
                .retain(|known| &known.stage != stage || known.step <= step.map_or(0, |at| at + 1));
            if let Some(step) = step {
                let accepted = find(steps, stage, *step);
                accepted.requested = *weight;
                accepted.actual = Some(*weight);
                accepted.is_set = true;
                accepted.status = "open";
            }
        }
        Event::BakeStarted { stage, step, ends } => {
            let baking = find(steps, stage, *step);
            baking.bake_started = Some(entry.at);
            baking.bake_ends = Some(*ends);
        }
        Event::StepPassed { stage, step } => {
            let passed = find(steps, stage, *step);
            passed.status = "passed";
            passed.ended = Some(entry.at);
        }
        Event::StageFailed { stage, .. } => {
            for failed in
                steps.iter_mut().filter(|step| &step.stage == stage && step.status == "open")
            {
                failed.status = "failed";
                failed.ended = Some(entry.at);
            }
        }
        _ => {}
    }
}

fn find<'a>(steps: &'a mut Vec<StepReport>, stage: &StageId, step: usize) -> &'a mut StepReport {
    let known = steps.iter().position(|known| &known.stage == stage && known.step == step + 1);
    let index = known.unwrap_or_else(|| {
        steps.push(StepReport {
            stage: stage.clone(),
            step: step + 1,
            requested: Share(0.0),
            actual: None,
            is_set: false,
            is_unchanged: false,
            bake_started: None,
            bake_ends: None,
            status: "open",
            ended: None,
        });
        steps.len() - 1
    });
    &mut steps[index]
}
