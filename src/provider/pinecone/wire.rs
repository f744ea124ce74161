//! Records, metadata and filters as the messages of the gRPC wire. Dense values change hands as shared bytes.

use bytes::Bytes;
use prost::Message;
use prost_types::{ListValue, Struct, Value, value::Kind};

use super::proto;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Metadata, MetadataValue, Record, RecordId, SparseVector, Vector};

pub fn to_struct(metadata: &Metadata) -> Option<Struct> {
    if metadata.is_empty() {
        return None;
    }
    let fields = metadata.0.iter().map(|(name, value)| (name.clone(), to_value(value))).collect();
    Some(Struct { fields })
}

fn to_value(value: &MetadataValue) -> Value {
    let kind = match value {
        MetadataValue::Null => Kind::NullValue(0),
        MetadataValue::Bool(value) => Kind::BoolValue(*value),
        MetadataValue::Number(value) => Kind::NumberValue(*value),
        MetadataValue::Digits(value) | MetadataValue::String(value) => {
            Kind::StringValue(value.clone())
        }
        MetadataValue::List(items) => {
            Kind::ListValue(ListValue { values: items.iter().map(to_value).collect() })
        }
        MetadataValue::Object(fields) => Kind::StructValue(Struct {
            fields: fields.iter().map(|(name, value)| (name.clone(), to_value(value))).collect(),
        }),
    };
    Value { kind: Some(kind) }
}

pub fn from_struct(value: Option<Struct>) -> Metadata {
    let fields = value.map(|value| value.fields).unwrap_or_default();
    Metadata(fields.into_iter().map(|(name, value)| (name, from_value(value))).collect())
}

fn from_value(value: Value) -> MetadataValue {
    match value.kind {
        None | Some(Kind::NullValue(_)) => MetadataValue::Null,
        Some(Kind::BoolValue(value)) => MetadataValue::Bool(value),
        Some(Kind::NumberValue(value)) => MetadataValue::Number(value),
        Some(Kind::StringValue(value)) => MetadataValue::String(value),
        Some(Kind::ListValue(list)) => {
            MetadataValue::List(list.values.into_iter().map(from_value).collect())
        }
        Some(Kind::StructValue(value)) => MetadataValue::Object(from_struct(Some(value)).0),
    }
}

/// A filter as a protobuf struct; numbers become f64, which is all the wire knows.
pub fn filter_struct(filter: &serde_json::Value) -> Result<Struct> {
    match json_value(filter).kind {
        Some(Kind::StructValue(value)) => Ok(value),
        _ => Err(Error::invalid("a metadata filter must be an object")),
    }
}

fn json_value(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    let kind = match value {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(*value),
        Json::Number(value) => Kind::NumberValue(value.as_f64().unwrap_or(f64::NAN)),
        Json::String(value) => Kind::StringValue(value.clone()),
        Json::Array(items) => {
            Kind::ListValue(ListValue { values: items.iter().map(json_value).collect() })
        }
        Json::Object(fields) => Kind::StructValue(Struct {
            fields: fields.iter().map(|(name, value)| (name.clone(), json_value(value))).collect(),
        }),
    };
    Value { kind: Some(kind) }
}

pub fn to_sparse(sparse: &SparseVector) -> proto::SparseValues {
    proto::SparseValues {
        indices: sparse.indices.clone(),
        values: sparse.values.as_le_bytes().clone(),
    }
}

pub fn to_vector(record: &Record) -> proto::Vector {
    proto::Vector {
        id: record.id.as_str().to_owned(),
        values: record.vector.as_le_bytes().clone(),
        metadata: to_struct(&record.metadata),
        sparse_values: record.sparse.as_ref().filter(|sparse| !sparse.is_empty()).map(to_sparse),
    }
}

pub fn from_vector(vector: proto::Vector) -> Result<Record> {
    let sparse = vector
        .sparse_values
        .filter(|sparse| !sparse.indices.is_empty() || !sparse.values.is_empty())
        .map(|sparse| from_sparse(sparse.indices, sparse.values, &vector.id))
        .transpose()?;
    Ok(Record {
        vector: from_values(vector.values, &vector.id)?,
        sparse,
        metadata: from_struct(vector.metadata),
        id: RecordId::from(vector.id),
    })
}

fn from_values(values: Bytes, id: &str) -> Result<Vector> {
    Vector::from_le_bytes(values).ok_or_else(|| {
        Error::new(ErrorKind::Protocol, "the values are not whole 4-byte floats")
            .with_context("id", id)
    })
}

fn from_sparse(indices: Vec<u32>, values: Bytes, id: &str) -> Result<SparseVector> {
    SparseVector::new(indices, from_values(values, id)?).ok_or_else(|| {
        Error::new(ErrorKind::Protocol, "sparse indices and values differ in length")
            .with_context("id", id)
    })
}

/// The records of a fetch answer, sharing its bytes. A peer that sends floats unpacked is understood too.
pub fn decode_fetch(answer: Bytes) -> Result<Vec<Record>> {
    match proto::FetchResponse::decode(answer.clone()) {
        Ok(answer) => answer.vectors.into_values().map(from_vector).collect(),
        Err(packed) => match proto::unpacked::FetchResponse::decode(answer) {
            Ok(answer) => answer.vectors.into_values().map(from_unpacked).collect(),
            Err(_) => Err(undecodable(packed)),
        },
    }
}

fn from_unpacked(vector: proto::unpacked::Vector) -> Result<Record> {
    from_vector(proto::Vector {
        id: vector.id,
        values: Vector::from_values(vector.values).as_le_bytes().clone(),
        metadata: vector.metadata,
        sparse_values: vector.sparse_values.map(|sparse| proto::SparseValues {
            indices: sparse.indices,
            values: Vector::from_values(sparse.values).as_le_bytes().clone(),
        }),
    })
}

pub fn decode<M: Message + Default>(answer: Bytes) -> Result<M> {
    M::decode(answer).map_err(undecodable)
}

fn undecodable(error: prost::DecodeError) -> Error {
    Error::new(ErrorKind::Protocol, "the answer cannot be decoded").with_source(error)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn record() -> Record {
        let json = r#"{"n":1.5,"s":"x","b":true,"l":["é"],"z":null,"o":{"p":2.0}}"#;
        Record {
            id: RecordId::from("a"),
            vector: Vector::from_values([1.0, -0.0, f32::MIN_POSITIVE, 1.0e-45]),
            sparse: SparseVector::new(vec![7, 3], Vector::from_values([0.1, 0.2])),
            metadata: serde_json::from_str(json).unwrap(),
        }
    }

    #[test]
    fn a_record_survives_the_wire_bit_for_bit() {
        let record = record();
        let answer = proto::FetchResponse {
            vectors: HashMap::from([("a".to_owned(), to_vector(&record))]),
            ..Default::default()
        };
        let bytes = Bytes::from(answer.encode_to_vec());
        assert_eq!(decode_fetch(bytes).unwrap(), [record]);
    }

    #[test]
    fn fetched_values_share_the_answer() {
        let answer = proto::FetchResponse {
            vectors: HashMap::from([("a".to_owned(), to_vector(&record()))]),
            ..Default::default()
        };
        let bytes = Bytes::from(answer.encode_to_vec());
        let range = bytes.as_ptr_range();
        let records = decode_fetch(bytes.clone()).unwrap();
        assert!(range.contains(&records[0].vector.as_le_bytes().as_ptr()));
    }

    #[test]
    fn floats_that_come_unpacked_are_understood() {
        // Vector { id: "a", values: 1.5 as one unpacked fixed32 field }, in map entry 1.
        let mut vector = vec![0x0a, 1, b'a', 0x15];
        vector.extend(1.5_f32.to_le_bytes());
        let mut entry = vec![0x0a, 1, b'a', 0x12, vector.len() as u8];
        entry.extend(vector);
        let mut answer = vec![0x0a, entry.len() as u8];
        answer.extend(entry);
        let records = decode_fetch(Bytes::from(answer)).unwrap();
        assert_eq!(records[0].vector, Vector::from_values([1.5]));
    }

    #[test]
    fn rubbish_is_a_protocol_error() {
        let error = decode_fetch(Bytes::from_static(b"<html>")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }
}
