//! Records, metadata and filters as messages, and back. Dense values change hands as shared bytes.

use bytes::Bytes;
use serde_json::Value as Json;

use super::{SparseValues, Vector};
use crate::model::{self, Metadata, Record, SparseVector, Value, Vectors};
use crate::pinecone_wire::{Fault, Malformed};

/// Metadata for a message: a record without any leaves the field out.
pub(crate) fn to_fields(metadata: &Metadata) -> Option<Metadata> {
    (!metadata.is_empty()).then(|| metadata.clone())
}

/// Converts a filter in JSON to a message; its numbers become f64, which is all the message knows. `None` if it is
/// no object.
pub(crate) fn filter_to_fields(filter: &Json) -> Option<Metadata> {
    match Value::from(filter) {
        Value::Map(fields) => Some(Metadata(fields)),
        _ => None,
    }
}

/// Converts a message's filter to the JSON that the filter language is read from.
pub(crate) fn filter_from_fields(filter: Metadata) -> Json {
    let fields = filter.0.into_iter().map(|(name, value)| (name.to_string(), filter_json(value)));
    Json::Object(fields.collect())
}

fn filter_json(value: Value) -> Json {
    match value {
        Value::List(items) => items.into_iter().map(filter_json).collect(),
        Value::Map(fields) => filter_from_fields(Metadata(fields)),
        plain => serde_json::to_value(plain).unwrap_or_default(),
    }
}

pub(crate) fn to_sparse(sparse: &SparseVector) -> SparseValues {
    SparseValues { indices: sparse.indices.clone(), values: sparse.values.as_le_bytes().clone() }
}

/// Returns the sparse values of a message.
///
/// # Errors
/// The fault, if they are cut short, or not as many as their indices.
pub(crate) fn sparse_of(sparse: SparseValues) -> Result<SparseVector, Fault> {
    SparseVector::new(sparse.indices, vector_of(sparse.values)?).ok_or(Fault::Uneven)
}

/// Returns a message's values as a dense vector.
///
/// # Errors
/// The fault, if they are cut short.
pub(crate) fn vector_of(values: Bytes) -> Result<model::Vector, Fault> {
    model::Vector::from_le_bytes(values).ok_or(Fault::CutShort)
}

/// Converts a record to a message. Empty sparse values are left out, as if the record had none.
pub(crate) fn to_vector(record: &Record) -> Vector {
    Vector {
        id: record.id.to_string(),
        values: record.dense().as_le_bytes().clone(),
        metadata: to_fields(&record.metadata),
        sparse_values: record.sparse().filter(|sparse| !sparse.is_empty()).map(to_sparse),
    }
}

/// Converts a message to a record, with sparse values if it has the field, even an empty one.
///
/// # Errors
/// `Malformed` if its values are cut short, or sparse values not as many as their indices.
pub(crate) fn from_vector(vector: Vector) -> Result<Record, Malformed> {
    let Vector { id, values, metadata, sparse_values } = vector;
    record_of(&id, values, sparse_values, metadata.unwrap_or_default())
}

/// Makes a record of the fields of a message.
///
/// # Errors
/// Those of [`from_vector`].
pub(super) fn record_of(
    id: &str,
    values: Bytes,
    sparse: Option<SparseValues>,
    metadata: Metadata,
) -> Result<Record, Malformed> {
    let parts = vector_of(values).and_then(|dense| Ok((dense, sparse.map(sparse_of).transpose()?)));
    match parts {
        Ok((dense, sparse)) => {
            Ok(Record { id: id.into(), vectors: Vectors::plain(dense, sparse), metadata })
        }
        Err(fault) => Err(Malformed { id: id.to_owned(), fault }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RecordId, Vectors};
    use serde_json::json;

    #[test]
    fn a_record_survives_the_wire_bit_for_bit() {
        let metadata =
            json!({"n": 1.5, "s": "x", "b": true, "l": ["é"], "z": null, "o": {"p": 2.0}});
        let record = Record {
            id: RecordId::from("a"),
            vectors: Vectors::plain(
                model::Vector::from_values([1.0, -0.0, f32::MIN_POSITIVE, 1.0e-45]),
                SparseVector::new(vec![7, 3], model::Vector::from_values([0.1, 0.2])),
            ),
            metadata: serde_json::from_value(metadata).unwrap(),
        };
        assert_eq!(from_vector(to_vector(&record)), Ok(record));
    }

    #[test]
    fn what_is_no_record_is_refused_with_its_id() {
        let of = |vector: Vector| from_vector(Vector { id: "a".to_owned(), ..vector }).unwrap_err();
        let cut = Vector { values: Bytes::from_static(b"12345"), ..Default::default() };
        assert_eq!(of(cut), Malformed { id: "a".to_owned(), fault: Fault::CutShort });
        let sparse = SparseValues { indices: vec![1], ..Default::default() };
        let uneven = Vector { sparse_values: Some(sparse), ..Default::default() };
        assert_eq!(of(uneven).fault, Fault::Uneven);
    }

    #[test]
    fn a_filter_survives_the_wire() {
        let filter =
            json!({"$or": [{"a": {"$in": ["x", "y"]}}, {"b": {"$gt": 1.5}, "c": true, "d": null}]});
        assert_eq!(filter_from_fields(filter_to_fields(&filter).unwrap()), filter);
        assert_eq!(filter_to_fields(&json!(["a"])), None);
    }
}
