//! The canary stage, which moves traffic in steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Rate, Share, Span};

/// Moves traffic in steps and judges all the while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Canary {
    /// The load of queries that is measured.
    #[serde(default)]
    pub probe: ProbeLoad,
    /// Not yet: ignored in this version, with a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_warm: Option<KeepWarm>,
    /// The weights, rising.
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
}

/// An open-loop load of queries made from records of the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeLoad {
    /// Queries a second on each side; default `20/s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The number of different queries; default 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries: Option<u64>,
    /// The vector that is looked for, by its name in the source; default: the first that both sides have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub using: Option<String>,
    /// The number of answers each query asks for; default 10.
    #[serde(default, rename = "top_k", skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Queries that keep namespaces warm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepWarm {
    /// The namespaces, for example `hottest 10`.
    pub namespaces: String,
    /// The time between two queries.
    pub every: Span,
}

/// One weight and how long it is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The share of traffic that goes to the target.
    pub weight: Share,
    /// The time it is watched before the next step.
    pub bake: Span,
    /// `manual`: waits for `vecshift approve` before this step is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<StepApproval>,
}

/// The way a step is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepApproval {
    /// Approved by `vecshift approve`.
    Manual,
    /// Needs no approval.
    Automatic,
}
