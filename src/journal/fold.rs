//! From events to the state: a pure fold, which refuses what cannot have happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::fold_stage::stopped;
use super::state::{HookState, Phase, RunState, StageState, StageStatus};
use super::{Cause, Entry, Event, Hold};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Identity, Namespace, Side, StageId};

impl RunState {
    /// Folds a whole journal.
    pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Self> {
        let mut state = Self::default();
        entries.into_iter().try_for_each(|entry| state.apply(entry))?;
        Ok(state)
    }

    /// Applies one event.
    ///
    /// # Errors
    /// `Conflict` if the event cannot follow what came before.
    pub fn apply(&mut self, entry: &Entry) -> Result<()> {
        self.check(entry)?;
        self.update(entry);
        self.events += 1;
        self.last = Some(entry.at);
        Ok(())
    }

    /// Checks that `entry` can follow; changes nothing.
    pub(crate) fn check(&self, entry: &Entry) -> Result<()> {
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
                | Event::RequestRefused { .. }
                | Event::HookFinished { .. }
                | Event::RunContinued { .. }
                | Event::RollbackStarted { .. }
        );
        if ended && !may_follow_end {
            return Err(illegal(entry, "the run has ended"));
        }
        if let Some(answers) = &entry.answers
            && self.answered.contains(&answers.id)
        {
            return Err(illegal(entry, "the request was taken up before"));
        }
        if let Some(id) = stage_of(&entry.event)
            && self.stage(id).is_none()
        {
            return Err(illegal(entry, "the run has no such stage"));
        }
        match &entry.event {
            Event::Checkpointed { stage, shard, checkpoint } => {
                let known = self.stage(stage).and_then(|stage| stage.shards.get(shard));
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
            Event::ResourceMade { stage, resource, .. }
            | Event::ResourceRemoved { stage, resource }
                if self.stage(stage).is_none_or(|stage| !stage.resources.contains(resource)) =>
            {
                return Err(illegal(entry, "the resource was never intended"));
            }
            Event::CopyPlanned { stage, shards }
                if self.stage(stage).is_none_or(|stage| stage.shards.size() as u64 != *shards) =>
            {
                return Err(illegal(entry, "the shards are not as many as were planned"));
            }
            Event::AbortRequested { .. } | Event::RollbackStarted { .. }
                if self.is_past_no_return() =>
            {
                return Err(illegal(entry, "the run is past the point of no return"));
            }
            Event::SourceDeleted { stage, .. } | Event::SourceKept { stage, .. }
                if self.stage(stage).is_none_or(|stage| !stage.delete_intended) =>
            {
                return Err(illegal(entry, "the deletion was never intended"));
            }
            _ => {}
        }
        Ok(())
    }

    fn update(&mut self, entry: &Entry) {
        self.answered.extend(entry.answers.iter().map(|answers| answers.id.clone()));
        match &entry.event {
            Event::RunStarted {
                run,
                plan,
                digest,
                program,
                rehearsal,
                path,
                source,
                target,
                stages,
                gates,
                reviewed,
                ..
            } => {
                self.run.clone_from(run);
                self.plan.clone_from(plan);
                self.digest.clone_from(digest);
                self.program.clone_from(program);
                self.rehearsal = *rehearsal;
                self.path.clone_from(path);
                self.source.clone_from(source);
                self.target.clone_from(target);
                self.gates.clone_from(gates);
                self.reviewed = reviewed.clone().map(Arc::new);
                self.stages = stages.iter().cloned().map(StageState::new).map(Arc::new).collect();
                self.phase = Phase::Running;
                self.started = Some(entry.at);
            }
            Event::RunContinued { .. } => {
                self.each_stage(StageState::leave);
                self.take_up_again();
            }
            Event::IndexSeen { side, identity, namespaces } => {
                self.identities.insert(*side, identity.clone());
                if *side == Side::Source {
                    self.first_counts = Some(Arc::new(namespaces.clone()));
                }
            }
            Event::PlanAdopted { to, gates, reviewed, .. } => {
                self.digest.clone_from(to);
                self.gates.clone_from(gates);
                self.reviewed = reviewed.clone().map(Arc::new);
            }
            Event::ApprovalRequested { gate } => {
                self.requested.insert(gate.clone());
            }
            Event::Approved { gate, .. } => {
                self.approvals.insert(gate.clone());
            }
            Event::Paused { by } => self.paused = Some(by.clone()),
            Event::Resumed { .. } => {
                self.paused = None;
                // What could not be judged is judged anew, and may have to wait anew.
                let is_judgement = |hold: &mut Hold| matches!(hold, Hold::Judgement { .. });
                self.each_stage(|stage| {
                    if stage.hold.take_if(is_judgement).is_some() {
                        stage.begin_anew();
                    }
                });
            }
            Event::AbortRequested { by } => self.abort = Some(by.clone()),
            Event::HookStarted { hook } => {
                self.hooks.insert(hook.clone(), HookState::Started);
            }
            Event::HookFinished { hook, error } => {
                let state = error.clone().map_or(HookState::Done, HookState::Failed);
                self.hooks.insert(hook.clone(), state);
            }
            Event::EraseIntended { side, what, namespaces, .. } => {
                self.begin_erasure(*side, what, namespaces)
            }
            Event::Erased { side, what } => self.end_erasure(*side, what),
            Event::RollbackStarted { cause } => {
                self.cause = Some(cause.clone());
                self.stopped = None;
                self.must_roll_back = None;
                self.abort = None;
                self.each_stage(|stage| {
                    // A purge undoes more than the rollback before it did.
                    let again = cause.is_purge() && stage.status == StageStatus::Undone;
                    if again || matches!(stage.status, StageStatus::UndoFailed(_)) {
                        stage.status = StageStatus::Running;
                    }
                    stage.leave();
                    stage.removed.clear();
                });
                self.rearm_hooks(|moment, _| moment == "rollback");
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

    /// Prepares for another process: a stage that failed or erred is tried again, and the last process's hold is
    /// lifted.
    fn take_up_again(&mut self) {
        if self.phase != Phase::Stopped {
            return;
        }
        self.phase = Phase::Running;
        self.stopped = None;
        self.each_stage(|stage| {
            if matches!(stage.status, StageStatus::Failed(_) | StageStatus::Erred(_)) {
                stage.status = StageStatus::Pending;
            }
        });
    }

    fn begin_erasure(&mut self, side: Side, what: &str, namespaces: &BTreeMap<Namespace, u64>) {
        let known = self.erasing.entry((side, what.to_owned())).or_default();
        for (namespace, records) in namespaces {
            // A second try after one that was cut off finds only what is left.
            let all = known.entry(namespace.clone()).or_default();
            *all = (*all).max(*records);
        }
        self.each_stage(|stage| {
            stage.hold.take_if(|hold| matches!(hold, Hold::Erasure { .. }));
        });
    }

    fn end_erasure(&mut self, side: Side, what: &str) {
        let gone = self.erasing.remove(&(side, what.to_owned())).unwrap_or_default();
        for (namespace, records) in gone {
            self.erased_from.insert((side, namespace.clone()));
            let is_planned = self.stages.iter().flat_map(|stage| stage.shards.values()).any(
                |state| match side {
                    Side::Source => state.shard.source == namespace,
                    Side::Target => state.shard.target == namespace,
                },
            );
            if is_planned {
                *self.erased.entry(side).or_default().entry(namespace).or_default() += records;
            }
        }
    }

    fn target_is(&mut self, identity: Option<&Identity>) {
        if let Some(identity) = identity {
            self.identities.insert(Side::Target, identity.clone());
        }
    }

    /// Lets failed hooks run again at the next occasion: those of the moments and stages that `is_due` names.
    fn rearm_hooks(&mut self, is_due: impl Fn(&str, &str) -> bool) {
        let is_kept = |key: &String, state: &mut HookState| {
            let (place, of) = key.split_once('@').unwrap_or((key, ""));
            let moment = place.split('#').next().unwrap_or_default();
            let stage = of.split('/').next().unwrap_or_default();
            !(matches!(state, HookState::Failed(_)) && is_due(moment, stage))
        };
        self.hooks.retain(is_kept);
    }

    fn update_stage(&mut self, event: &Event, at: Timestamp) {
        self.traffic.update(event, at);
        match event {
            Event::StageStarted { stage, .. } | Event::StageRetried { stage, .. } => {
                self.rearm_hooks(|_, of| of == stage.as_str());
            }
            Event::StageHeld { stage, .. } => {
                self.rearm_hooks(|moment, of| moment == "paused" && of == stage.as_str());
            }
            _ => {}
        }
        match event {
            Event::IndexCreated { identity, .. } | Event::IndexFound { identity, .. } => {
                self.target_is(identity.as_ref());
            }
            Event::StageFailed { stage, reason, rolls_back } => {
                self.rearm_hooks(|moment, of| moment == "failed" && of == stage.as_str());
                self.phase = Phase::Stopped;
                if *rolls_back {
                    let cause = Cause::Failed { stage: stage.clone(), reason: reason.clone() };
                    self.must_roll_back = Some(cause);
                }
            }
            // Shards that are planned anew do not contain what was erased.
            Event::ShardsDropped { source, .. } => {
                if let Some(erased) = self.erased.get_mut(&Side::Source) {
                    erased.retain(|namespace, _| source.as_ref().is_some_and(|of| of != namespace));
                }
            }
            Event::StageErred { stage, reason, trouble } => {
                self.rearm_hooks(|moment, of| moment == "failed" && of == stage.as_str());
                self.phase = Phase::Stopped;
                self.stopped = Some(stopped(stage, reason, trouble));
                if trouble.hook.is_some() {
                    return;
                }
            }
            Event::StageStarted { .. } => self.phase = Phase::Running,
            _ => {}
        }
        let Some(id) = stage_of(event) else { return };
        let Some(stage) = self.stages.iter_mut().find(|stage| &stage.id == id) else { return };
        Arc::make_mut(stage).update(event, at);
    }

    fn each_stage(&mut self, change: impl FnMut(&mut StageState)) {
        self.stages.iter_mut().map(Arc::make_mut).for_each(change);
    }
}

/// Returns the stage an event is about.
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
        | Event::ProtectionIntended { stage, .. }
        | Event::ProtectionRestored { stage, .. }
        | Event::ResourceIntended { stage, .. }
        | Event::ResourceMade { stage, .. }
        | Event::ResourceRemoved { stage, .. }
        | Event::RouteChosen { stage, .. }
        | Event::ShardsDropped { stage, .. }
        | Event::ShardPlanned { stage, .. }
        | Event::CopyPlanned { stage, .. }
        | Event::TargetHeld { stage, .. }
        | Event::CopyingStarted { stage }
        | Event::Checkpointed { stage, .. }
        | Event::ShardCompleted { stage, .. }
        | Event::CopyProven { stage, .. }
        | Event::ContentsRead { stage, .. }
        | Event::WeightIntended { stage, .. }
        | Event::WeightSet { stage, .. }
        | Event::WeightNotSet { stage, .. }
        | Event::WeightAccepted { stage, .. }
        | Event::BakeStarted { stage, .. }
        | Event::Watched { stage, .. }
        | Event::StepPassed { stage, .. }
        | Event::ArtifactWritten { stage, .. }
        | Event::Noted { stage, .. }
        | Event::StepBegun { stage, .. }
        | Event::StepTaken { stage, .. }
        | Event::Observed { stage, .. }
        | Event::StageJudged { stage, .. }
        | Event::StageRetried { stage, .. }
        | Event::UndoTaken { stage, .. }
        | Event::VectorsCompared { stage, .. }
        | Event::Measured { stage, .. }
        | Event::DeletionConfirmed { stage, .. }
        | Event::SourceChecked { stage, .. }
        | Event::SourceDeleteIntended { stage, .. }
        | Event::SourceKept { stage, .. }
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
        .with_hint(super::lines::AS_DAMAGED)
}
