//! From events to the state of a stage.

use std::sync::Arc;

use jiff::Timestamp;

use super::state::{
    BakeState, Confirmation, ShardState, StageState, StageStatus, Stopped, WatchState,
};
use super::{Event, Hold, Judged, Trouble};
use crate::model::{Checkpoint, Cursor, IndexStats, Namespace, ShardId, Share, Side, StageId};

impl StageState {
    /// Notes that the process at work has left the run: whoever comes next starts the stage, or its undoing, again.
    pub(super) fn leave(&mut self) {
        self.worked.end();
        self.is_begun = false;
        self.undo = None;
        self.steps_taken.clear();
        self.steps_begun.clear();
    }

    /// Lets every step be taken again.
    pub(super) fn begin_anew(&mut self) {
        self.steps_taken.clear();
        self.steps_begun.clear();
        self.is_found = false;
        self.observed.clear();
        self.verdict = None;
        self.confirmed = None;
        self.checked = None;
        self.watch = None;
        self.gaps = None;
        self.at_work_since = None;
    }

    fn drop_shards(&mut self, source: &Namespace) {
        let first = ShardId { source: source.clone(), cell: 0 };
        let from = self.shards.range(first..).map(|(id, _)| id);
        let own: Vec<ShardId> = from.take_while(|id| id.source == *source).cloned().collect();
        for id in &own {
            self.shards.remove_mut(id);
            self.open.remove_mut(id);
        }
    }

    pub(super) fn update(&mut self, event: &Event, at: Timestamp) {
        self.at_work_since.get_or_insert(at);
        match event {
            Event::StageStarted { attempt, .. } => {
                self.begin_anew();
                self.is_begun = true;
                self.retries = 0;
                self.not_before = None;
                self.at_work_since = Some(at);
                self.attempt = *attempt;
                self.status = StageStatus::Running;
                self.started.get_or_insert(at);
                self.ended = None;
                self.hold = None;
                self.worked.end();
                self.notes.clear();
                // What was judged before the point of no return is not judged again.
                let is_final = self.delete_intended || self.deleted;
                self.judgements.retain(|judged| is_final || judged.step.is_some());
            }
            Event::StagePassed { .. } => self.end(StageStatus::Passed, at),
            Event::StageFailed { reason, .. } => self.end(StageStatus::Failed(reason.clone()), at),
            Event::StageErred { stage, reason, trouble } => {
                let Stopped { reason, .. } = stopped(stage, reason, trouble);
                self.end(StageStatus::Erred(reason), at);
            }
            Event::IndexFound { .. } => self.is_found = true,
            Event::StepBegun { step, .. } => {
                self.steps_begun.entry(step.clone()).or_insert(at);
            }
            Event::StepTaken { step, .. } => {
                self.steps_taken.insert(step.clone());
            }
            Event::Observed { side, values, .. } => {
                self.observed.entry(*side).or_default().extend(values.clone());
            }
            Event::StageJudged { verdict, reason, .. } => {
                self.verdict = Some((*verdict, reason.clone()));
            }
            Event::StageRetried { again, .. } => {
                self.begin_anew();
                self.retries += 1;
                self.not_before = Some(*again);
            }
            Event::UndoTaken { what, error, .. } => {
                let what = what.clone().unwrap_or_default();
                self.undo = Some(error.clone().map_or(Ok(what), Err));
            }
            Event::StageHeld { hold, .. } => {
                self.hold = Some(hold.clone());
                self.at_work_since = None;
                // What was looked at before a wait does not count after it.
                if !matches!(hold, Hold::Judgement { .. }) {
                    self.begin_anew();
                }
                if matches!(hold, Hold::Traffic { .. }) {
                    // Meanwhile another weight than this step's was watched.
                    self.bake = None;
                }
            }
            Event::IndexCreateIntended { .. } => self.create_intended = true,
            Event::IndexCreated { index, .. } => self.created_index = Some(index.clone()),
            Event::ProtectionIntended { side, was, .. } => {
                self.protection.entry(*side).or_insert(*was);
            }
            Event::ProtectionRestored { side, .. } => {
                self.protection.remove(side);
            }
            Event::ShardPlanned { shard, .. } => {
                let state = ShardState {
                    shard: shard.clone(),
                    checkpoint: Checkpoint::default(),
                    is_complete: false,
                };
                self.open.insert_mut(shard.id());
                self.shards.insert_mut(shard.id(), state);
            }
            Event::ShardsDropped { source, .. } => {
                match source {
                    Some(source) => self.drop_shards(source),
                    None => (self.shards, self.open) = Default::default(),
                }
                self.is_planned = false;
            }
            Event::CopyPlanned { .. } => self.is_planned = true,
            Event::ContentsRead { source, contents, .. } => {
                self.contents.extend(contents.map(|contents| (source.clone(), contents)));
            }
            Event::TargetHeld { namespaces, .. } => {
                self.held_before = Some(Arc::new(namespaces.keys().cloned().collect()));
            }
            Event::CopyingStarted { .. } => self.worked.begin(at),
            Event::RouteChosen { route, reason, .. } => self.route = Some((*route, reason.clone())),
            Event::ResourceIntended { resource, .. } => {
                self.resources.retain(|known| known != resource);
                self.resources.push(resource.clone());
                self.made.remove(resource);
            }
            Event::ResourceMade { resource, seen: Some(seen), .. } => {
                self.made.insert(resource.clone(), seen.clone());
            }
            Event::ResourceRemoved { resource, .. } => {
                self.resources.retain(|known| known != resource);
                self.removed.push(resource.clone());
            }
            Event::Checkpointed { shard, checkpoint, .. } => {
                if checkpoint.cursor == Cursor::End {
                    self.open.remove_mut(shard);
                }
                if let Some(shard) = self.shards.get_mut(shard) {
                    let copied = checkpoint.tally.copied;
                    self.worked.add(copied.saturating_sub(shard.checkpoint.tally.copied), at);
                    shard.checkpoint = checkpoint.clone();
                }
            }
            Event::ShardCompleted { shard, .. } => {
                if let Some(shard) = self.shards.get_mut(shard) {
                    shard.is_complete = true;
                }
            }
            Event::CopyProven { gaps, .. } => self.gaps = Some(gaps.clone()),
            Event::Judged(judged) => self.judged(judged.clone()),
            Event::WeightSet { .. } => self.weight_set_at = Some(at),
            Event::WeightAccepted { step, weight, .. } => self.accept(*step, *weight, at),
            Event::Watched { step, started, parts, forget_before, readings, is_blind, .. } => {
                let is_same = |watch: &WatchState| watch.step == *step && watch.started == *started;
                let known = self.watch.take().filter(is_same);
                let mut watch = known.unwrap_or_else(|| WatchState::begin(*step, *started));
                watch.add(parts, *forget_before);
                watch.readings.clone_from(readings);
                watch.blind = if *is_blind { watch.blind + 1 } else { 0 };
                self.watch = Some(watch);
            }
            Event::BakeStarted { step, ends, .. } => {
                self.watch = None;
                self.bake = Some(BakeState { step: *step, started: at, ends: *ends });
            }
            Event::StepPassed { step, .. } => {
                self.steps_passed.insert(*step);
                self.last_passed = Some(*step);
                self.bake = None;
                self.watch = None;
            }
            Event::ArtifactWritten { artifact, .. } => {
                self.artifacts.retain(|old| old.path != artifact.path);
                self.artifacts.push(artifact.clone());
            }
            Event::Noted { text, .. } => self.notes.push(text.clone()),
            Event::VectorsCompared { fields, .. } => self.compared.clone_from(fields),
            Event::Measured { figures, .. } => self.figures.extend(figures.clone()),
            Event::DeletionConfirmed {
                identity: Some(identity), records, traffic_unknown, ..
            } => {
                let (identity, records) = (identity.clone(), *records);
                let traffic_unknown = *traffic_unknown;
                self.confirmed = Some(Confirmation { identity, records, traffic_unknown });
            }
            Event::SourceChecked { namespaces, total, .. } => {
                let (namespaces, total) = (namespaces.clone(), *total);
                self.checked = Some(IndexStats { namespaces, total, ..IndexStats::default() });
            }
            Event::SourceDeleteIntended { .. } => self.delete_intended = true,
            Event::SourceKept { .. } => self.delete_intended = false,
            Event::SourceDeleted { .. } => {
                self.deleted = true;
                self.protection.remove(&Side::Source);
            }
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

    fn judged(&mut self, judged: Judged) {
        let same = |old: &Judged| {
            old.judgement.assertion == judged.judgement.assertion && old.step == judged.step
        };
        match self.judgements.iter_mut().find(|old| same(old)) {
            Some(old) => *old = judged,
            None => self.judgements.push(judged),
        }
    }

    /// Accepts a weight: steps below the accepted one are passed over, those above it are still to be done.
    fn accept(&mut self, step: Option<usize>, weight: Share, at: Timestamp) {
        self.steps_passed = (0..step.unwrap_or(0)).collect();
        self.last_passed = None;
        self.accepted = step.map(|step| (step, weight));
        self.weight_set_at = Some(at);
        self.bake = None;
        if self.is_passed() {
            self.status = StageStatus::Pending;
            self.ended = None;
        }
    }

    fn end(&mut self, status: StageStatus, at: Timestamp) {
        self.status = status;
        self.ended = Some(at);
        self.hold = None;
    }
}

/// Separator between reason and hint in journals of older versions, which wrote both as one text.
const HINT_IN_REASON: &str = "; what to do: ";

/// How a run stopped, by the words of its journal.
pub(super) fn stopped(stage: &StageId, reason: &str, trouble: &Trouble) -> Stopped {
    let mut trouble = trouble.clone();
    let mut reason = reason;
    if trouble.kind.is_none()
        && let Some((text, hint)) = reason.split_once(HINT_IN_REASON)
    {
        reason = text;
        trouble.hint = Some(hint.to_owned());
    }
    let stage = Some(stage.clone()).filter(|_| trouble.hook.is_none());
    Stopped { stage, reason: reason.to_owned(), trouble }
}
