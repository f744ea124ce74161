//! What Pinecone takes in one request (docs.pinecone.io, "Limits", 2026-10), and what it would refuse.

use crate::model::{IndexSpec, Metric, Record, VectorType};
use crate::provider::{Limits, complex_fields};

/// Documented limits. `2 MB` is read as the smaller 2,000,000, because a batch over it fails as a whole;
/// `40 KB` as the larger 40,960, because a record over it is not copied at all.
pub const LIMITS: Limits = Limits {
    upsert_records: 1_000,
    upsert_bytes: 2_000_000,
    fetch_ids: 1_000,
    delete_ids: 1_000,
    top_k: 10_000,
    metadata_bytes: 40_960,
    id_chars: 512,
    dimension: 20_000,
    sparse_values: 2_048,
};

/// Ids on one page of a list.
pub const LIST_PAGE: u32 = 100;

/// Namespace names, in characters.
pub const NAMESPACE_CHARS: usize = 512;

/// Why an index like `spec` would refuse `record`; without a spec only what every index refuses.
pub fn refusal(record: &Record, spec: Option<&IndexSpec>) -> Option<String> {
    id_refusal(record.id.as_str())
        .or_else(|| metadata_refusal(record))
        .or_else(|| sparse_refusal(record, spec))
        .or_else(|| dense_refusal(record, spec))
}

fn id_refusal(id: &str) -> Option<String> {
    if id.is_empty() {
        return Some("the id is empty".into());
    }
    if !id.is_ascii() {
        return Some("the id holds characters that are not ASCII".into());
    }
    if id.contains('\0') {
        return Some("the id holds a NUL character".into());
    }
    (id.len() > LIMITS.id_chars)
        .then(|| format!("the id has {} characters; the limit is {}", id.len(), LIMITS.id_chars))
}

fn metadata_refusal(record: &Record) -> Option<String> {
    if let Some((field, value)) = complex_fields(&record.metadata).next() {
        return Some(format!(
            "metadata field `{field}` is {}; only strings, numbers, booleans and lists of strings are kept",
            match value.type_name() {
                "list" => "a list that holds more than strings",
                "object" => "an object",
                other => other,
            }
        ));
    }
    let bytes = record.metadata.json_bytes();
    (bytes > LIMITS.metadata_bytes)
        .then(|| format!("the metadata has {bytes} bytes; the limit is {}", LIMITS.metadata_bytes))
}

fn sparse_refusal(record: &Record, spec: Option<&IndexSpec>) -> Option<String> {
    let sparse = record.sparse.as_ref().filter(|sparse| !sparse.is_empty())?;
    if sparse.len() > LIMITS.sparse_values {
        return Some(format!(
            "{} sparse values; the limit is {}",
            sparse.len(),
            LIMITS.sparse_values
        ));
    }
    let mut indices = sparse.indices.clone();
    indices.sort_unstable();
    if indices.windows(2).any(|pair| pair[0] == pair[1]) {
        return Some("a sparse index stands twice".into());
    }
    if !sparse.values.values().all(f32::is_finite) {
        return Some("a sparse value is not a finite number".into());
    }
    let spec = spec?;
    (spec.metric != Metric::Dotproduct)
        .then(|| format!("it has sparse values; an index with metric {} keeps none", spec.metric))
}

fn dense_refusal(record: &Record, spec: Option<&IndexSpec>) -> Option<String> {
    if !record.vector.values().all(f32::is_finite) {
        return Some("a component of the vector is not a finite number".into());
    }
    let dimension = record.vector.dimension();
    let spec = spec?;
    match (spec.vector_type, spec.dimension) {
        (VectorType::Sparse, _) if dimension > 0 => {
            Some("it has a dense vector; the index is sparse".into())
        }
        (VectorType::Sparse, _) => record
            .sparse
            .as_ref()
            .is_none_or(|sparse| sparse.is_empty())
            .then(|| "it has no sparse values; the index is sparse".into()),
        (VectorType::Dense, Some(expected)) if dimension != expected as usize => {
            Some(format!("the vector has {dimension} dimensions; the index has {expected}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Deployment, Metadata, MetadataValue, RecordId, SparseVector, Vector};

    fn record() -> Record {
        Record {
            id: RecordId::from("a"),
            vector: Vector::from_values([1.0, 2.0]),
            sparse: None,
            metadata: Metadata::default(),
        }
    }

    fn spec() -> IndexSpec {
        IndexSpec {
            name: "t".into(),
            dimension: Some(2),
            metric: Metric::Cosine,
            vector_type: VectorType::Dense,
            deployment: Deployment::Serverless { cloud: "aws".into(), region: "r".into() },
            deletion_protection: false,
            tags: BTreeMap::new(),
        }
    }

    fn with_field(value: MetadataValue) -> Record {
        let mut record = record();
        record.metadata.0.insert("f".into(), value);
        record
    }

    #[test]
    fn what_fits_is_taken() {
        assert_eq!(refusal(&record(), Some(&spec())), None);
        let list = MetadataValue::List(vec![MetadataValue::String("x".into())]);
        assert_eq!(refusal(&with_field(list), Some(&spec())), None);
    }

    #[test]
    fn every_rule_has_its_reason() {
        let named = |id: &str| Record { id: RecordId::from(id), ..record() };
        let sparse = SparseVector::new(vec![1], Vector::from_values([0.5]));
        let long = MetadataValue::String("x".repeat(41_000));
        let cases = [
            (named(""), "empty"),
            (named("é"), "not ASCII"),
            (named("a\0b"), "NUL"),
            (named(&"x".repeat(513)), "513 characters"),
            (with_field(MetadataValue::Null), "`f` is null"),
            (with_field(MetadataValue::Object(BTreeMap::new())), "an object"),
            (with_field(MetadataValue::List(vec![MetadataValue::Bool(true)])), "more than strings"),
            (with_field(long), "limit is 40960"),
            (Record { vector: Vector::from_values([1.0]), ..record() }, "1 dimensions"),
            (Record { vector: Vector::from_values([1.0, f32::NAN]), ..record() }, "finite"),
            (Record { sparse, ..record() }, "metric cosine keeps none"),
        ];
        for (record, expected) in cases {
            let reason = refusal(&record, Some(&spec())).unwrap();
            assert!(reason.contains(expected), "{reason} should contain {expected}");
        }
    }
}
