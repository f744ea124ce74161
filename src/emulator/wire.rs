//! Between the wires' shapes and the model: metadata, vectors, sparse values.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::model::{Record, SparseVector, Vector};
use crate::pinecone_wire::Fault;

use super::error::Answer;

/// Sparse values as JSON writes them.
#[derive(Deserialize)]
pub(crate) struct SparseBody {
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl SparseBody {
    pub fn read(self) -> Answer<SparseVector> {
        let values = Vector::from_values(self.values);
        Ok(SparseVector::new(self.indices, values).ok_or(Fault::Uneven)?)
    }
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
