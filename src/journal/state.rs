//! State of a run, as its journal's events add up to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use super::{Artifact, Cause, Gate, Hold, Judged, Route, TrafficState, Trouble, Worked};
use crate::error::{Error, ErrorKind};
use crate::model::{
    Checkpoint, Contents, FieldCompared, Identity, IndexStats, MeasuredValue, Namespace, Resource,
    ResourceSeen, Samples, Shard, ShardId, Share, Side, StageId, Tally, Verdict,
};

/// The state of a run. Cloning it is cheap: what grows with the plan or the index is shared until it changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunState {
    pub run: String,
    pub plan: String,
    pub digest: String,
    pub program: String,
    pub rehearsal: bool,
    /// The plan file as given on the command line.
    pub path: Option<String>,
    pub source: String,
    pub target: String,
    /// Identities of both sides.
    pub identities: BTreeMap<Side, Identity>,
    /// Records in the source when the run first looked; `None` in journals that do not have it.
    pub first_counts: Option<Arc<BTreeMap<Namespace, u64>>>,
    pub phase: Phase,
    pub started: Option<Timestamp>,
    pub last: Option<Timestamp>,
    /// Number of events folded so far, which is the `seq` of the next one.
    pub events: u64,
    /// The stages in the order of the plan.
    pub stages: Vec<Arc<StageState>>,
    /// Deletions of somebody's data that have begun and not ended, by side and command.
    pub erasing: BTreeMap<(Side, String), BTreeMap<Namespace, u64>>,
    /// Number of records that were deleted from a side after they were planned to be copied, or copied.
    pub erased: BTreeMap<Side, BTreeMap<Namespace, u64>>,
    /// Namespaces from which something was deleted in that way, at any time in the run.
    pub erased_from: BTreeSet<(Side, Namespace)>,
    /// Gates at which the plan asks for an approval; `None` if an older version began the run.
    pub gates: Option<Vec<Gate>>,
    /// The reviewed content of the plan that is run.
    pub reviewed: Option<Arc<serde_json::Value>>,
    pub approvals: BTreeSet<Gate>,
    pub requested: BTreeSet<Gate>,
    /// Name of whoever paused the run.
    pub paused: Option<String>,
    pub abort: Option<String>,
    /// The names of the letters that were taken up.
    pub answered: BTreeSet<String>,
    /// Cause of a rollback that has yet to begin: a stage failed in a way that calls for one.
    pub must_roll_back: Option<Cause>,
    /// Hooks by their key, in the order they were first started.
    pub hooks: BTreeMap<String, HookState>,
    /// The error that stopped the run; `None` once it goes on.
    pub stopped: Option<Stopped>,
    pub cause: Option<Cause>,
    pub left_behind: Vec<String>,
    pub traffic: TrafficState,
}

/// Phase of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// No event yet.
    #[default]
    Empty,
    Running,
    /// A stage failed or erred; the next run tries it again.
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
    /// The stage in which it occurred; `None` for a hook of the whole run.
    pub stage: Option<StageId>,
    pub reason: String,
    pub trouble: Trouble,
}

impl Stopped {
    /// Returns the error as far as the journal has it.
    pub fn error(&self) -> Error {
        // A journal of an older version does not record the kind, which is no bug in this program.
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

/// The shards of a copy by their ids. A copy of it shares them.
pub type Shards = RedBlackTreeMapSync<ShardId, ShardState>;

/// State of one stage.
#[derive(Clone, Debug, PartialEq)]
pub struct StageState {
    pub id: StageId,
    pub status: StageStatus,
    pub attempt: u32,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub hold: Option<Hold>,
    /// True if the process that holds the run has started this stage.
    pub is_begun: bool,
    /// Names of the steps that were taken since the stage was last started.
    pub steps_taken: BTreeSet<String>,
    /// When steps that have to be taken more than once were first taken since then.
    pub steps_begun: BTreeMap<String, Timestamp>,
    /// True if the index was there already when the stage last looked.
    pub is_found: bool,
    /// What was measured of each side since then, by the names of metrics.
    pub observed: BTreeMap<Side, BTreeMap<String, MeasuredValue>>,
    /// The verdict that ends the stage, with the reason.
    pub verdict: Option<(Verdict, String)>,
    /// Number of retries since the stage was last started.
    pub retries: u32,
    /// The time to wait for before the stage is tried again.
    pub not_before: Option<Timestamp>,
    /// The time since which the stage has worked without waiting.
    pub at_work_since: Option<Timestamp>,
    /// What came of undoing the stage: what was undone, or the error.
    pub undo: Option<Result<String, String>>,
    /// Resources that were removed since the rollback began.
    pub removed: Vec<Resource>,
    /// True if this stage may have asked for an index without learning the outcome.
    pub create_intended: bool,
    /// The index this stage created.
    pub created_index: Option<String>,
    /// Sides whose deletion protection this stage changed, each with the previous setting.
    pub protection: BTreeMap<Side, bool>,
    /// Collections and the like that this stage made or was about to make and has not removed, in that order.
    pub resources: Vec<Resource>,
    /// What was seen of them when they were made.
    pub made: BTreeMap<Resource, ResourceSeen>,
    /// Route of the records, and the reason for it.
    pub route: Option<(Route, String)>,
    pub shards: Shards,
    /// The shards that have not come to their end.
    pub open: RedBlackTreeSetSync<ShardId>,
    /// True once `shards` is complete.
    pub is_planned: bool,
    /// Namespaces of the target that held records before this copy wrote its first; `None` if nobody knows.
    pub held_before: Option<Arc<BTreeSet<Namespace>>>,
    /// What is missing of the copy, as it was last compared with the source since the stage was started: nothing, if it is
    /// complete.
    pub gaps: Option<Vec<String>>,
    /// Contents of the source's namespaces when all of it was read and compared.
    pub contents: BTreeMap<Namespace, Contents>,
    /// Records copied and the time it took.
    pub worked: Worked,
    /// The last judgement of each assertion in each step, of the newest attempt.
    pub judgements: Vec<Judged>,
    /// Steps that passed.
    pub steps_passed: BTreeSet<usize>,
    pub bake: Option<BakeState>,
    /// What was measured since the watch of a step began.
    pub watch: Option<WatchState>,
    /// The step that passed last.
    pub last_passed: Option<usize>,
    /// Time at which the last step's weight was set.
    pub weight_set_at: Option<Timestamp>,
    /// The step whose weight somebody else set and somebody accepted, and that weight.
    pub accepted: Option<(usize, Share)>,
    pub notes: Vec<String>,
    pub artifacts: Vec<Artifact>,
    pub figures: BTreeMap<String, f64>,
    /// What the last comparison of records with several vectors came to, by vector.
    pub compared: Vec<FieldCompared>,
    /// The deletion that somebody confirmed since the stage was last started.
    pub confirmed: Option<Confirmation>,
    /// The source's own counts when it was last found to be what was copied.
    pub checked: Option<IndexStats>,
    /// True if the deletion of the source may have been requested.
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

/// A confirmed deletion: this index with this many records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    pub identity: Identity,
    pub records: u64,
    /// True if it was confirmed knowing that the weight cannot be read.
    pub traffic_unknown: bool,
}

/// A bake in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BakeState {
    pub step: usize,
    pub started: Timestamp,
    pub ends: Timestamp,
}

/// The most parts of a watch that are kept apart; older ones are added up.
const MOST_PARTS: usize = 4_000;

/// A watch of a step in progress.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchState {
    pub step: usize,
    pub started: Timestamp,
    /// Samples, oldest first, by the beginning of the stretch of time in which they ended.
    pub parts: VecDeque<(Timestamp, Samples)>,
    /// The readings of the step's assertions.
    pub readings: serde_json::Value,
    /// The number of failed reads of the traffic in a row.
    pub blind: u32,
}

impl WatchState {
    /// Begins to watch a step.
    pub fn begin(step: usize, started: Timestamp) -> Self {
        let readings = serde_json::Value::Null;
        Self { step, started, parts: VecDeque::new(), readings, blind: 0 }
    }

    pub(super) fn add(&mut self, parts: &[(Timestamp, Samples)], forget_before: Option<Timestamp>) {
        self.parts.extend(parts.iter().cloned());
        let is_old =
            |(at, _): &(Timestamp, Samples)| forget_before.is_some_and(|limit| *at < limit);
        while self.parts.front().is_some_and(is_old) {
            self.parts.pop_front();
        }
        while self.parts.len() > MOST_PARTS
            && let Some((_, oldest)) = self.parts.pop_front()
        {
            if let Some((_, next)) = self.parts.front_mut() {
                next.add(&oldest);
            }
        }
    }
}

/// State of one shard of a copy.
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
            is_begun: false,
            steps_taken: BTreeSet::new(),
            steps_begun: BTreeMap::new(),
            is_found: false,
            observed: BTreeMap::new(),
            verdict: None,
            retries: 0,
            not_before: None,
            at_work_since: None,
            undo: None,
            removed: Vec::new(),
            create_intended: false,
            created_index: None,
            protection: BTreeMap::new(),
            resources: Vec::new(),
            made: BTreeMap::new(),
            route: None,
            shards: Shards::default(),
            open: RedBlackTreeSetSync::default(),
            is_planned: false,
            held_before: None,
            gaps: None,
            contents: BTreeMap::new(),
            worked: Worked::default(),
            judgements: Vec::new(),
            steps_passed: BTreeSet::new(),
            bake: None,
            watch: None,
            last_passed: None,
            weight_set_at: None,
            accepted: None,
            notes: Vec::new(),
            artifacts: Vec::new(),
            figures: BTreeMap::new(),
            compared: Vec::new(),
            confirmed: None,
            checked: None,
            delete_intended: false,
            deleted: false,
            undone: None,
        }
    }

    pub fn has_started(&self) -> bool {
        self.attempt > 0
    }

    /// Returns the records copied per second, over all processes; `None` if that was not measured.
    pub fn rate(&self) -> Option<f64> {
        // Records that the provider copies by itself are only counted here.
        let is_moved = self.route.as_ref().is_none_or(|(route, _)| *route != Route::Collection);
        self.worked.rate().filter(|_| is_moved)
    }

    /// Adds up the counts of all shards.
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
        self.stages.iter().map(|stage| &**stage).find(|stage| &stage.id == id)
    }

    /// Returns the route of a copy stage's records with its reason, once it is chosen.
    pub fn route(&self, copy: &StageId) -> Option<(Route, &str)> {
        let at = self.stages.iter().position(|stage| stage.id == *copy)?;
        let own = self.stages[at].route.as_ref();
        // Earlier versions recorded it with the stage that made the target.
        let makes = |stage: &&Arc<StageState>| stage.shards.is_empty() && stage.route.is_some();
        let of_create = || self.stages[..at].iter().rfind(makes)?.route.as_ref();
        own.or_else(of_create).map(|(route, reason)| (*route, reason.as_str()))
    }

    /// Returns collections and the like that are not removed yet, each with the stage that made it.
    pub fn resources(&self) -> impl Iterator<Item = (&StageId, &Resource)> {
        self.stages
            .iter()
            .flat_map(|stage| stage.resources.iter().map(move |resource| (&stage.id, resource)))
    }

    /// Returns what was seen of a resource when it was made.
    pub fn made(&self, resource: &Resource) -> Option<&ResourceSeen> {
        self.stages.iter().find_map(|stage| stage.made.get(resource))
    }

    /// Returns the number of records of a namespace that were deleted from `side`, since it was planned, outside the
    /// run's stages.
    pub fn erased_of(&self, side: Side, namespace: &Namespace) -> u64 {
        let of = self.erased.get(&side).and_then(|erased| erased.get(namespace));
        of.copied().unwrap_or(0)
    }

    /// Returns whether running the plan would continue this run instead of starting another.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Stopped | Phase::RollingBack)
    }

    /// Returns whether the source was deleted or its deletion begun: nothing before this can be undone.
    pub fn is_past_no_return(&self) -> bool {
        self.stages.iter().any(|stage| stage.delete_intended)
    }

    /// Returns whether the source was seen to be gone after its deletion.
    pub fn is_source_deleted(&self) -> bool {
        self.stages.iter().any(|stage| stage.deleted)
    }
}
