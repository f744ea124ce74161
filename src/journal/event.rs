//! The events of a run, in the past tense. Fields are only ever added; a change of meaning raises [`FORMAT`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::model::{
    Checkpoint, Contents, Identity, Judgement, MeasuredValue, Namespace, Recorded, Resource,
    ResourceSeen, Samples, Shard, ShardId, Share, Side, StageId, TrafficChange, Verdict,
};

/// The version of the journal's format this program writes, and the newest one it reads.
pub const FORMAT: u32 = 2;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The format's version, [`FORMAT`] when this program wrote it.
    pub v: u32,
    /// The number of the event, from 0 without gaps.
    pub seq: u64,
    pub at: Timestamp,
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happened, or that was durably intended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    RunStarted {
        run: String,
        plan: String,
        digest: String,
        program: String,
        holder: String,
        rehearsal: bool,
        /// The plan file as given on the command line, for the command that `status` prints to go on with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        source: String,
        target: String,
        stages: Vec<StageId>,
        /// Gates at which the plan asks for an approval; `None` in journals that older versions began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gates: Option<Vec<Gate>>,
        /// The reviewed content of the plan, to show later what has changed since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reviewed: Option<serde_json::Value>,
    },
    /// Another process took over the run.
    RunContinued {
        holder: String,
    },
    /// A plan that was changed in mid-run was adopted on purpose.
    PlanAdopted {
        from: String,
        to: String,
        /// The changes, one sentence each.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changes: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gates: Option<Vec<Gate>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reviewed: Option<serde_json::Value>,
    },

    /// Identity of one side when the run first looked at it. Another index of the same name is not mistaken for it.
    IndexSeen {
        side: Side,
        identity: Identity,
        /// Records in the source at that time, by namespace.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        namespaces: BTreeMap<Namespace, u64>,
    },

    StageStarted {
        stage: StageId,
        attempt: u32,
    },
    StagePassed {
        stage: StageId,
    },
    /// An assertion failed. If traffic may have been moved, everything is rolled back.
    StageFailed {
        stage: StageId,
        reason: String,
        rolls_back: bool,
    },
    /// Something could not be done or measured; running again tries again.
    StageErred {
        stage: StageId,
        reason: String,
        #[serde(flatten)]
        trouble: Trouble,
    },
    /// The stage began to wait.
    StageHeld {
        stage: StageId,
        hold: Hold,
    },

    IndexCreateIntended {
        stage: StageId,
        index: String,
    },
    /// The index was created: the service said so, or it carries the tag of this run.
    IndexCreated {
        stage: StageId,
        index: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<Identity>,
    },
    /// The index existed already and is what the plan asks for.
    IndexFound {
        stage: StageId,
        index: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<Identity>,
    },
    /// Deletion protection is about to be changed from what it `was`. It is put back unless the index goes.
    ProtectionIntended {
        stage: StageId,
        side: Side,
        was: bool,
    },
    /// Deletion protection is back as it was found.
    ProtectionRestored {
        stage: StageId,
        side: Side,
    },

    /// A collection, a staging index or the like is about to be made; this run removes it again.
    ResourceIntended {
        stage: StageId,
        resource: Resource,
    },
    ResourceMade {
        stage: StageId,
        resource: Resource,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<ResourceSeen>,
    },
    /// The resource is gone.
    ResourceRemoved {
        stage: StageId,
        resource: Resource,
    },

    /// The route of the records was chosen, once for a run.
    RouteChosen {
        stage: StageId,
        route: Route,
        /// The reason for this route.
        reason: String,
    },
    /// The shards of a namespace, or all of them, became void: they are planned anew.
    ShardsDropped {
        stage: StageId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Namespace>,
    },
    ShardPlanned {
        stage: StageId,
        shard: Shard,
    },
    /// All shards were planned. Without this event the planning was cut off and begins again.
    CopyPlanned {
        stage: StageId,
        shards: u64,
    },
    /// A process began to read records; it was at work from here to its last checkpoint.
    CopyingStarted {
        stage: StageId,
    },
    /// The target acknowledged everything before the cursor.
    Checkpointed {
        stage: StageId,
        #[serde(flatten)]
        shard: ShardId,
        checkpoint: Checkpoint,
    },
    /// The shard was proven complete against the source's own count.
    ShardCompleted {
        stage: StageId,
        #[serde(flatten)]
        shard: ShardId,
    },
    /// What the copy settled was compared with the source.
    CopyProven {
        stage: StageId,
        /// What is missing, one sentence each; nothing, if the copy is complete.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        gaps: Vec<String>,
    },

    /// Every record of a namespace of the source was read and compared with the target.
    ContentsRead {
        stage: StageId,
        source: Namespace,
        /// `None` if an earlier version summed them in another way.
        #[serde(deserialize_with = "Recorded::read")]
        contents: Option<Contents>,
    },

    /// A step of a stage has to be taken more than once, until the world is as it has to be.
    StepBegun {
        stage: StageId,
        step: String,
    },
    /// A step of a stage was taken.
    StepTaken {
        stage: StageId,
        /// The step's name, unique within the stage.
        step: String,
    },
    /// Metrics of one side were measured, to be judged at the end of the stage.
    Observed {
        stage: StageId,
        side: Side,
        /// The values by the names of their metrics.
        values: BTreeMap<String, MeasuredValue>,
    },
    Judged(Judged),
    /// The verdict on a stage was reached; its ending follows from it.
    StageJudged {
        stage: StageId,
        verdict: Verdict,
        /// The deciding assertions, in one line.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// A step failed, and the stage is tried again, as the plan says.
    StageRetried {
        stage: StageId,
        reason: String,
        /// The time to wait for.
        again: Timestamp,
    },

    WeightIntended {
        stage: StageId,
        step: usize,
        weight: Share,
    },
    /// A weight was set; `actual` is `None` if the driver cannot read it back.
    WeightSet {
        stage: StageId,
        step: usize,
        weight: Share,
        actual: Option<Share>,
        /// Fingerprint of everything else that decides who gets what, at that time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        print: Option<String>,
        /// Error of the driver although the weight is set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        despite: Option<String>,
    },
    /// Setting a weight failed, or a different one was read back.
    WeightNotSet {
        stage: StageId,
        step: usize,
        /// The requested weight.
        weight: Share,
        error: String,
        /// Knowledge of the weight after the failure.
        after: Aftermath,
    },
    /// Somebody asked to go on from a weight that the run did not set.
    WeightAcceptAsked {
        by: String,
        weight: Share,
    },
    /// The run goes on from a weight that it did not set.
    WeightAccepted {
        stage: StageId,
        /// The step that is watched anew at this weight; `None` if the first is still to be set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<usize>,
        weight: Share,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        print: Option<String>,
        by: String,
    },
    /// The bake of a step began, or began again with fresh measurements.
    BakeStarted {
        stage: StageId,
        step: usize,
        ends: Timestamp,
    },
    /// A step was watched for a short while.
    Watched {
        stage: StageId,
        step: usize,
        /// The time at which the watch of this attempt at the step began.
        started: Timestamp,
        /// Samples by the beginning of the stretch of time in which they ended.
        parts: Vec<(Timestamp, Samples)>,
        /// Samples of before are no longer of use.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forget_before: Option<Timestamp>,
        /// The readings of the step's assertions since the watch began.
        readings: serde_json::Value,
        /// True if the traffic could not be read.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_blind: bool,
    },
    StepPassed {
        stage: StageId,
        step: usize,
    },

    ApprovalRequested {
        gate: Gate,
    },
    Approved {
        gate: Gate,
        by: String,
    },
    Paused {
        by: String,
    },
    Resumed {
        by: String,
    },
    AbortRequested {
        by: String,
    },

    HookStarted {
        hook: String,
    },
    HookFinished {
        hook: String,
        error: Option<String>,
    },

    ArtifactWritten {
        stage: StageId,
        artifact: Artifact,
    },
    /// A sentence was noted for the report.
    Noted {
        stage: StageId,
        text: String,
    },
    /// Figures of a stage were measured, for the report and for machines.
    Measured {
        stage: StageId,
        figures: BTreeMap<String, f64>,
    },

    /// Somebody confirmed that this index, with these records, may be deleted.
    DeletionConfirmed {
        stage: StageId,
        index: String,
        host: String,
        records: u64,
        /// True if it was confirmed although the traffic driver cannot read the weight.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        traffic_unknown: bool,
        by: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<Identity>,
    },
    /// The source was found to hold what was copied and nothing else, and these are its own counts.
    SourceChecked {
        stage: StageId,
        namespaces: BTreeMap<Namespace, u64>,
        total: u64,
    },
    SourceDeleteIntended {
        stage: StageId,
        index: String,
    },
    /// The index was not deleted: the service refused, or the process ended before it asked. The intent is void.
    SourceKept {
        stage: StageId,
        index: String,
        reason: String,
    },
    SourceDeleted {
        stage: StageId,
        index: String,
    },

    /// Somebody's data is about to be deleted from one side, outside any stage; the run stands still meanwhile.
    EraseIntended {
        side: Side,
        /// The deletion, as given on the command line.
        what: String,
        by: String,
        /// Records to delete, by namespace.
        namespaces: BTreeMap<Namespace, u64>,
    },
    /// The data was deleted: the index shows none of it.
    Erased {
        side: Side,
        what: String,
    },

    RollbackStarted {
        cause: Cause,
    },
    /// A stage was undone, except for what was kept on purpose.
    StageUndone {
        stage: StageId,
        what: String,
    },
    /// The undoing of a stage came to its end or to an error; its rollback hooks come next.
    UndoTaken {
        stage: StageId,
        /// What was undone and what was kept on purpose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        what: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    UndoFailed {
        stage: StageId,
        reason: String,
    },
    /// A rollback ended; `left_behind` is empty unless it is stuck.
    RollbackFinished {
        left_behind: Vec<String>,
    },
    RunFinished,
}

/// Details of an error beside its text. Each part is missing from journals of older versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known_kind")]
    pub kind: Option<ErrorKind>,
    /// Advice on what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The hook of the whole run that failed; the stage that comes next has nothing to do with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
}

impl Trouble {
    /// Describes `error`, which occurred in a stage.
    pub fn of(error: &Error) -> Self {
        Self { kind: Some(error.kind()), hint: error.hint().map(str::to_owned), hook: None }
    }
}

/// Reads a kind; one that a newer version may have added becomes `None`.
fn known_kind<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<ErrorKind>, D::Error> {
    let name = Option::<String>::deserialize(from)?;
    Ok(name.and_then(|name| serde_json::from_value(name.into()).ok()))
}

/// One judged assertion of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    pub stage: StageId,
    /// The canary step, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// Attempt of the stage, from 1.
    pub attempt: u32,
    pub judgement: Judgement,
}

/// The route on which the records of a copy travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Enumerated, fetched, changed and upserted.
    Stream,
    /// A stream whose ids are listed by a staging index made from a collection of the source.
    Staging,
    /// Copied within the provider: the target is made from a collection of the source.
    Collection,
    /// Written as Parquet files, which the target imports.
    Import,
}

impl Route {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Staging => "collection, staging index, stream",
            Self::Collection => "collection",
            Self::Import => "import",
        }
    }
}

/// Knowledge of a weight after setting it failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
pub enum Aftermath {
    /// The weight was read and is this.
    Read {
        weight: Share,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        print: Option<String>,
    },
    /// The driver changed nothing.
    Unchanged,
    /// The weight could not be read.
    Unknown,
}

/// Reason why a run waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Hold {
    /// A person has to approve.
    Approval { gate: Gate },
    /// A bake or retention has not passed.
    Time { until: Timestamp },
    /// Somebody paused it.
    Paused { by: String },
    /// A canary step could not be judged.
    Judgement { verdict: crate::model::Verdict, reason: String },
    /// The command line stops the run before this stage.
    Until,
    /// Somebody's data is being deleted from one side.
    Erasure { side: Side, index: String, what: String },
    /// The deletion of the source has to be confirmed on the command line.
    Confirmation {
        index: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        records: Option<u64>,
        /// True if the traffic driver cannot read the weight, which the confirmation has to acknowledge.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        traffic_unknown: bool,
    },
    /// The traffic is not where the run left it.
    Traffic { change: TrafficChange },
}

/// The place in a plan that an approval is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gate {
    pub stage: StageId,
    /// The canary step, from 0; `None` for the stage itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
}

impl std::fmt::Display for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.step {
            Some(step) => write!(f, "{} step {}", self.stage, step + 1),
            None => self.stage.fmt(f),
        }
    }
}

/// Reason why a rollback began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Cause {
    Failed { stage: StageId, reason: String },
    Asked { by: String, purge: bool },
    Aborted { by: String },
}

impl Cause {
    /// Returns whether the copied records are deleted too.
    pub fn is_purge(&self) -> bool {
        matches!(self, Self::Asked { purge: true, .. })
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed { stage, reason } => write!(f, "{stage} failed: {reason}"),
            Self::Asked { by, .. } => write!(f, "requested by {by}"),
            Self::Aborted { by } => write!(f, "aborted by {by}"),
        }
    }
}

/// A file the run left for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    pub name: String,
    /// Path, relative to the run's folder unless absolute.
    pub path: String,
    /// Number of rows or records in it.
    pub records: u64,
}
