use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Waiting;
use crate::journal::{Entry, Event};
use crate::model::{Share, StageId};

/// A stretch of time of a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stretch {
    pub stage: StageId,
    pub pace: Pace,
    /// What was baked or waited for: `step 2 at 25%`, `approval of canary step 3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    pub from: Timestamp,
    /// `None` if it has not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// What a stage did in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    Work,
    Bake,
    Wait,
    Undo,
}

impl Pace {
    pub fn name(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Bake => "bake",
            Self::Wait => "wait",
            Self::Undo => "undo",
        }
    }
}

/// Returns how each stage spent its time, in the order in which the stretches began.
pub(super) fn stretches(entries: &[Entry]) -> Vec<Stretch> {
    let mut course = Course::default();
    entries.iter().for_each(|entry| course.follow(entry));
    course.all
}

#[derive(Default)]
struct Course {
    all: Vec<Stretch>,
    waiting: Option<Waiting>,
    /// The weight that each step of a canary asked for last.
    weights: BTreeMap<(StageId, usize), Share>,
    /// Time of the last undoing, or of the beginning of the rollback.
    undone: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Course {
    fn follow(&mut self, entry: &Entry) {
        self.follow_waits(entry);
        let at = entry.at;
        match &entry.event {
            // Nobody knows when the process before this one ended; it lived until its last event.
            Event::RunContinued { .. } => self
                .close(self.last.unwrap_or(at), |one| matches!(one.pace, Pace::Work | Pace::Bake)),
            Event::StageStarted { stage, .. } => self.open(stage, Pace::Work, None, at),
            Event::WeightIntended { stage, step, weight } => {
                self.weights.insert((stage.clone(), *step), *weight);
            }
            Event::BakeStarted { stage, step, .. } => {
                let weight = self.weights.get(&(stage.clone(), *step));
                let weight = weight.map(|weight| format!(" at {weight}")).unwrap_or_default();
                let what = format!("step {}{weight}", step.saturating_add(1));
                self.open(stage, Pace::Bake, Some(what), at);
            }
            Event::StepPassed { stage, .. } => self.open(stage, Pace::Work, None, at),
            Event::StagePassed { stage }
            | Event::StageFailed { stage, .. }
            | Event::StageErred { stage, .. } => self.close(at, |one| one.stage == *stage),
            Event::RollbackStarted { .. } => {
                self.close(at, |_| true);
                self.undone = Some(at);
            }
            Event::StageUndone { stage, .. } | Event::UndoFailed { stage, .. } => {
                let from = self.undone.replace(at).unwrap_or(at);
                let (stage, pace) = (stage.clone(), Pace::Undo);
                self.all.push(Stretch { stage, pace, what: None, from, to: Some(at) });
            }
            Event::RunFinished | Event::RollbackFinished { .. } => self.close(at, |_| true),
            _ => {}
        }
        self.last = Some(at);
    }

    /// Opens and closes waits. Whoever releases one lets its stage go on.
    fn follow_waits(&mut self, entry: &Entry) {
        let before = self.waiting.take();
        self.waiting = Waiting::after(before.clone(), &entry.event);
        if self.waiting == before {
            return;
        }
        if let Some(held) = before {
            self.open(&held.stage, Pace::Work, None, entry.at);
        }
        if let Some(held) = self.waiting.clone() {
            self.open(&held.stage, Pace::Wait, Some(held.what), entry.at);
        }
    }

    /// Begins a stretch of a stage, which ends the one before.
    fn open(&mut self, stage: &StageId, pace: Pace, what: Option<String>, from: Timestamp) {
        self.close(from, |one| one.stage == *stage);
        self.all.push(Stretch { stage: stage.clone(), pace, what, from, to: None });
    }

    fn close(&mut self, at: Timestamp, is_it: impl Fn(&Stretch) -> bool) {
        for open in self.all.iter_mut().filter(|one| one.to.is_none() && is_it(one)) {
            open.to = Some(at.max(open.from));
        }
        // Between two events that were written together nothing was done.
        self.all.retain(|one| one.pace != Pace::Work || one.to != Some(one.from));
    }
}
