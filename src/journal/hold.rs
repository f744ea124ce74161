//! Why a run waits, and why it goes back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Side, StageId, TrafficChange, Verdict};
use crate::text::named;

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
    Judgement { verdict: Verdict, reason: String },
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
            Some(step) => {
                write!(f, "{} step {}", named(self.stage.as_str()), step.saturating_add(1))
            }
            None => f.write_str(&named(self.stage.as_str())),
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
            Self::Asked { by, .. } => write!(f, "requested by {}", named(by)),
            Self::Aborted { by } => write!(f, "aborted by {}", named(by)),
        }
    }
}
