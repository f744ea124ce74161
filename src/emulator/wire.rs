//! Between the wires' shapes and the model: metadata, vectors, sparse values.

use std::collections::BTreeMap;

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as ProtoValue};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::model::{Metadata, MetadataValue, Record, SparseVector, Vector};
use crate::provider::pinecone::proto;

use super::error::{Answer, Refusal};

/// Sparse values as JSON writes them.
#[derive(Deserialize)]
pub(crate) struct SparseBody {
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl SparseBody {
    pub fn read(self) -> Answer<SparseVector> {
        paired(self.indices, Vector::from_values(self.values))
    }
}

fn paired(indices: Vec<u32>, values: Vector) -> Answer<SparseVector> {
    SparseVector::new(indices, values)
        .ok_or_else(|| Refusal::invalid("Sparse vector must have as many indices as values"))
}

/// A record as JSON: `{id, values, sparseValues?, metadata?}`.
pub(crate) struct RecordJson<'a> {
    pub record: &'a Record,
    pub score: Option<f32>,
    pub has_values: bool,
    pub has_metadata: bool,
}

struct Floats<'a>(&'a Vector);

impl Serialize for Floats<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.values())
    }
}

#[derive(Serialize)]
struct SparseJson<'a> {
    indices: &'a [u32],
    values: Floats<'a>,
}

impl Serialize for RecordJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.record.id.as_str())?;
        if let Some(score) = self.score {
            map.serialize_entry("score", &score)?;
        }
        let nothing = Vector::default();
        let values = if self.has_values { &self.record.vector } else { &nothing };
        map.serialize_entry("values", &Floats(values))?;
        if let Some(sparse) = self.record.sparse.as_ref().filter(|_| self.has_values) {
            let values = Floats(&sparse.values);
            map.serialize_entry("sparseValues", &SparseJson { indices: &sparse.indices, values })?;
        }
        if self.has_metadata && !self.record.metadata.is_empty() {
            map.serialize_entry("metadata", &self.record.metadata)?;
        }
        map.end()
    }
}

pub(crate) fn vector_from_proto(bytes: bytes::Bytes) -> Answer<Vector> {
    Vector::from_le_bytes(bytes).ok_or_else(|| Refusal::invalid("Vector values are cut short"))
}

pub(crate) fn sparse_from_proto(sparse: proto::SparseValues) -> Answer<SparseVector> {
    paired(sparse.indices, vector_from_proto(sparse.values)?)
}

pub(crate) fn record_from_proto(vector: proto::Vector) -> Answer<Record> {
    Ok(Record {
        id: vector.id.into(),
        vector: vector_from_proto(vector.values)?,
        sparse: vector.sparse_values.map(sparse_from_proto).transpose()?,
        metadata: vector.metadata.map(metadata_from_proto).unwrap_or_default(),
    })
}

pub(crate) fn record_to_proto(record: &Record) -> proto::Vector {
    proto::Vector {
        id: record.id.to_string(),
        values: record.vector.as_le_bytes().clone(),
        metadata: metadata_to_proto(&record.metadata),
        sparse_values: record.sparse.as_ref().map(sparse_to_proto),
    }
}

pub(crate) fn sparse_to_proto(sparse: &SparseVector) -> proto::SparseValues {
    proto::SparseValues {
        indices: sparse.indices.clone(),
        values: sparse.values.as_le_bytes().clone(),
    }
}

pub(crate) fn metadata_from_proto(fields: Struct) -> Metadata {
    Metadata(fields.fields.into_iter().map(|(name, value)| (name, from_proto(value))).collect())
}

fn from_proto(value: ProtoValue) -> MetadataValue {
    match value.kind {
        None | Some(Kind::NullValue(_)) => MetadataValue::Null,
        Some(Kind::BoolValue(value)) => MetadataValue::Bool(value),
        Some(Kind::NumberValue(value)) => MetadataValue::Number(value),
        Some(Kind::StringValue(value)) => MetadataValue::String(value),
        Some(Kind::ListValue(list)) => {
            MetadataValue::List(list.values.into_iter().map(from_proto).collect())
        }
        Some(Kind::StructValue(fields)) => MetadataValue::Object(metadata_from_proto(fields).0),
    }
}

pub(crate) fn metadata_to_proto(metadata: &Metadata) -> Option<Struct> {
    (!metadata.is_empty()).then(|| struct_of(&metadata.0))
}

fn struct_of(fields: &BTreeMap<String, MetadataValue>) -> Struct {
    let fields = fields.iter().map(|(name, value)| (name.clone(), to_proto(value)));
    Struct { fields: fields.collect() }
}

fn to_proto(value: &MetadataValue) -> ProtoValue {
    let kind = match value {
        MetadataValue::Null => Kind::NullValue(0),
        MetadataValue::Bool(value) => Kind::BoolValue(*value),
        MetadataValue::Number(value) => Kind::NumberValue(*value),
        MetadataValue::Digits(value) | MetadataValue::String(value) => {
            Kind::StringValue(value.clone())
        }
        MetadataValue::List(items) => {
            Kind::ListValue(ListValue { values: items.iter().map(to_proto).collect() })
        }
        MetadataValue::Object(fields) => Kind::StructValue(struct_of(fields)),
    };
    ProtoValue { kind: Some(kind) }
}

/// A filter of the gRPC wire as the JSON the filter language is read from.
pub(crate) fn filter_from_proto(filter: Option<Struct>) -> Answer<Option<Value>> {
    let Some(filter) = filter else { return Ok(None) };
    let metadata = metadata_from_proto(filter);
    serde_json::to_value(metadata).map(Some).map_err(|error| Refusal::invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let metadata = serde_json::json!({"a": "x", "b": 2.5, "c": true, "d": ["y", "z"]});
        Record {
            id: "1".into(),
            vector: Vector::from_values([0.1, -0.0, 1e-40]),
            sparse: SparseVector::new(vec![9, 3], Vector::from_values([0.5, 0.25])),
            metadata: serde_json::from_value(metadata).unwrap(),
        }
    }

    #[test]
    fn a_record_crosses_grpc_unchanged() {
        assert_eq!(record_from_proto(record_to_proto(&record())).unwrap(), record());
    }

    #[test]
    fn json_numbers_parse_to_the_same_f32() {
        let mut state = 1_u32;
        for _ in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = f32::from_bits(state);
            if !value.is_finite() {
                continue;
            }
            let text = serde_json::to_string(&Floats(&Vector::from_values([value]))).unwrap();
            let back: Vec<f32> = serde_json::from_str(&text).unwrap();
            assert_eq!(back[0].to_bits(), value.to_bits(), "{text}");
        }
    }

    #[test]
    fn a_record_as_json_has_what_was_asked_for() {
        let record = record();
        let json = |has_values, has_metadata| {
            let view = RecordJson { record: &record, score: Some(0.5), has_values, has_metadata };
            serde_json::to_string(&view).unwrap()
        };
        assert_eq!(json(false, false), r#"{"id":"1","score":0.5,"values":[]}"#);
        assert!(
            json(true, false).contains(r#""sparseValues":{"indices":[9,3],"values":[0.5,0.25]}"#)
        );
        assert!(json(false, true).contains(r#""d":["y","z"]"#));
    }
}
