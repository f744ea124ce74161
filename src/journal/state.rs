//! Where a run stands: a pure fold of its events, which refuses what cannot have happened.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Artifact, Cause, Entry, Event, Gate, Hold, Judged};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Checkpoint, Namespace, Shard, Share, StageId, Tally};

/// The state of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunState {
    pub run: String,
    pub plan: String,
    pub digest: String,
    pub program: String,
    pub rehearsal: bool,
    pub source: String,
    pub target: String,
    pub phase: Phase,
    pub started: Option<Timestamp>,
    pub last: Option<Timestamp>,
    /// Events folded so far; the next one has this `seq`.
    pub events: u64,
    /// In the order of the plan.
    pub stages: Vec<StageState>,
    pub approvals: BTreeSet<Gate>,
    pub requested: BTreeSet<Gate>,
    /// Who paused it.
    pub paused: Option<String>,
    pub abort: Option<String>,
    /// Whether somebody resumed it since it was last held.
    pub is_resumed: bool,
    /// A stage failed in a way that is answered by a rollback, which has not begun yet.
    pub must_roll_back: Option<Cause>,
    /// Hooks by their key, in the order they were first started.
    pub hooks: BTreeMap<String, HookState>,
    pub cause: Option<Cause>,
    pub left_behind: Vec<String>,
    /// Whether the traffic may have been moved at all.
    pub traffic_touched: bool,
    /// The weight that was last read back, or requested where it cannot be read.
    pub weight: Option<Share>,
}

/// The run as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// No event yet.
    #[default]
    Empty,
    Running,
    /// A stage failed or erred; running again tries it again.
    Stopped,
    RollingBack,
    Done,
    RolledBack,
    /// A rollback could not undo everything.
    Stuck,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "not started",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::RollingBack => "rolling back",
            Self::Done => "done",
            Self::RolledBack => "rolled back",
            Self::Stuck => "stuck",
        }
    }
}

/// A hook that was started at least once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookState {
    Started,
    Done,
    Failed(String),
}

/// One stage.
#[derive(Clone, Debug, PartialEq)]
pub struct StageState {
    pub id: StageId,
    pub status: StageStatus,
    pub attempt: u32,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub hold: Option<Hold>,
    /// The index this stage created, or was about to.
    pub created_index: Option<String>,
    pub shards: BTreeMap<Namespace, ShardState>,
    /// The last judgement of each assertion in each step, of the newest attempt.
    pub judgements: Vec<Judged>,
    /// Steps that passed.
    pub steps_passed: BTreeSet<usize>,
    pub bake: Option<BakeState>,
    /// When the last step's weight was set.
    pub weight_set_at: Option<Timestamp>,
    pub notes: Vec<String>,
    pub artifacts: Vec<Artifact>,
    pub figures: BTreeMap<String, f64>,
    pub delete_intended: bool,
    pub deleted: bool,
    pub undone: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StageStatus {
    #[default]
    Pending,
    Running,
    Passed,
    Failed(String),
    Erred(String),
    Undone,
    UndoFailed(String),
}

/// A bake that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BakeState {
    pub step: usize,
    pub started: Timestamp,
    pub ends: Timestamp,
}

/// One shard of a copy.
#[derive(Clone, Debug, PartialEq)]
pub struct ShardState {
    pub shard: Shard,
    pub checkpoint: Checkpoint,
    pub is_complete: bool,
}

impl StageState {
    fn new(id: StageId) -> Self {
        Self {
            id,
            status: StageStatus::Pending,
            attempt: 0,
            started: None,
            ended: None,
            hold: None,
            created_index: None,
            shards: BTreeMap::new(),
            judgements: Vec::new(),
            steps_passed: BTreeSet::new(),
            bake: None,
            weight_set_at: None,
            notes: Vec::new(),
            artifacts: Vec::new(),
            figures: BTreeMap::new(),
            delete_intended: false,
            deleted: false,
            undone: None,
        }
    }

    pub fn has_started(&self) -> bool {
        self.attempt > 0
    }

    /// Counts over all shards.
    pub fn tally(&self) -> Tally {
        let mut total = Tally::default();
        self.shards.values().for_each(|shard| total.add(shard.checkpoint.tally));
        total
    }

    pub fn is_passed(&self) -> bool {
        self.status == StageStatus::Passed
    }

    fn judged(&mut self, judged: Judged) {
        let same = |old: &Judged| {
            old.judgement.assertion == judged.judgement.assertion && old.step == judged.step
        };
        match self.judgements.iter_mut().find(|old| same(old)) {
            Some(old) => *old = judged,
            None => self.judgements.push(judged),
        }
    }
}

impl RunState {
    /// Folds a whole journal.
    pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Self> {
        let mut state = Self::default();
        entries.into_iter().try_for_each(|entry| state.apply(entry))?;
        Ok(state)
    }

    pub fn stage(&self, id: &StageId) -> Option<&StageState> {
        self.stages.iter().find(|stage| &stage.id == id)
    }

    /// Whether running the plan would continue this run (and not start another).
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Stopped | Phase::RollingBack)
    }

    /// Whether the source was deleted or its deletion begun: nothing before this can be undone.
    pub fn is_past_no_return(&self) -> bool {
        self.stages.iter().any(|stage| stage.delete_intended)
    }

    /// Applies one event.
    ///
    /// # Errors
    /// `Conflict` where the event cannot follow what came before.
    pub fn apply(&mut self, entry: &Entry) -> Result<()> {
        self.accepts(entry)?;
        self.update(entry);
        self.events += 1;
        self.last = Some(entry.at);
        Ok(())
    }

    /// Whether `entry` can follow; changes nothing.
    pub(super) fn accepts(&self, entry: &Entry) -> Result<()> {
        if entry.seq != self.events {
            return Err(illegal(entry, format!("its number should be {}", self.events)));
        }
        let is_start = matches!(entry.event, Event::RunStarted { .. });
        if is_start != (self.phase == Phase::Empty) {
            return Err(illegal(entry, "a journal begins with exactly one start"));
        }
        let ended = matches!(self.phase, Phase::Done | Phase::RolledBack);
        let may_follow_end = matches!(
            entry.event,
            Event::HookStarted { .. }
                | Event::HookFinished { .. }
                | Event::RunContinued { .. }
                | Event::RollbackStarted { .. }
        );
        if ended && !may_follow_end {
            return Err(illegal(entry, "the run has ended"));
        }
        if let Some(id) = stage_of(&entry.event)
            && self.stage(id).is_none()
        {
            return Err(illegal(entry, "the run has no such stage"));
        }
        match &entry.event {
            Event::Checkpointed { stage, source, checkpoint } => {
                let known = self.stage(stage).and_then(|stage| stage.shards.get(source));
                let Some(shard) = known else {
                    return Err(illegal(entry, "the shard was never planned"));
                };
                if checkpoint.tally.enumerated < shard.checkpoint.tally.enumerated {
                    return Err(illegal(entry, "a checkpoint never goes back"));
                }
            }
            Event::StagePassed { stage }
                if self.stage(stage).is_none_or(|stage| !stage.has_started()) =>
            {
                return Err(illegal(entry, "the stage never started"));
            }
            Event::RollbackStarted { .. } if self.is_past_no_return() => {
                return Err(illegal(entry, "the run is past the point of no return"));
            }
            Event::SourceDeleted { stage, .. }
                if self.stage(stage).is_none_or(|stage| !stage.delete_intended) =>
            {
                return Err(illegal(entry, "the deletion was never intended"));
            }
            _ => {}
        }
        Ok(())
    }

    fn update(&mut self, entry: &Entry) {
        match &entry.event {
            Event::RunStarted {
                run,
                plan,
                digest,
                program,
                rehearsal,
                source,
                target,
                stages,
                ..
            } => {
                self.run.clone_from(run);
                self.plan.clone_from(plan);
                self.digest.clone_from(digest);
                self.program.clone_from(program);
                self.rehearsal = *rehearsal;
                self.source.clone_from(source);
                self.target.clone_from(target);
                self.stages = stages.iter().cloned().map(StageState::new).collect();
                self.phase = Phase::Running;
                self.started = Some(entry.at);
            }
            Event::RunContinued { .. } => self.take_up_again(),
            Event::PlanAdopted { to, .. } => self.digest.clone_from(to),
            Event::ApprovalRequested { gate } => {
                self.requested.insert(gate.clone());
            }
            Event::Approved { gate, .. } => {
                self.approvals.insert(gate.clone());
            }
            Event::Paused { by } => self.paused = Some(by.clone()),
            Event::Resumed { .. } => {
                self.paused = None;
                self.is_resumed = true;
            }
            Event::AbortRequested { by } => self.abort = Some(by.clone()),
            Event::HookStarted { hook } => {
                self.hooks.insert(hook.clone(), HookState::Started);
            }
            Event::HookFinished { hook, error } => {
                let state = error.clone().map_or(HookState::Done, HookState::Failed);
                self.hooks.insert(hook.clone(), state);
            }
            Event::RollbackStarted { cause } => {
                self.cause = Some(cause.clone());
                self.must_roll_back = None;
                self.abort = None;
                for stage in &mut self.stages {
                    if matches!(stage.status, StageStatus::UndoFailed(_)) {
                        stage.status = StageStatus::Running;
                    }
                }
                self.phase = Phase::RollingBack;
                self.left_behind.clear();
            }
            Event::RollbackFinished { left_behind } => {
                self.left_behind.clone_from(left_behind);
                self.phase = if left_behind.is_empty() { Phase::RolledBack } else { Phase::Stuck };
            }
            Event::RunFinished => self.phase = Phase::Done,
            event => self.update_stage(event, entry.at),
        }
    }

    /// A stage that failed or erred is tried again, and a hold of the last process is no more.
    fn take_up_again(&mut self) {
        if self.phase != Phase::Stopped {
            return;
        }
        self.phase = Phase::Running;
        for stage in &mut self.stages {
            if matches!(stage.status, StageStatus::Failed(_) | StageStatus::Erred(_)) {
                stage.status = StageStatus::Pending;
            }
        }
    }

    fn update_stage(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::WeightIntended { .. } => self.traffic_touched = true,
            Event::WeightSet { weight, actual, .. } => {
                self.weight = Some(actual.unwrap_or(*weight))
            }
            Event::StageFailed { stage, reason, rolls_back } => {
                self.phase = Phase::Stopped;
                if *rolls_back {
                    let cause = Cause::Failed { stage: stage.clone(), reason: reason.clone() };
                    self.must_roll_back = Some(cause);
                }
            }
            Event::StageErred { .. } => self.phase = Phase::Stopped,
            Event::StageHeld { .. } => self.is_resumed = false,
            Event::StageStarted { .. } => self.phase = Phase::Running,
            _ => {}
        }
        let Some(id) = stage_of(event) else { return };
        let Some(stage) = self.stages.iter_mut().find(|stage| &stage.id == id) else { return };
        stage.update(event, at);
    }
}

impl StageState {
    fn update(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::StageStarted { attempt, .. } => {
                self.attempt = *attempt;
                self.status = StageStatus::Running;
                self.started.get_or_insert(at);
                self.ended = None;
                self.hold = None;
                self.notes.clear();
                self.judgements.retain(|judged| judged.step.is_some());
            }
            Event::StagePassed { .. } => self.end(StageStatus::Passed, at),
            Event::StageFailed { reason, .. } => self.end(StageStatus::Failed(reason.clone()), at),
            Event::StageErred { reason, .. } => self.end(StageStatus::Erred(reason.clone()), at),
            Event::StageHeld { hold, .. } => self.hold = Some(hold.clone()),
            Event::IndexCreateIntended { index, .. } => self.created_index = Some(index.clone()),
            Event::ShardPlanned { shard, .. } => {
                let state = ShardState {
                    shard: shard.clone(),
                    checkpoint: Checkpoint::default(),
                    is_complete: false,
                };
                self.shards.insert(shard.source.clone(), state);
            }
            Event::Checkpointed { source, checkpoint, .. } => {
                if let Some(shard) = self.shards.get_mut(source) {
                    shard.checkpoint = checkpoint.clone();
                }
            }
            Event::ShardCompleted { source, .. } => {
                if let Some(shard) = self.shards.get_mut(source) {
                    shard.is_complete = true;
                }
            }
            Event::Judged(judged) => self.judged(judged.clone()),
            Event::WeightSet { .. } => self.weight_set_at = Some(at),
            Event::BakeStarted { step, ends, .. } => {
                self.bake = Some(BakeState { step: *step, started: at, ends: *ends });
            }
            Event::StepPassed { step, .. } => {
                self.steps_passed.insert(*step);
                self.bake = None;
            }
            Event::ArtifactWritten { artifact, .. } => {
                self.artifacts.retain(|old| old.path != artifact.path);
                self.artifacts.push(artifact.clone());
            }
            Event::Noted { text, .. } => self.notes.push(text.clone()),
            Event::Measured { figures, .. } => self.figures.extend(figures.clone()),
            Event::SourceDeleteIntended { .. } => self.delete_intended = true,
            Event::SourceDeleted { .. } => self.deleted = true,
            Event::StageUndone { what, .. } => {
                self.status = StageStatus::Undone;
                self.undone = Some(what.clone());
            }
            Event::UndoFailed { reason, .. } => {
                self.status = StageStatus::UndoFailed(reason.clone());
            }
            _ => {}
        }
    }

    fn end(&mut self, status: StageStatus, at: Timestamp) {
        self.status = status;
        self.ended = Some(at);
        self.hold = None;
    }
}

/// The stage an event is about.
fn stage_of(event: &Event) -> Option<&StageId> {
    match event {
        Event::StageStarted { stage, .. }
        | Event::StagePassed { stage }
        | Event::StageFailed { stage, .. }
        | Event::StageErred { stage, .. }
        | Event::StageHeld { stage, .. }
        | Event::IndexCreateIntended { stage, .. }
        | Event::IndexCreated { stage, .. }
        | Event::IndexFound { stage, .. }
        | Event::ShardPlanned { stage, .. }
        | Event::Checkpointed { stage, .. }
        | Event::ShardCompleted { stage, .. }
        | Event::WeightIntended { stage, .. }
        | Event::WeightSet { stage, .. }
        | Event::BakeStarted { stage, .. }
        | Event::StepPassed { stage, .. }
        | Event::ArtifactWritten { stage, .. }
        | Event::Noted { stage, .. }
        | Event::Measured { stage, .. }
        | Event::SourceDeleteIntended { stage, .. }
        | Event::SourceDeleted { stage, .. }
        | Event::StageUndone { stage, .. }
        | Event::UndoFailed { stage, .. } => Some(stage),
        Event::Judged(judged) => Some(&judged.stage),
        Event::ApprovalRequested { gate } | Event::Approved { gate, .. } => Some(&gate.stage),
        _ => None,
    }
}

fn illegal(entry: &Entry, why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Conflict, format!("the journal cannot hold event {}: {why}", entry.seq))
        .with_hint(
            "if the journal was edited or damaged, restore it from a backup; nothing was changed",
        )
}
