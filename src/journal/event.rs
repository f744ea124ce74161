//! The events of a run, in the past tense. Fields are only ever added; a change of meaning raises [`FORMAT`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answers::Answers;
use super::detail::{Aftermath, Artifact, Judged, Route};
use super::hold::{Cause, Gate, Hold};
use super::trouble::Trouble;
use crate::model::{
    Checkpoint, Contents, FieldCompared, Identity, MeasuredValue, Namespace, Recorded, Resource,
    ResourceSeen, Samples, Shard, ShardId, Share, Side, StageId, Verdict,
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
    /// The request from elsewhere that the event answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
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
    /// What the target held in the namespaces of a copy before the first record was written. Without this event, in journals
    /// of older versions, nobody knows which records there are the target's own.
    TargetHeld {
        stage: StageId,
        /// Records by namespace of the target, of those that held any.
        namespaces: BTreeMap<Namespace, u64>,
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

    /// A request from elsewhere does not fit the run, and nothing follows from it.
    RequestRefused {
        /// The request in words: `approve canary step 3, asked by ada`.
        what: String,
        reason: String,
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
    /// Records with several vectors were compared, each vector by what both sides keep of it.
    VectorsCompared {
        stage: StageId,
        fields: Vec<FieldCompared>,
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

impl Event {
    /// Returns whether the next process does no more than the same again if the last of these events are lost: they say what
    /// was found, reckoned or begun, and none of them what was intended, seen before a change, decided by somebody or ended.
    pub fn may_wait(&self) -> bool {
        matches!(
            self,
            Self::RunContinued { .. }
                | Self::StageStarted { .. }
                | Self::StepBegun { .. }
                | Self::StepTaken { .. }
                | Self::RouteChosen { .. }
                | Self::ShardsDropped { .. }
                | Self::ShardPlanned { .. }
                | Self::CopyPlanned { .. }
                | Self::CopyingStarted { .. }
                | Self::Checkpointed { .. }
                | Self::ShardCompleted { .. }
                | Self::CopyProven { .. }
                | Self::ContentsRead { .. }
                | Self::VectorsCompared { .. }
                | Self::ArtifactWritten { .. }
                | Self::Noted { .. }
                | Self::Measured { .. }
                | Self::Observed { .. }
                | Self::StageJudged { .. }
                | Self::WeightSet { .. }
                | Self::BakeStarted { .. }
                | Self::Watched { .. }
                | Self::Judged { .. }
        )
    }
}
