//! Checks of the documented limits.

use crate::model::{IndexSpec, Metadata, Metric, Record, Vector};
use crate::pinecone_wire::json::MetadataSchema;
use crate::pinecone_wire::limits::{
    ID_CHARS, METADATA_BYTES, NAMESPACE_CHARS, SPARSE_VALUES, UPSERT_BYTES, is_operator, unkept,
};

use super::error::{Answer, Code, Refusal};

/// Checks the size of a whole upsert request on its own wire: the JSON body or the encoded protobuf.
pub(crate) fn check_upsert_bytes(found: usize) -> Answer<()> {
    if found <= UPSERT_BYTES {
        return Ok(());
    }
    let message = format!(
        "Error, message length too large: found {found} bytes, the limit is: {UPSERT_BYTES} bytes"
    );
    Err(Refusal::new(413, Code::OutOfRange, message))
}

pub(crate) fn check_count(what: &str, found: usize, limit: usize) -> Answer<()> {
    if found <= limit {
        return Ok(());
    }
    let message = format!("Too many {what} in one request: {found} is over the limit of {limit}");
    Err(Refusal::invalid(message))
}

pub(crate) fn check_id(id: &str) -> Answer<()> {
    check_name("Vector ID", id, ID_CHARS)
}

pub(crate) fn check_namespace(name: &str) -> Answer<()> {
    if name.is_empty() {
        return Ok(());
    }
    check_name("Namespace", name, NAMESPACE_CHARS)
}

/// Refuses a schema of fields that are anything but filterable.
pub(crate) fn check_schema(schema: &MetadataSchema) -> Answer<()> {
    if schema.fields.values().all(|field| field.filterable == Some(true)) {
        return Ok(());
    }
    Err(Refusal::invalid("schema must be {\"fields\": {name: {\"filterable\": true}}}."))
}

fn check_name(what: &str, name: &str, longest: usize) -> Answer<()> {
    if name.is_empty() || name.len() > longest {
        let message = format!("{what} must be 1 to {longest} characters long, got {}", name.len());
        return Err(Refusal::invalid(message));
    }
    if !name.is_ascii() || name.contains('\0') {
        return Err(Refusal::invalid(format!("{what} must be ASCII without NUL, got {name:?}")));
    }
    Ok(())
}

pub(crate) fn check_metadata(id: &str, metadata: &Metadata) -> Answer<()> {
    if let Some(field) = metadata.0.keys().find(|field| is_operator(field)) {
        let message =
            format!("Metadata keys must not start with '$', got '{field}' of vector '{id}'");
        return Err(Refusal::invalid(message));
    }
    if let Some((field, value, _)) = unkept(metadata).next() {
        let message = format!(
            "Metadata value must be a string, number, boolean or list of strings, got a {} for field '{field}' of vector '{id}'",
            value.type_name()
        );
        return Err(Refusal::invalid(message));
    }
    let bytes = metadata.json_bytes();
    if bytes > METADATA_BYTES {
        let message = format!(
            "Metadata size is {bytes} bytes, which exceeds the limit of {METADATA_BYTES} bytes per vector, for vector '{id}'"
        );
        return Err(Refusal::invalid(message));
    }
    Ok(())
}

/// Checks that an index can hold a record.
pub(crate) fn check_fits(spec: &IndexSpec, record: &Record) -> Answer<()> {
    check_record(record)?;
    let (id, name) = (&record.id, &spec.name);
    let dimension = spec.dimension.unwrap_or_default() as usize;
    let found = record.dense().dimension();
    if found != dimension {
        return Err(Refusal::invalid(format!(
            "record {id} has {found} components, the index {name} has {dimension}"
        )));
    }
    if record.sparse().is_some() && spec.metric != Metric::Dotproduct {
        let metric = spec.metric;
        return Err(Refusal::invalid(format!(
            "record {id} has sparse values, which the index {name} with the metric {metric} does not keep"
        )));
    }
    Ok(())
}

/// Checks the parts of a record that do not depend on the index.
pub(crate) fn check_record(record: &Record) -> Answer<()> {
    let id = &*record.id.text();
    check_id(id)?;
    check_metadata(id, &record.metadata)?;
    if record.dense().values().any(|value| !value.is_finite()) {
        return Err(Refusal::invalid(format!("Vector '{id}' has a value that is not finite")));
    }
    check_dense(id, record.dense())?;
    record.sparse().map_or(Ok(()), |sparse| check_sparse(id, sparse))
}

/// Refuses a dense vector of zeros, which has no direction, in the words of the service.
pub(crate) fn check_dense(id: &str, vector: &Vector) -> Answer<()> {
    if vector.is_empty() || vector.values().any(|value| value != 0.0) {
        return Ok(());
    }
    let message = format!(
        "Dense vectors must contain at least one non-zero value. Vector ID '{id}' contains only zeros"
    );
    Err(Refusal::invalid(message))
}

pub(crate) fn check_sparse(id: &str, sparse: &crate::model::SparseVector) -> Answer<()> {
    if sparse.is_empty() {
        return Err(Refusal::invalid(format!(
            "Sparse vector must contain at least one value, for vector '{id}'"
        )));
    }
    if sparse.len() > SPARSE_VALUES {
        let message = format!(
            "Sparse vector size {} exceeds the limit of {SPARSE_VALUES}, for vector '{id}'",
            sparse.len()
        );
        return Err(Refusal::invalid(message));
    }
    let mut indices = sparse.indices.clone();
    indices.sort_unstable();
    if indices.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Refusal::invalid(format!(
            "Sparse vector must not contain duplicate indices, for vector '{id}'"
        )));
    }
    if sparse.values.values().any(|value| !value.is_finite()) {
        return Err(Refusal::invalid(format!(
            "Sparse vector '{id}' has a value that is not finite"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;
    use crate::model::{RecordId, SparseVector, Value, Vectors};
    use crate::provider::pinecone::refusal;

    #[test]
    fn ids_are_1_to_512_ascii_characters() {
        assert!(check_id("a b").is_ok());
        assert!(check_id(&"x".repeat(512)).is_ok());
        for wrong in ["", &"x".repeat(513), "é", "a\0b"] {
            assert_eq!(check_id(wrong).unwrap_err().status, 400, "{wrong:?}");
        }
    }

    #[test]
    fn metadata_over_40_kib_or_nested_is_refused() {
        let of = |value| Metadata([("f".to_owned(), value)].into());
        let text = |bytes: usize| of(Value::Text("x".repeat(bytes).into()));
        assert!(check_metadata("a", &text(METADATA_BYTES - 8)).is_ok());
        assert!(check_metadata("a", &text(METADATA_BYTES - 7)).is_err());
        let nested = of(Value::Map(Default::default()));
        assert!(check_metadata("a", &nested).unwrap_err().message.contains("field 'f'"));
        let numbers = of(Value::List(vec![Value::F64(1.0)]));
        assert!(check_metadata("a", &numbers).is_err());
        assert!(check_metadata("a", &of(Value::Null)).is_err());
        let operator = Metadata([("$in".to_owned(), Value::Bool(true))].into());
        assert!(check_metadata("a", &operator).is_err());
    }

    #[test]
    fn a_dense_vector_has_a_direction() {
        let of = |values: &[f32]| check_dense("a", &Vector::from_values(values.iter().copied()));
        assert!(of(&[]).is_ok() && of(&[0.0, f32::from_bits(1)]).is_ok());
        for zeros in [&[0.0][..], &[0.0, -0.0, 0.0]] {
            assert!(of(zeros).unwrap_err().message.contains("only zeros"), "{zeros:?}");
        }
    }

    #[test]
    fn sparse_values_are_bounded_and_distinct() {
        let of = |indices: Vec<u32>| {
            let values = Vector::from_values(vec![1.0; indices.len()]);
            SparseVector::new(indices, values).unwrap()
        };
        assert!(check_sparse("a", &of((0..2048).collect())).is_ok());
        assert!(check_sparse("a", &of((0..2049).collect())).is_err());
        assert!(check_sparse("a", &of(vec![3, 1, 3])).is_err());
        assert!(check_sparse("a", &of(vec![])).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let plain = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            prop_oneof![Just(f64::NAN), Just(f64::INFINITY), any::<f64>()].prop_map(Value::F64),
            prop_oneof![Just(0), Just(20), Just(METADATA_BYTES - 8), Just(METADATA_BYTES)]
                .prop_map(|bytes| Value::Text("x".repeat(bytes).into())),
        ];
        plain.prop_recursive(2, 6, 3, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..3).prop_map(Value::List),
                btree_map("[ab$]", inner, 0..3).prop_map(|fields| Value::Map(fields.into())),
            ]
        })
    }

    fn number() -> impl Strategy<Value = f32> {
        prop_oneof![Just(0.0), Just(-0.0), Just(f32::NAN), Just(f32::INFINITY), Just(0.5)]
    }

    fn record() -> impl Strategy<Value = Record> {
        let id = prop_oneof!["[a-z ]{0,3}", "[a\\x00é]{1,2}", Just("x".repeat(513))];
        let metadata = btree_map("[$]?[a-b]?", value(), 0..3);
        let sparse = proptest::option::of(vec((0_u32..4, number()), 1..4));
        (id, vec(number(), 0..4), sparse, metadata).prop_map(|(id, values, sparse, metadata)| {
            let sparse = sparse.and_then(|all| {
                let (indices, values): (Vec<_>, Vec<_>) = all.into_iter().unzip();
                SparseVector::new(indices, Vector::from_values(values))
            });
            let vectors = Vectors::plain(Vector::from_values(values), sparse);
            Record { id: RecordId::new(id), vectors, metadata: Metadata(metadata.into()) }
        })
    }

    proptest! {
        /// What a copy sets aside beforehand is what the service would refuse, and nothing else.
        #[test]
        fn the_client_refuses_what_is_refused_here(record in record()) {
            let (here, there) = (check_record(&record), refusal(&record, None));
            prop_assert_eq!(
                here.is_err(),
                there.is_some(),
                "{:?} here, {:?} there",
                here.map_err(|refusal| refusal.message),
                there
            );
        }
    }

    #[test]
    fn an_upsert_is_at_most_2_mb() {
        assert!(check_upsert_bytes(2_000_000).is_ok());
        assert_eq!(check_upsert_bytes(2_000_001).unwrap_err().status, 413);
    }
}
