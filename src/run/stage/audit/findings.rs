//! The findings of an audit, written to the artifact `audit.json`, which `docs/audit.md` documents.

use std::collections::BTreeMap;

use serde::Serialize;

use super::hot::QueryLog;
use super::records::{Ids, RecordSize, Sparse};
use crate::copy::Mapping;
use crate::model::{Counted, IndexDescription, Namespace, Quality, RecordId};
use crate::provider::advice::{Candidate, Estimate, LimitCheck, Operation};
use crate::run::price::Pricing;
use crate::run::sample::FieldSummary;
use crate::store::{Inventory, Refusals, Rule};

/// The version of the artifact's format. Fields are only ever added.
pub(super) const FORMAT: u32 = 1;

#[derive(Serialize)]
pub(super) struct Findings {
    /// The version of the format: [`FORMAT`].
    pub format: u32,
    pub index: IndexDescription,
    /// What else its system says of it, a line each.
    #[serde(skip)]
    pub details: Vec<String>,
    /// Records in the whole source, by its own counts.
    pub records: u64,
    pub namespaces: usize,
    /// What these counts count, and how near they are.
    pub counted: Counted,
    pub count_quality: Quality,
    /// The same in words, where it is not to be expected.
    #[serde(skip)]
    pub caveat: Option<&'static str>,
    /// Records that the plan selects.
    pub selected_records: u64,
    pub selected_namespaces: usize,
    /// Namespaces that hold records but belong to no copy stage, with their record counts.
    pub not_copied: BTreeMap<Namespace, u64>,
    /// Selected namespaces with more records than one query reaches, where that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces_over_one_sweep: Option<usize>,
    pub largest_namespaces: Vec<Mapping>,
    /// Records that were read. Every finding below that concerns records is based on these.
    pub sampled: usize,
    pub mean_record_bytes: f64,
    pub largest_records: Vec<RecordSize>,
    pub ids: Ids,
    pub sparse: Sparse,
    /// Metadata fields by name.
    pub fields: BTreeMap<String, FieldSummary>,
    /// Whether there were more fields than are tracked.
    pub has_more_fields: bool,
    /// Fields that hold objects, null, or lists of anything but strings.
    pub nested_fields: Vec<String>,
    pub null_fields: Vec<String>,
    /// Records the target would refuse as they would arrive, grouped by the rule they break.
    pub rejects: Vec<Reject>,
    pub rejects_by_rule: Refusals,
    /// The files of a file source, and what in them is not read; `null` if the source is an index.
    pub inventory: Option<Inventory>,
    /// What keeps records from being written to the target, and what else is done with them there.
    pub target_inventory: Inventory,
    /// The operations that each kind of index supports.
    pub operations: &'static [Operation],
    /// Operations that the source supports and the target does not, or only in another way.
    pub lost_operations: Vec<&'static Operation>,
    /// The only fields the source can filter by, in the form that the target is made with to do the same.
    pub suggested_schema: Option<serde_json::Value>,
    pub limits: Vec<LimitCheck>,
    #[serde(rename = "ways")]
    pub candidates: Vec<Candidate>,
    /// The basis of `cost` and of the candidates' estimates.
    pub basis: String,
    pub cost: Estimate,
    pub prices: Pricing,
    pub query_log: Option<QueryLog>,
}

#[derive(Serialize)]
pub(super) struct Reject {
    pub namespace: String,
    pub id: RecordId,
    pub rule: Rule,
    pub reason: String,
}
