//! Where a run stands.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Artifact, Cause, Gate, Hold, Judged, Route, TrafficState, Trouble, Worked};
use crate::error::{Error, ErrorKind};
use crate::model::{
    Checkpoint, Contents, Identity, Namespace, Resource, Shard, ShardId, Share, Side, StageId,
    Tally,
};

/// The state of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunState {
    pub run: String,
    pub plan: String,
    pub digest: String,
    pub program: String,
    pub rehearsal: bool,
    /// The plan file as it was given.
    pub path: Option<String>,
    pub source: String,
    pub target: String,
    /// What both sides are.
    pub identities: BTreeMap<Side, Identity>,
    /// What the source held when the run first looked; `None` in journals that do not say.
    pub first_counts: Option<BTreeMap<Namespace, u64>>,
    pub phase: Phase,
    pub started: Option<Timestamp>,
    pub last: Option<Timestamp>,
    /// Events folded so far; the next one has this `seq`.
    pub events: u64,
    /// The stages in the order of the plan.
    pub stages: Vec<StageState>,
    /// Deletions of somebody's data that have begun and not ended, by side and command.
    pub erasing: BTreeMap<(Side, String), BTreeMap<Namespace, u64>>,
    /// Records that were deleted from a side after they were planned to be copied, or copied.
    pub erased: BTreeMap<Side, BTreeMap<Namespace, u64>>,
    /// Where the plan asks for an approval; `None` where an older version began the run.
    pub gates: Option<Vec<Gate>>,
    /// What was reviewed of the plan that is run.
    pub reviewed: Option<serde_json::Value>,
    pub approvals: BTreeSet<Gate>,
    pub requested: BTreeSet<Gate>,
    /// The name of whoever paused it.
    pub paused: Option<String>,
    pub abort: Option<String>,
    /// Whether somebody resumed it since it was last held.
    pub is_resumed: bool,
    /// A stage failed in a way that is answered by a rollback, which has not begun yet.
    pub must_roll_back: Option<Cause>,
    /// Hooks by their key, in the order they were first started.
    pub hooks: BTreeMap<String, HookState>,
    /// The error that stopped the run; `None` once it goes on.
    pub stopped: Option<Stopped>,
    pub cause: Option<Cause>,
    pub left_behind: Vec<String>,
    pub traffic: TrafficState,
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

/// An error that stopped a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The stage in which it was met; `None` for a hook of the whole run.
    pub stage: Option<StageId>,
    pub reason: String,
    pub trouble: Trouble,
}

impl Stopped {
    /// Returns the error as far as the journal has it.
    pub fn error(&self) -> Error {
        // A journal of an older version does not say the kind, and that is no bug of this program.
        let kind = self.trouble.kind.unwrap_or(ErrorKind::Io);
        let error = Error::new(kind, self.reason.clone());
        match &self.trouble.hint {
            Some(hint) => error.with_hint(hint.clone()),
            None => error,
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
    /// Whether this stage may have asked for an index without hearing what came of it.
    pub create_intended: bool,
    /// The index this stage created.
    pub created_index: Option<String>,
    /// Sides whose deletion protection this stage changed, and what it was.
    pub protection: BTreeMap<Side, bool>,
    /// Collections and the like that this stage made or was about to make and has not removed, in that order.
    pub resources: Vec<Resource>,
    /// How the records travel, and why that way.
    pub route: Option<(Route, String)>,
    pub shards: BTreeMap<ShardId, ShardState>,
    /// Whether `shards` are all there are.
    pub is_planned: bool,
    /// What namespaces of the source held when all of it was read and compared.
    pub contents: BTreeMap<Namespace, Contents>,
    /// What was copied in which time.
    pub worked: Worked,
    /// The last judgement of each assertion in each step, of the newest attempt.
    pub judgements: Vec<Judged>,
    /// Steps that passed.
    pub steps_passed: BTreeSet<usize>,
    pub bake: Option<BakeState>,
    /// When the last step's weight was set.
    pub weight_set_at: Option<Timestamp>,
    /// The step whose weight somebody else set and somebody accepted, with that weight.
    pub accepted: Option<(usize, Share)>,
    pub notes: Vec<String>,
    pub artifacts: Vec<Artifact>,
    pub figures: BTreeMap<String, f64>,
    /// Whether the deletion of the source may have been asked for.
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
    pub(super) fn new(id: StageId) -> Self {
        Self {
            id,
            status: StageStatus::Pending,
            attempt: 0,
            started: None,
            ended: None,
            hold: None,
            create_intended: false,
            created_index: None,
            protection: BTreeMap::new(),
            resources: Vec::new(),
            route: None,
            shards: BTreeMap::new(),
            is_planned: false,
            contents: BTreeMap::new(),
            worked: Worked::default(),
            judgements: Vec::new(),
            steps_passed: BTreeSet::new(),
            bake: None,
            weight_set_at: None,
            accepted: None,
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

    /// Records a second that were copied, over all processes; `None` where that was not measured.
    pub fn rate(&self) -> Option<f64> {
        // What the provider copies by itself is only counted here.
        let is_moved = self.route.as_ref().is_none_or(|(route, _)| *route != Route::Collection);
        self.worked.rate().filter(|_| is_moved)
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
}

impl RunState {
    pub fn stage(&self, id: &StageId) -> Option<&StageState> {
        self.stages.iter().find(|stage| &stage.id == id)
    }

    /// How the records of a copy stage travel, once it is chosen.
    pub fn route(&self, copy: &StageId) -> Option<(Route, &str)> {
        let at = self.stages.iter().position(|stage| stage.id == *copy)?;
        let own = self.stages[at].route.as_ref();
        // Earlier versions recorded it with the stage that made the target.
        let makes = |stage: &&StageState| stage.shards.is_empty() && stage.route.is_some();
        let of_create = || self.stages[..at].iter().rfind(makes)?.route.as_ref();
        own.or_else(of_create).map(|(route, reason)| (*route, reason.as_str()))
    }

    /// Collections and the like that are not removed yet, each with the stage that made it.
    pub fn resources(&self) -> impl Iterator<Item = (&StageId, &Resource)> {
        self.stages
            .iter()
            .flat_map(|stage| stage.resources.iter().map(move |resource| (&stage.id, resource)))
    }

    /// Records of a namespace that were deleted from `side`, since it was planned, outside of the run's stages.
    pub fn erased_of(&self, side: Side, namespace: &Namespace) -> u64 {
        let of = self.erased.get(&side).and_then(|erased| erased.get(namespace));
        of.copied().unwrap_or(0)
    }

    /// Whether running the plan would continue this run (and not start another).
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Stopped | Phase::RollingBack)
    }

    /// Whether the source was deleted or its deletion begun: nothing before this can be undone.
    pub fn is_past_no_return(&self) -> bool {
        self.stages.iter().any(|stage| stage.delete_intended)
    }

    /// Whether the source was seen to be gone after its deletion.
    pub fn is_source_deleted(&self) -> bool {
        self.stages.iter().any(|stage| stage.deleted)
    }
}
