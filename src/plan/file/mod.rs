//! The types of a plan file. Their doc comments are the plan reference (`docs/plan.md`) and the descriptions of the
//! JSON Schema.

mod canary;
mod columns;
mod copy;
mod endpoint;
mod hook;
mod rehearsal;
mod stage;
mod verify;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use canary::{Canary, KeepWarm, ProbeLoad, Step, StepApproval};
pub use columns::{
    Columns, ConstantNamespace, Ignored, MetadataFrom, NamespaceFrom, OTHERS, Others, VectorColumn,
    VectorFrom,
};
pub use copy::{
    AsBytes, AsLists, AsNested, AsNulls, AsNumbers, AsTimes, Cast, Copy, EnumerateBy, Existing,
    Ids, Import, Lookup, Manifest, ManifestEnumeration, MetadataChanges, NamedEnumeration,
    Namespaces, Scores, Strategy, VectorChanges,
};
pub use endpoint::{Endpoint, Provider, Secret};
pub use hook::{Hook, HookFailure, HookWhen, HttpCall, HttpMethodUrl};
pub use rehearsal::{
    Faults, LatencyRange, Rehearsal, RehearsalKind, RehearsalMetadata, RehearsalSource,
    ResourceFault,
};
pub use stage::{
    AssertionEntry, Audit, COMMON_KEYS, Create, CreateSpec, Decommission, LongAssertion,
    Protection, RunCommand, ServicePlan, Snapshot, Stage, StageCommon, StageKind, StageRetry, Sync,
};
pub use verify::{Compare, Queries, Tolerance, Verify};

use crate::model::Money;
use crate::model::Share;

/// A migration plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// The version of the plan language; always `1`.
    pub version: u32,
    /// The plan's name: lower-case letters, digits and `-`. The journal is kept under it.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// The purpose of the migration; shown in reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Another plan file that this one is laid over; one level, a local path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// Variables for templates, with their defaults; set with `--var` or `--var-file`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, Variable>,
    /// Environment variables that templates may read as `env.NAME`. Never for secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The index to move from. It is only read until `decommission`.
    pub source: Endpoint,
    /// The index to move to.
    pub target: Endpoint,
    /// The application's handling of writes during the migration.
    #[serde(default)]
    pub writes: Writes,
    /// The traffic driver; needed by a `canary` stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// The stages, in the order they run.
    #[schemars(length(min = 1))]
    pub stages: Vec<Stage>,
    /// Commands or requests at certain moments of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<Hook>,
    /// Places to notify of events. Not yet: ignored in this version, with a warning.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<Notify>,
    /// Named probes that assertions can use. Not yet: ignored in this version, with a warning.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub probes: BTreeMap<String, Probe>,
    /// Prices that replace those of the built-in, dated table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
    /// The world `vecshift rehearse` builds; never read by `run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
}

/// A template variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// The value if none is given; without it `--var` must give one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<VariableValue>,
    /// The purpose of the variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A string, number or boolean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum VariableValue {
    Bool(bool),
    Number(f64),
    String(String),
}

/// The application's handling of writes during the migration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Writes {
    /// There are none: the application holds them back.
    #[default]
    Paused,
    /// The application writes to both indexes. Not yet: refused in this version.
    Dual,
    /// They are captured and replayed. Not yet: refused in this version.
    Captured,
}

/// The way traffic is moved: exactly one driver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(clippy::large_enum_variant, reason = "a plan has one of them")]
pub enum Traffic {
    /// A flagd flag definition file with fractional targeting.
    Flagd(Flagd),
    /// One variable of an env file; weights 0% and 100% only.
    EnvFile(EnvFile),
    /// One request sets the weight, another reads it back.
    Webhook(Webhook),
    /// One command sets the weight, another reads it back.
    Exec(ExecDriver),
    /// A name in the store by which the application asks, pointed at one index or the other; weights 0% and 100% only.
    Alias(AliasName),
    /// vecshift's own proxy. Not yet: refused in this version.
    Gateway(serde_json::Map<String, serde_json::Value>),
}

/// A flag in a flagd definition file; the file is written atomically and read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flagd {
    /// The flag definition file (JSON); created if it is missing.
    pub file: String,
    /// The flag's key.
    pub flag: String,
    /// The attribute of the evaluation context that decides the bucket; users without it stay with the source until
    /// the weight is 100%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_by: Option<String>,
}

/// A variable in an env file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvFile {
    /// The file, with lines `NAME=value`.
    pub file: String,
    /// The variable.
    pub variable: String,
    /// Its value at weight 0%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_value: Option<String>,
    /// Its value at weight 100%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_value: Option<String>,
}

/// Requests that set and read the weight. Templates know `weight` (0 to 100), `plan` and `salt`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Sets the weight.
    pub set: HttpCall,
    /// Reads it back; without it the report says "requested", not "actual".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<HttpCall>,
    /// JSON pointer to the weight (0 to 100) in the answer of `read`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Traffic {
    /// Returns whether the weight can be read back.
    pub fn can_read(&self) -> bool {
        match self {
            Self::Webhook(webhook) => webhook.read.is_some(),
            Self::Exec(exec) => exec.read.is_some(),
            Self::Flagd(_) | Self::EnvFile(_) | Self::Alias(_) | Self::Gateway(_) => true,
        }
    }
}

/// A name that stands for one index at a time, where both indexes are in one place that keeps such names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AliasName {
    /// The name. For PostgreSQL a view, as `schema.view`, that is nothing but columns of the source; it is there before
    /// the run, and both tables have its columns.
    #[schemars(length(min = 1))]
    pub name: String,
}

/// Commands that set and read the weight, without a shell; they see `VECSHIFT_WEIGHT` (0 to 100).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecDriver {
    /// Sets the weight.
    pub set: Vec<String>,
    /// Prints the weight (0 to 100); without it the report says "requested", not "actual".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Vec<String>>,
    /// The longest either may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<crate::model::Span>,
}

/// A place to notify of events. Not yet: ignored in this version, with a warning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// A Slack incoming webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<Secret>,
    /// A PagerDuty routing key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagerduty: Option<Secret>,
    /// The events to send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<NotifyEvent>,
}

/// An event to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotifyEvent {
    Started,
    Paused,
    Failed,
    RolledBack,
    Stuck,
    Done,
}

/// A number from outside, for assertions: exactly one of the three.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Probe {
    /// A command that prints a number.
    Exec(Vec<String>),
    /// A request whose answer is a number.
    Http(String),
    /// A PromQL query.
    Prometheus(PrometheusQuery),
}

/// A PromQL query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrometheusQuery {
    /// The server's address.
    pub url: String,
    /// The query; its answer must be one number.
    pub query: String,
}

/// Prices for the estimate, in US dollars.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The source's cost per month, from your bill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_monthly: Option<Money>,
    /// The price of one pod of size x1 per month, if `source_monthly` is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_monthly: Option<Money>,
    /// The price of one GB of storage per month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_gb_month: Option<Money>,
    /// The price per GB of bulk import. There is no built-in one: without it the cost of an import is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_gb: Option<Money>,
    /// The price of a million write units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub million_write_units: Option<Money>,
    /// The price of a million read units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub million_read_units: Option<Money>,
    /// The price per GB that leaves the service, beyond what the service's plan includes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_gb: Option<Money>,
    /// The least that the target costs per month. Default: none, because the service's own minimum applies to the
    /// whole organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_minimum: Option<Money>,
    /// The origin of the prices given here, for the report: `contract of 2026-09`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The number of queries per month, for the cost of reading the target; default: what the audit's `query_log`
    /// shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries_per_month: Option<u64>,
    /// A discount on the target's prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Share>,
}
