//! Metadata fields over a sample.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::run::stage::sampling::Sampled;

/// Distinct values that are counted per field; beyond it the field has "more than".
const DISTINCT: usize = 1_000;

/// One metadata field over the sample.
#[derive(Default, Serialize)]
pub(super) struct Field {
    pub types: BTreeSet<&'static str>,
    /// Records of the sample that have it.
    pub present: u64,
    pub distinct: usize,
    pub more_distinct: bool,
    pub largest_bytes: usize,
    #[serde(skip)]
    pub values: BTreeSet<String>,
}

pub(super) fn fields(sampled: &[Sampled]) -> BTreeMap<String, Field> {
    let mut fields: BTreeMap<String, Field> = BTreeMap::new();
    for one in sampled {
        for (name, value) in &one.record.metadata.0 {
            let text = serde_json::to_string(value).unwrap_or_default();
            let field = fields.entry(name.clone()).or_default();
            field.types.insert(value.type_name());
            field.present += 1;
            field.largest_bytes = field.largest_bytes.max(text.len());
            match field.values.len() < DISTINCT || field.values.contains(&text) {
                true => drop(field.values.insert(text)),
                false => field.more_distinct = true,
            }
            field.distinct = field.values.len();
        }
    }
    fields
}
