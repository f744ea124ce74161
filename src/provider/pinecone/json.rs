//! The messages of the REST data plane. Floats are written in their shortest form that reads back as the same
//! f32, and read as f32 from the text (serde_json's `float_roundtrip`), never rounded twice.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use bytes::{BufMut, BytesMut};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Metadata, Record, RecordId, SparseVector, Vector};

/// Dense values as a JSON array of numbers.
pub struct Floats<'a>(pub &'a Vector);

impl Serialize for Floats<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.values())
    }
}

#[derive(Serialize)]
pub struct SparseOut<'a> {
    pub indices: &'a [u32],
    pub values: Floats<'a>,
}

impl<'a> From<&'a SparseVector> for SparseOut<'a> {
    fn from(sparse: &'a SparseVector) -> Self {
        Self { indices: &sparse.indices, values: Floats(&sparse.values) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordOut<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    values: Floats<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sparse_values: Option<SparseOut<'a>>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: &'a Metadata,
}

fn is_empty(values: &Floats) -> bool {
    values.0.is_empty()
}

impl<'a> From<&'a Record> for RecordOut<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            id: record.id.as_str(),
            values: Floats(&record.vector),
            sparse_values: record
                .sparse
                .as_ref()
                .filter(|sparse| !sparse.is_empty())
                .map(SparseOut::from),
            metadata: &record.metadata,
        }
    }
}

#[derive(Serialize)]
pub struct UpsertOut<'a> {
    pub vectors: Vec<RecordOut<'a>>,
    pub namespace: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryOut<'a> {
    pub namespace: &'a str,
    pub top_k: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<Floats<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_vector: Option<SparseOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<&'a serde_json::Value>,
    pub include_values: bool,
    pub include_metadata: bool,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteOut<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub ids: &'a [RecordId],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub delete_all: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<&'a serde_json::Value>,
    pub namespace: &'a str,
}

#[derive(Serialize)]
pub struct StatsOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<&'a serde_json::Value>,
}

/// Dense values read from a JSON array of numbers; `null` is none.
#[derive(Default)]
pub struct FloatsIn(Vector);

impl<'de> Deserialize<'de> for FloatsIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FloatsVisitor)
    }
}

struct FloatsVisitor;

impl<'de> Visitor<'de> for FloatsVisitor {
    type Value = FloatsIn;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_unit<E>(self) -> Result<FloatsIn, E> {
        Ok(FloatsIn::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<FloatsIn, A::Error> {
        let mut bytes = BytesMut::with_capacity(values.size_hint().unwrap_or(1024) * 4);
        while let Some(value) = values.next_element::<f32>()? {
            bytes.put_f32_le(value);
        }
        Ok(FloatsIn(Vector::from_le_bytes(bytes.freeze()).unwrap_or_default()))
    }
}

#[derive(Deserialize)]
pub struct SparseIn {
    #[serde(default)]
    indices: Vec<u32>,
    #[serde(default)]
    values: FloatsIn,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordIn {
    id: String,
    #[serde(default)]
    values: FloatsIn,
    #[serde(default)]
    sparse_values: Option<SparseIn>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

impl RecordIn {
    pub fn into_record(self) -> Result<Record> {
        let id = self.id;
        let sparse = self
            .sparse_values
            .filter(|sparse| !sparse.indices.is_empty() || !sparse.values.0.is_empty())
            .map(|sparse| {
                SparseVector::new(sparse.indices, sparse.values.0).ok_or_else(|| {
                    Error::new(ErrorKind::Protocol, "sparse indices and values differ in length")
                        .with_context("id", &id)
                })
            })
            .transpose()?;
        Ok(Record {
            id: RecordId::from(id),
            vector: self.values.0,
            sparse,
            metadata: self.metadata.unwrap_or_default(),
        })
    }
}

#[derive(Deserialize)]
pub struct FetchIn {
    #[serde(default)]
    pub vectors: HashMap<String, RecordIn>,
}

#[derive(Deserialize)]
pub struct MatchIn {
    pub id: String,
    #[serde(default)]
    pub score: f32,
}

#[derive(Deserialize)]
pub struct QueryIn {
    #[serde(default)]
    pub matches: Vec<MatchIn>,
}

#[derive(Deserialize)]
pub struct ListItemIn {
    pub id: String,
}

#[derive(Deserialize)]
pub struct PaginationIn {
    #[serde(default)]
    pub next: Option<String>,
}

#[derive(Deserialize)]
pub struct ListIn {
    #[serde(default)]
    pub vectors: Vec<ListItemIn>,
    #[serde(default)]
    pub pagination: Option<PaginationIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpsertIn {
    #[serde(default)]
    pub upserted_count: Int,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SummaryIn {
    #[serde(default)]
    pub vector_count: Int,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatsIn {
    #[serde(default)]
    pub namespaces: Option<BTreeMap<String, SummaryIn>>,
    #[serde(default)]
    pub dimension: Option<Int>,
    #[serde(default)]
    pub total_vector_count: Int,
}

/// A 64-bit count: proto3's JSON form is a string, what the service sends is a number; both are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Int(pub u64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntVisitor)
    }
}

struct IntVisitor;

impl Visitor<'_> for IntVisitor {
    type Value = Int;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count, as a number or in a string")
    }

    fn visit_unit<E>(self) -> Result<Int, E> {
        Ok(Int(0))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Int, E> {
        Ok(Int(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Int, E> {
        if value >= 0.0 && value.fract() == 0.0 && value < 2f64.powi(63) {
            Ok(Int(value as u64))
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Float(value), &self))
        }
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Int, E> {
        value
            .parse()
            .map(Int)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(value), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(record: &Record) -> Record {
        let text = serde_json::to_string(&RecordOut::from(record)).unwrap();
        serde_json::from_str::<RecordIn>(&text).unwrap().into_record().unwrap()
    }

    #[test]
    fn a_record_survives_json_bit_for_bit() {
        let values = [0.1, -0.0, f32::MIN_POSITIVE, f32::MAX, 1.0e-45, 16_777_217.0, 0.3];
        let record = Record {
            id: RecordId::from("a"),
            vector: Vector::from_values(values),
            sparse: SparseVector::new(vec![4_200_000_000], Vector::from_values([0.7])),
            metadata: serde_json::from_str(r#"{"n":0.30000000000000004,"l":["x"]}"#).unwrap(),
        };
        assert_eq!(round_trip(&record), record);
    }

    /// The decimal lies just above the middle of two f32: rounding to f64 first lands on the middle and
    /// then on the even neighbour, which is the wrong one.
    #[test]
    fn floats_are_rounded_once() {
        let text = "1.000000059604644775390626";
        assert_eq!(text.parse::<f32>().unwrap(), 1.000_000_1);
        assert_eq!(text.parse::<f64>().unwrap() as f32, 1.0);
        let FloatsIn(read) = serde_json::from_str(&format!("[{text}]")).unwrap();
        assert_eq!(read, Vector::from_values([1.000_000_1]));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            failure_persistence: None,
            ..Default::default()
        })]

        #[test]
        fn every_finite_f32_survives_json(bits in proptest::num::u32::ANY) {
            let value = f32::from_bits(bits);
            proptest::prop_assume!(value.is_finite());
            let vector = Vector::from_values([value]);
            let text = serde_json::to_string(&Floats(&vector)).unwrap();
            let FloatsIn(read) = serde_json::from_str(&text).unwrap();
            proptest::prop_assert_eq!(read, vector);
        }

        #[test]
        fn every_finite_f64_of_the_metadata_survives_json(bits in proptest::num::u64::ANY) {
            let value = f64::from_bits(bits);
            proptest::prop_assume!(value.is_finite());
            let metadata = Metadata([("n".to_owned(), crate::model::MetadataValue::Number(value))].into());
            let text = serde_json::to_string(&metadata).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Metadata>(&text).unwrap(), metadata);
        }
    }

    #[test]
    fn nulls_and_absent_members_are_none() {
        let text = r#"{"id":"a","values":null,"sparseValues":null,"metadata":null,"new":1}"#;
        let record = serde_json::from_str::<RecordIn>(text).unwrap().into_record().unwrap();
        assert!(record.vector.is_empty() && record.sparse.is_none());
    }

    #[test]
    fn counts_come_as_numbers_and_as_strings() {
        let read = |text: &str| serde_json::from_str::<Int>(text).map(|count| count.0);
        assert_eq!(read("5").unwrap(), 5);
        assert_eq!(read("\"5000000000\"").unwrap(), 5_000_000_000);
        assert_eq!(read("5.0").unwrap(), 5);
        assert!(read("-1").is_err());
    }
}
