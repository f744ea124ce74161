//! Limits of what Pinecone accepts in one request, and what it would refuse.

use crate::model::{
    AnyVector, IdKind, IndexSpec, Metric, Record, RecordId, VectorName, VectorType,
};
use crate::pinecone_wire::limits::{self, is_operator, unkept};
use crate::store::{Limits, Refusal, Rule};

/// The documented limits.
pub const LIMITS: Limits = Limits {
    upsert_records: limits::UPSERT_RECORDS,
    upsert_bytes: limits::UPSERT_BYTES,
    fetch_ids: limits::FETCH_IDS,
    delete_ids: limits::DELETE_IDS,
    matches: limits::TOP_K,
    metadata_bytes: limits::METADATA_BYTES,
    id_chars: limits::ID_CHARS,
    dimension: limits::DIMENSION,
    sparse_values: limits::SPARSE_VALUES,
    hybrid_queries: true,
};

/// Returns why an index like `spec` would refuse `record`; without a spec only what every index refuses.
pub fn refusal(record: &Record, spec: Option<&IndexSpec>) -> Option<Refusal> {
    id_refusal(&record.id)
        .or_else(|| metadata_refusal(record))
        .or_else(|| field_refusal(record))
        .or_else(|| sparse_refusal(record, spec))
        .or_else(|| dense_refusal(record, spec))
}

fn refused(rule: Rule, reason: impl Into<String>) -> Option<Refusal> {
    Some(Refusal::new(rule, reason))
}

fn id_refusal(id: &RecordId) -> Option<Refusal> {
    let Some(id) = id.as_text() else {
        return Some(Refusal::of_id(id, IdKind::Text));
    };
    let most = LIMITS.id_chars;
    let reason = match id {
        "" => "the id is empty".to_owned(),
        id if !id.is_ascii() => "the id holds characters that are not ASCII".to_owned(),
        id if id.contains('\0') => "the id holds a NUL character".to_owned(),
        id if id.len() > most => format!("the id has {} characters; the limit is {most}", id.len()),
        _ => return None,
    };
    refused(Rule::Id, reason)
}

fn metadata_refusal(record: &Record) -> Option<Refusal> {
    if let Some(key) = record.metadata.0.keys().find(|key| is_operator(key)) {
        let reason = format!(
            "metadata field `{key}` begins with `$`, as only operators of filters do; `metadata: {{ rename: … }}` gives it another name"
        );
        return refused(Rule::MetadataKey, reason);
    }
    if let Some((field, value, rare)) = unkept(&record.metadata).next() {
        return Some(Refusal::of_value(field, value, rare));
    }
    let most = LIMITS.metadata_bytes;
    if record.metadata.most_json_bytes() <= most {
        return None;
    }
    let bytes = record.metadata.json_bytes();
    let reason = || format!("the metadata has {bytes} bytes; the limit is {most}");
    (bytes > most).then(|| Refusal::new(Rule::MetadataSize, reason()))
}

fn field_refusal(record: &Record) -> Option<Refusal> {
    let is_own = |name: &VectorName, vector: &AnyVector| match vector {
        AnyVector::Dense(_) => *name == VectorName::DENSE,
        AnyVector::Sparse(_) => *name == VectorName::SPARSE,
        AnyVector::Multi(_) => false,
    };
    let other = record.vectors.iter().find(|(name, one)| !is_own(name, one) && !one.is_empty());
    other.map(|(name, _)| Refusal::of_vector(name))
}

fn sparse_refusal(record: &Record, spec: Option<&IndexSpec>) -> Option<Refusal> {
    let sparse = record.sparse().filter(|sparse| !sparse.is_empty())?;
    let (count, most) = (sparse.len(), LIMITS.sparse_values);
    if count > most {
        return refused(Rule::SparseValues, format!("{count} sparse values; the limit is {most}"));
    }
    let mut indices = sparse.indices.clone();
    indices.sort_unstable();
    if indices.windows(2).any(|pair| pair[0] == pair[1]) {
        return refused(Rule::SparseValues, "a sparse index stands twice");
    }
    if !sparse.values.is_finite() {
        return refused(Rule::NotFinite, "a sparse value is not a finite number");
    }
    let metric = spec?.metric;
    let reason = || format!("it has sparse values; an index with metric {metric} keeps none");
    (metric != Metric::Dotproduct).then(|| Refusal::new(Rule::SparseValues, reason()))
}

fn dense_refusal(record: &Record, spec: Option<&IndexSpec>) -> Option<Refusal> {
    if !record.dense().is_finite() {
        return refused(Rule::NotFinite, "a component of the vector is not a finite number");
    }
    // "Dense vectors must contain at least one non-zero value" (what the service answers).
    if !record.dense().is_empty() && record.dense().values().all(|value| value == 0.0) {
        return refused(Rule::ZeroVector, "the vector holds only zeros");
    }
    let dimension = record.dense().dimension();
    let has_sparse = record.sparse().is_some_and(|sparse| !sparse.is_empty());
    let spec = spec?;
    match (spec.vector_type, spec.dimension) {
        (VectorType::Sparse, _) if dimension > 0 => {
            refused(Rule::Dimension, "it has a dense vector; the index is sparse")
        }
        (VectorType::Sparse, _) if !has_sparse => {
            refused(Rule::NoVector, "it has no sparse values; the index is sparse")
        }
        (VectorType::Dense, Some(expected)) if dimension == 0 => {
            let reason = format!("it has no vector; the index has {expected} dimensions");
            refused(Rule::NoVector, reason)
        }
        (VectorType::Dense, Some(expected)) if dimension != expected as usize => {
            let reason = format!("the vector has {dimension} dimensions; the index has {expected}");
            refused(Rule::Dimension, reason)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Fields, Metadata, RecordId, SparseVector, Value, Vector, Vectors};
    use crate::pinecone_wire::Deployment;

    fn record() -> Record {
        Record {
            id: RecordId::from("a"),
            vectors: Vectors::plain(Vector::from_values([1.0, 2.0]), None),
            metadata: Metadata::default(),
        }
    }

    fn spec() -> IndexSpec {
        IndexSpec {
            name: "t".into(),
            dimension: Some(2),
            metric: Metric::Cosine,
            vector_type: VectorType::Dense,
            deployment: Deployment::Serverless { cloud: "aws".into(), region: "r".into() }.into(),
            deletion_protection: false,
            tags: BTreeMap::new(),
        }
    }

    fn with_field(value: Value) -> Record {
        let mut record = record();
        record.metadata.0.insert("f", value);
        record
    }

    #[test]
    fn what_fits_is_taken() {
        assert_eq!(refusal(&record(), Some(&spec())), None);
        let list = Value::List(vec![Value::Text("x".into())]);
        assert_eq!(refusal(&with_field(list), Some(&spec())), None);
    }

    #[test]
    fn every_rule_has_its_reason() {
        let named = |id: &str| Record { id: RecordId::from(id), ..record() };
        let sparse = SparseVector::new(vec![1], Vector::from_values([0.5]));
        let vectors = Vectors::plain(record().dense().clone(), sparse);
        let with_sparse = Record { vectors, ..record() };
        let long = Value::Text("x".repeat(41_000).into());
        let digits = Value::Decimal("9007199254740993".into());
        let with_key = |key: &str| {
            let metadata = Metadata([(key.to_owned(), Value::Bool(true))].into());
            Record { metadata, ..record() }
        };
        let of = |values: &[f32]| Record {
            vectors: Vectors::plain(Vector::from_values(values.iter().copied()), None),
            ..record()
        };
        let list = Value::List(vec![Value::Bool(true)]);
        let cases = [
            (named(""), Rule::Id, "empty"),
            (named("é"), Rule::Id, "not ASCII"),
            (named("a\0b"), Rule::Id, "NUL"),
            (named(&"x".repeat(513)), Rule::Id, "513 characters"),
            (with_field(Value::Null), Rule::NullValue, "nulls: drop"),
            (with_field(Value::Map(Fields::default())), Rule::NestedValue, "nested: flatten"),
            (with_field(list), Rule::ListValue, "lists: json_text"),
            (with_field(digits), Rule::LongNumber, "numbers: text"),
            (with_field(Value::I64(i64::MAX)), Rule::LongNumber, "9223372036854775807"),
            (
                with_field(Value::Time("2026-01-01T00:00:00Z".into())),
                Rule::TimeValue,
                "times: text",
            ),
            (with_field(Value::Bytes(vec![1].into())), Rule::BytesValue, "bytes: base64"),
            (with_field(Value::F64(f64::NAN)), Rule::MetadataValue, "no finite number"),
            (with_field(long), Rule::MetadataSize, "limit is 40960"),
            (with_key("$f"), Rule::MetadataKey, "`$f` begins with `$`"),
            (of(&[1.0]), Rule::Dimension, "1 dimensions"),
            (of(&[]), Rule::NoVector, "no vector; the index has 2"),
            (of(&[1.0, f32::NAN]), Rule::NotFinite, "finite"),
            (of(&[0.0, -0.0]), Rule::ZeroVector, "only zeros"),
            (with_sparse, Rule::SparseValues, "metric cosine keeps none"),
        ];
        for (record, rule, expected) in cases {
            let refusal = refusal(&record, Some(&spec())).unwrap();
            assert_eq!(refusal.rule, rule, "{refusal}");
            assert!(refusal.reason.contains(expected), "{refusal} should contain {expected}");
        }
        assert_eq!(refusal(&of(&[0.0]), None).unwrap().rule, Rule::ZeroVector, "any index");
    }
}
