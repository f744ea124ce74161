//! What an audit found: the artifact `audit.json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fields::Field;
use crate::copy::Mapping;
use crate::model::{IndexDescription, RecordId};
use crate::run::price::{Estimate, PriceTable};

/// What an audit found: the artifact `audit.json`.
#[derive(Serialize)]
pub(super) struct Findings<'a> {
    pub index: &'a IndexDescription,
    pub records: u64,
    pub namespaces: usize,
    pub largest_namespaces: Vec<&'a Mapping>,
    pub sampled: usize,
    pub fields: BTreeMap<String, Field>,
    pub longest_id: usize,
    pub mean_record_bytes: f64,
    pub rejects: Vec<Reject>,
    pub cost: Estimate,
    pub prices: PriceTable,
}

#[derive(Serialize)]
pub(super) struct Reject {
    pub namespace: String,
    pub id: RecordId,
    pub reason: String,
}
