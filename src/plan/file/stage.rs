//! The stages and what is common to them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::endpoint::own_fields;
use super::{Canary, Copy, Hook, Verify};
use crate::error::Result;
use crate::model::{Metric, Side, Span, StageId};
use crate::plan::assertion::{NoData, Severity};

/// One stage. The other keys depend on its `kind`.
#[allow(clippy::large_enum_variant, reason = "a plan has a handful of stages")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StageKind {
    /// Looks at the source and the target and changes nothing.
    Audit(Audit),
    /// Makes sure the target index exists and can be used.
    Create(Create),
    /// Copies every record.
    Copy(Copy),
    /// Compares both sides.
    Verify(Verify),
    /// Moves traffic in steps and judges each.
    Canary(Canary),
    /// Takes a snapshot of the source and deletes it.
    Decommission(Decommission),
    /// Writes every record of one side to files, and reads them back.
    Snapshot(Snapshot),
    /// Copies again what changed since the copy. Not yet: refused in this version.
    Sync(Sync),
    /// Runs a command as a stage. Not yet: refused in this version.
    Run(RunCommand),
}

impl StageKind {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Audit(_) => "audit",
            Self::Create(_) => "create",
            Self::Copy(_) => "copy",
            Self::Verify(_) => "verify",
            Self::Canary(_) => "canary",
            Self::Decommission(_) => "decommission",
            Self::Snapshot(_) => "snapshot",
            Self::Sync(_) => "sync",
            Self::Run(_) => "run",
        }
    }
}

/// A stage: the keys every kind has, and those of its kind.
///
/// In the file they stand side by side; reading splits them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stage {
    pub common: StageCommon,
    pub kind: StageKind,
}

impl Stage {
    /// The stage's name: the given one, else its kind.
    pub fn id(&self) -> StageId {
        StageId::new(self.common.id.as_deref().unwrap_or(self.kind.name()))
    }
}

/// Keys that every stage has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageCommon {
    /// The stage's name in reports and on the command line; default: its kind. Two of one kind need ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Assertions that must hold for the stage to pass.
    #[serde(default, rename = "assert", skip_serializing_if = "Vec::is_empty")]
    pub assertions: Vec<AssertionEntry>,
    /// Hooks that run when this stage is undone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rollback: Vec<Hook>,
    /// The longest the stage may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Retries of the whole stage after an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<StageRetry>,
    /// Makes the stage wait for `vecshift approve` before it starts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_approval: bool,
}

/// Retries of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageRetry {
    /// The number of tries after the first.
    pub times: u32,
    /// The wait before each retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Span>,
}

/// An assertion: its text, or the long form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AssertionEntry {
    /// `metric op value [over duration]`
    Text(String),
    Long(LongAssertion),
}

/// The long form of an assertion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LongAssertion {
    /// The assertion's text: `metric op value [over duration]`.
    pub check: String,
    /// The assertion's name in reports; default: the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The effect of a failure on the run.
    #[serde(default)]
    pub severity: Severity,
    /// The number of samples a measurement needs to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_samples: Option<u64>,
    /// The time at the start that is not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<Span>,
    /// Failing measurements that are tolerated: with 2 the third fails.
    #[serde(default)]
    pub tolerate_failures: u32,
    /// Measurements that could not be taken and are tolerated.
    #[serde(default)]
    pub tolerate_errors: u32,
    /// Consecutive passing measurements that are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_after: Option<u32>,
    /// The outcome if there are no samples at the end.
    #[serde(default)]
    pub no_data: NoData,
    /// Time between two measurements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
}

/// Looks at both sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Audit {
    /// The number of records read for schema, sizes and ids; default 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<u64>,
    /// A Parquet file to write the sample to, under the run's artifacts unless absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<String>,
    /// Queries that the application sent, for the hottest namespaces and the cost of reading: CSV or JSON lines with
    /// `namespace` and, where known, `timestamp` (RFC 3339, or seconds since 1970) and `latency` (`12ms`, or a number
    /// of milliseconds). The file name may be a glob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_log: Option<String>,
    /// The service plan of the project, whose limits are checked; default: those of all plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_plan: Option<ServicePlan>,
}

/// A plan of the service; limits differ between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServicePlan {
    Starter,
    Builder,
    Standard,
    Enterprise,
}

impl ServicePlan {
    pub fn name(self) -> &'static str {
        match self {
            Self::Starter => "starter",
            Self::Builder => "builder",
            Self::Standard => "standard",
            Self::Enterprise => "enterprise",
        }
    }
}

/// Makes the target index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Create {
    /// The properties that the index must have.
    pub spec: CreateSpec,
}

/// The properties that an index must have: those of its system, with dimension and metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreateSpec {
    /// The number of components of a vector, 1 to 20,000; left out for a sparse index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20000))]
    pub dimension: Option<u32>,
    /// The measure of similarity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// Dense (default) or sparse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_type: Option<crate::model::VectorType>,
    /// The protection of the index against deletion. If left out, a new index has none and an existing one keeps what
    /// it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<Protection>,
    /// Tags of the index, at most 20.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The keys of its system.
    #[serde(flatten)]
    #[schemars(skip)]
    pub own: Map<String, Value>,
}

impl CreateSpec {
    /// Returns the keys of its system as the type that the system reads them into.
    ///
    /// # Errors
    /// `Invalid` if they do not fit, which the check of a plan rules out.
    pub fn fields<T: DeserializeOwned>(&self) -> Result<T> {
        own_fields(&self.own, "the create stage's `spec`")
    }
}

/// The protection of an index against deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    Enabled,
    Disabled,
}

/// Retires the source: the point of no return.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decommission {
    /// The time the source is kept after traffic reached 100 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// The place that the source is written to before it is deleted: `file:` and a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// The source index's name, repeated on the command line as `--confirm NAME`.
    pub confirm: String,
    /// Allows lifting the deletion protection of the source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lift_protection: bool,
}

/// Takes a snapshot of the source or the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// The side whose records are written; default `source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Side>,
    /// The place it is written to: `file:` and a folder. Each snapshot has a folder of its own in it.
    pub to: String,
}

impl Snapshot {
    /// Returns the side whose records are written.
    pub fn side(&self) -> Side {
        self.of.unwrap_or(Side::Source)
    }
}

/// Copies again what changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sync {
    /// The metadata field that says when a record changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_field: Option<String>,
}

/// A command or request as a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunCommand {
    /// The command and its arguments; no shell.
    pub run: Vec<String>,
}

/// The keys of [`StageCommon`].
pub const COMMON_KEYS: [&str; 6] =
    ["id", "assert", "rollback", "timeout", "retry", "needs_approval"];

impl<'de> Deserialize<'de> for Stage {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        use serde::de::Error;

        let all = Map::<String, Value>::deserialize(deserializer)?;
        let (common, own): (Map<_, _>, Map<_, _>) =
            all.into_iter().partition(|(key, _)| COMMON_KEYS.contains(&key.as_str()));
        Ok(Self {
            common: serde_json::from_value(Value::Object(common)).map_err(D::Error::custom)?,
            kind: serde_json::from_value(Value::Object(own)).map_err(D::Error::custom)?,
        })
    }
}
