use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::Floats;
use crate::model::{Metadata, Numbers, Record, SparseVector, Vectors};
use crate::pinecone_wire::{Fault, Malformed};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sparse<'a> {
    #[serde(default)]
    pub indices: Cow<'a, [u32]>,
    #[serde(default)]
    pub values: Floats,
}

impl<'a> From<&'a SparseVector> for Sparse<'a> {
    fn from(sparse: &'a SparseVector) -> Self {
        Self { indices: (&sparse.indices).into(), values: Floats(sparse.values.clone()) }
    }
}

impl Sparse<'_> {
    /// Returns the message as sparse values, even empty ones.
    ///
    /// # Errors
    /// The fault, if they are not as many as their indices.
    pub fn into_vector(self) -> Result<SparseVector, Fault> {
        SparseVector::new(self.indices.into_owned(), self.values.0).ok_or(Fault::Uneven)
    }
}

/// A record; a member that is left out is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordBody<'a> {
    pub id: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Floats>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparse_values: Option<Sparse<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "metadata")]
    pub metadata: Option<Cow<'a, Metadata>>,
}

/// Reads metadata without loss: what a service makes of a number that no float keeps is its own affair.
fn metadata<'de, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'a, Metadata>>, D::Error> {
    let raw: Option<Box<RawValue>> = Option::deserialize(deserializer)?;
    let read = |raw: Box<RawValue>| Metadata::from_json(raw.get(), Numbers::Floats);
    let read = raw.map(read).transpose().map_err(serde::de::Error::custom)?;
    Ok(read.map(Cow::Owned))
}

impl<'a> From<&'a Record> for RecordBody<'a> {
    fn from(record: &'a Record) -> Self {
        let vector = Some(record.dense()).filter(|vector| !vector.is_empty());
        Self {
            id: record.id.text(),
            values: vector.cloned().map(Floats),
            sparse_values: record.sparse().filter(|s| !s.is_empty()).map(Sparse::from),
            metadata: Some(&record.metadata).filter(|m| !m.is_empty()).map(Cow::Borrowed),
        }
    }
}

impl RecordBody<'_> {
    /// Returns the message as a record, with sparse values if it has the member, even an empty one.
    ///
    /// # Errors
    /// `Malformed` if sparse values are not as many as their indices.
    pub fn into_record(self) -> Result<Record, Malformed> {
        let sparse = match self.sparse_values.map(Sparse::into_vector).transpose() {
            Ok(sparse) => sparse,
            Err(fault) => return Err(Malformed { id: self.id.into_owned(), fault }),
        };
        Ok(Record {
            id: self.id.into_owned().into(),
            vectors: Vectors::plain(self.values.unwrap_or_default().0, sparse),
            metadata: self.metadata.map(Cow::into_owned).unwrap_or_default(),
        })
    }
}

/// One match of a query. A record without values has empty ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MatchBody<'a> {
    pub id: Cow<'a, str>,
    #[serde(default)]
    pub score: f32,
    #[serde(default)]
    pub values: Floats,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparse_values: Option<Sparse<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "metadata")]
    pub metadata: Option<Cow<'a, Metadata>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{RecordId, Value, Vector, Vectors};

    fn round_trip(record: &Record) -> Record {
        let text = serde_json::to_string(&RecordBody::from(record)).unwrap();
        serde_json::from_str::<RecordBody>(&text).unwrap().into_record().unwrap()
    }

    #[test]
    fn a_record_survives_json_bit_for_bit() {
        let values = [0.1, -0.0, f32::MIN_POSITIVE, f32::MAX, 1.0e-45, 16_777_217.0, 0.3];
        let record = Record {
            id: RecordId::from("a"),
            vectors: Vectors::plain(
                Vector::from_values(values),
                SparseVector::new(vec![4_200_000_000], Vector::from_values([0.7])),
            ),
            metadata: serde_json::from_str(r#"{"n":0.30000000000000004,"l":["x"]}"#).unwrap(),
        };
        assert_eq!(round_trip(&record), record);
        let text = serde_json::to_value(RecordBody::from(&record)).unwrap();
        let names: Vec<_> = text.as_object().unwrap().keys().collect();
        assert_eq!(names, ["id", "values", "sparseValues", "metadata"]);
    }

    #[test]
    fn empty_members_are_left_out_and_null_ones_empty() {
        let empty = Record {
            id: RecordId::from("a"),
            vectors: Vectors::default(),
            metadata: Metadata::default(),
        };
        assert_eq!(serde_json::to_value(RecordBody::from(&empty)).unwrap(), json!({"id": "a"}));
        let text = r#"{"id":"a","values":null,"sparseValues":null,"metadata":null,"new":1}"#;
        assert_eq!(serde_json::from_str::<RecordBody>(text).unwrap().into_record(), Ok(empty));
    }

    #[test]
    fn a_number_that_no_float_keeps_is_not_rounded_on_the_way() {
        let text = r#"{"id":"a","metadata":{"n":18446744073709551617,"m":12345678901234567000}}"#;
        let record = serde_json::from_str::<RecordBody>(text).unwrap().into_record().unwrap();
        let digits = Value::Decimal("18446744073709551617".into());
        assert_eq!(record.metadata.get("n"), Some(&digits));
        let number = Value::F64(12_345_678_901_234_567_000.0);
        assert_eq!(record.metadata.get("m"), Some(&number));
    }

    #[test]
    fn sparse_values_are_as_many_as_their_indices() {
        let read = |text: &str| serde_json::from_str::<RecordBody>(text).unwrap().into_record();
        let uneven = read(r#"{"id":"a","sparseValues":{"indices":[1]}}"#);
        assert_eq!(uneven, Err(Malformed { id: "a".to_owned(), fault: Fault::Uneven }));
        let empty = read(r#"{"id":"a","sparseValues":{}}"#).unwrap();
        assert_eq!(empty.sparse(), Some(&SparseVector::default()));
    }

    #[test]
    fn a_match_has_empty_values_where_none_were_asked_for() {
        let body = MatchBody { id: "1".into(), score: 0.5, ..MatchBody::default() };
        assert_eq!(serde_json::to_string(&body).unwrap(), r#"{"id":"1","score":0.5,"values":[]}"#);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            failure_persistence: None,
            ..Default::default()
        })]

        #[test]
        fn every_finite_f64_of_the_metadata_survives_json(bits in proptest::num::u64::ANY) {
            let value = f64::from_bits(bits);
            proptest::prop_assume!(value.is_finite());
            let metadata = Metadata([("n".to_owned(), Value::F64(value))].into());
            let text = serde_json::to_string(&metadata).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Metadata>(&text).unwrap(), metadata);
        }
    }
}
