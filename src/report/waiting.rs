use serde::Serialize;

use super::StageReport;
use super::words::{plural, time};
use crate::journal::{Entry, Event, Gate, Hold};
use crate::model::{StageId, TrafficChange};
use crate::run::TRAFFIC_UNKNOWN;
use crate::text::{REMARK, named, named_in};

/// The thing that a run waits for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waiting {
    pub stage: StageId,
    /// Words that follow "waits for": `approval of canary step 3`.
    pub what: String,
    /// The hold; in JSON its step counts from 1, as everywhere in a report.
    #[serde(serialize_with = "counted_from_1")]
    pub hold: Hold,
}

fn counted_from_1<S: serde::Serializer>(hold: &Hold, serializer: S) -> Result<S::Ok, S::Error> {
    match hold {
        Hold::Approval { gate } => {
            let step = gate.step.map(|step| step + 1);
            Hold::Approval { gate: Gate { step, ..gate.clone() } }.serialize(serializer)
        }
        hold => hold.serialize(serializer),
    }
}

impl Waiting {
    pub fn new(stage: StageId, hold: Hold) -> Self {
        let what = match &hold {
            Hold::Approval { gate } => format!("approval of {gate}"),
            Hold::Time { until } => time(*until),
            Hold::Paused { by } => format!("somebody to resume it: {} paused it", named(by)),
            Hold::Judgement { verdict, reason } => {
                format!("measurements: {stage} could not be judged ({verdict}: {reason})")
            }
            Hold::Erasure { side, what, .. } => {
                format!(
                    "the end of a deletion from the {}: {}",
                    side.name(),
                    named_in(what, REMARK)
                )
            }
            Hold::Until => format!("the next run: the last one stopped before {stage}"),
            Hold::Traffic { change } => format!("the traffic: {change}"),
            Hold::Confirmation { index, host, records, traffic_unknown } => {
                let mut what = format!("confirmation that `{index}` may be deleted");
                if let (Some(host), Some(records)) = (host, records) {
                    what.push_str(&format!(": {} at {host}", plural(*records, "record")));
                }
                if *traffic_unknown {
                    what.push_str(
                        "; the traffic driver cannot read the weight, see that no query goes to the source",
                    );
                }
                what
            }
        };
        Self { stage, what, hold }
    }

    /// Returns the time at which the same command can go on without anybody's doing; `None` where it needs somebody.
    pub fn next_at(&self) -> Option<jiff::Timestamp> {
        match &self.hold {
            Hold::Time { until } => Some(*until),
            _ => None,
        }
    }

    /// Returns the headline of a report: `Waiting for approval of canary step 3`,
    /// `Stopped before verify (--until copy)`.
    pub(super) fn headline(&self, stages: &[StageReport]) -> String {
        let stage = &self.stage;
        match &self.hold {
            Hold::Until => {
                let at = stages.iter().position(|one| &one.stage == stage);
                let last = at.and_then(|at| stages.get(at.checked_sub(1)?));
                let until = last.map(|last| format!(" (--until {})", last.stage));
                format!("Stopped before {stage}{}", until.unwrap_or_default())
            }
            Hold::Time { until } => format!("Waiting: {stage} goes on at {}", time(*until)),
            Hold::Paused { by } => format!("Paused by {}, before {stage} is done", named(by)),
            _ => format!("Waiting for {}", self.what),
        }
    }

    /// Returns why to run the command of [`Waiting::release`] and, if there are several ways to go on, the others.
    pub(super) fn why(&self, plan: &str) -> String {
        match &self.hold {
            Hold::Approval { gate } => format!("approve {gate}"),
            Hold::Time { until } => format!("go on at {} or later", time(*until)),
            Hold::Paused { .. } => "resume it".to_owned(),
            Hold::Judgement { .. } => "measure again, once the cause is gone".to_owned(),
            Hold::Until => "go on".to_owned(),
            Hold::Confirmation { index, .. } => format!("confirm that `{index}` may be deleted"),
            Hold::Erasure { .. } => "end the deletion".to_owned(),
            Hold::Traffic { change } => match change.to {
                Some(weight) => format!(
                    "{} and run `vecshift run {plan}` again, or go on from {weight}, then run it again",
                    change.way_back()
                ),
                None => format!("{} and run it again", change.way_back()),
            },
        }
    }

    /// Returns the command that releases it; `plan` stands for the plan on the command line.
    pub fn release(&self, plan: &str) -> String {
        match &self.hold {
            Hold::Approval { gate } => {
                let step =
                    gate.step.map(|step| format!(" --step {}", step + 1)).unwrap_or_default();
                format!("vecshift approve {plan} --stage {}{step}", gate.stage)
            }
            // Whether a process waits or not.
            Hold::Paused { .. } | Hold::Judgement { .. } => format!("vecshift resume {plan}"),
            Hold::Confirmation { index, traffic_unknown, .. } => {
                let known = if *traffic_unknown { TRAFFIC_UNKNOWN } else { "" };
                format!("vecshift run {plan} --confirm {index}{known}")
            }
            Hold::Erasure { side, index, what } => {
                let side = side.name();
                format!("vecshift namespaces delete {plan} --side {side} {what} --confirm {index}")
            }
            Hold::Traffic { change: TrafficChange { to: Some(weight), .. } } => {
                format!("vecshift resume {plan} --accept-weight {weight}")
            }
            Hold::Time { .. } | Hold::Until | Hold::Traffic { .. } => {
                format!("vecshift run {plan}")
            }
        }
    }

    /// Returns the hold a journal ends with: nothing was done since it was written and nobody released it.
    pub(super) fn of(entries: &[Entry]) -> Option<Self> {
        entries.iter().fold(None, |waiting, entry| Self::after(waiting, &entry.event))
    }

    /// Returns what a run waits for after an event, if it waited for `waiting` before.
    pub(super) fn after(waiting: Option<Self>, event: &Event) -> Option<Self> {
        match event {
            Event::StageHeld { stage, hold } => Some(Self::new(stage.clone(), hold.clone())),
            Event::Approved { gate, .. } => waiting.filter(
                |held| !matches!(&held.hold, Hold::Approval { gate: asked } if asked == gate),
            ),
            Event::Resumed { .. } => waiting
                .filter(|held| !matches!(held.hold, Hold::Paused { .. } | Hold::Judgement { .. })),
            // After a look at the state or a judgement while waiting, the run still waits.
            Event::RunContinued { .. }
            | Event::Paused { .. }
            | Event::ApprovalRequested { .. }
            | Event::WeightAcceptAsked { .. }
            | Event::StepBegun { .. }
            | Event::StepTaken { .. }
            | Event::Watched { .. }
            | Event::Judged(_)
            | Event::Noted { .. }
            | Event::VectorsCompared { .. }
            | Event::Measured { .. }
            | Event::HookStarted { .. }
            | Event::HookFinished { .. } => waiting,
            _ => None,
        }
    }
}
