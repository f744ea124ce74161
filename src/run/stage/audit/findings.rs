//! What an audit found: the artifact `audit.json`, which `docs/audit.md` documents.

use std::collections::BTreeMap;

use serde::Serialize;

use super::hot::QueryLog;
use super::limits::LimitCheck;
use super::operations::Operation;
use super::records::{Ids, RecordSize, Sparse};
use crate::copy::Mapping;
use crate::model::{IndexDescription, Namespace, RecordId};
use crate::provider::{Inventory, Refusals, Rule};
use crate::run::price::{Estimate, PriceTable};
use crate::run::stage::fields::FieldSummary;
use crate::run::stage::route::Way;

/// The version of the artifact; fields are only ever added.
pub(super) const FORMAT: u32 = 1;

#[derive(Serialize)]
pub(super) struct Findings {
    /// [`FORMAT`].
    pub format: u32,
    pub index: IndexDescription,
    /// The records of the whole source, by its own counts.
    pub records: u64,
    pub namespaces: usize,
    /// The records that the plan selects.
    pub selected_records: u64,
    pub selected_namespaces: usize,
    /// Namespaces that hold records and that no copy stage takes, with their records.
    pub not_copied: BTreeMap<Namespace, u64>,
    /// Selected namespaces of more records than one query of a pod reaches.
    pub namespaces_over_one_sweep: usize,
    pub largest_namespaces: Vec<Mapping>,
    /// Records that were read; everything below that is about records is about these.
    pub sampled: usize,
    pub mean_record_bytes: f64,
    pub largest_records: Vec<RecordSize>,
    pub ids: Ids,
    pub sparse: Sparse,
    /// The metadata fields by name.
    pub fields: BTreeMap<String, FieldSummary>,
    /// Whether there were more fields than are followed.
    pub has_more_fields: bool,
    /// Fields that hold objects, or lists of anything but strings, or null.
    pub nested_fields: Vec<String>,
    pub null_fields: Vec<String>,
    /// Records the target would refuse as they would arrive, and the same by the rule that they do not keep.
    pub rejects: Vec<Reject>,
    pub rejects_by_rule: Refusals,
    /// The files of a source of files, and what of them is not read; `null` where it is an index.
    pub inventory: Option<Inventory>,
    /// What each kind of index can do.
    pub operations: &'static [Operation],
    /// What the source can do and the target cannot, or only in another way.
    pub lost_operations: Vec<&'static Operation>,
    /// The only fields the source can filter on, as the `schema` of a serverless index would say it.
    pub suggested_schema: Option<serde_json::Value>,
    pub limits: Vec<LimitCheck>,
    pub ways: Vec<Way>,
    /// What `cost` and the ways go by.
    pub basis: String,
    pub cost: Estimate,
    pub prices: PriceTable,
    pub query_log: Option<QueryLog>,
}

#[derive(Serialize)]
pub(super) struct Reject {
    pub namespace: String,
    pub id: RecordId,
    pub rule: Rule,
    pub reason: String,
}
