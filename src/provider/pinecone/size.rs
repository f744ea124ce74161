//! The size of a record in a request. How the service measures a gRPC request is not documented, so the larger
//! of the two wires counts.

use prost::Message;

use crate::model::{Record, Vector};
use crate::pinecone_wire::proto::to_vector;

/// Bytes of `{"id":"","values":[],"sparseValues":{"indices":[],"values":[]},"metadata":},` around a record.
const JSON_FRAME: usize = 80;

/// Returns the bytes of one record in an upsert, on the wire that takes more; never less than what is sent.
pub fn request_bytes(record: &Record) -> usize {
    let protobuf = to_vector(record).encoded_len() + 8;
    protobuf.max(json_bytes(record))
}

fn json_bytes(record: &Record) -> usize {
    let sparse = record
        .sparse
        .as_ref()
        .map_or(0, |sparse| sparse.indices.len() * "4294967295,".len() + floats(&sparse.values));
    let id = record.id.as_str();
    // An escaped byte takes six at most (\u00XX).
    let id = if id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
        id.len()
    } else {
        id.len() * 6
    };
    JSON_FRAME + id + floats(&record.vector) + sparse + record.metadata.json_bytes()
}

fn floats(values: &Vector) -> usize {
    values.values().map(float).sum()
}

/// Returns the most characters that an f32 and its comma take as text: nine digits carry every f32, and small and
/// large ones are written out before an exponent is used.
fn float(value: f32) -> usize {
    let sign = usize::from(value.is_sign_negative());
    let digits = match value.abs() {
        0.0 => "0.0".len(),
        1e-1..1.0 => "0.".len() + 9,
        1e-2..1e-1 => "0.0".len() + 9,
        1e-3..1e-2 => "0.00".len() + 9,
        1.0..1e8 => 9 + ".0".len(),
        1e8.. => 17 + ".0".len(),
        _ => "0.00000".len() + 9,
    };
    sign + digits + ",".len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Metadata, RecordId, SparseVector};
    use crate::pinecone_wire::json::{Floats, RecordBody};

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_float_is_never_longer_than_reckoned(bits in proptest::num::u32::ANY) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            let vector = Vector::from_values([value]);
            let text = serde_json::to_string(&Floats(vector.clone())).unwrap();
            prop_assert!(text.len() <= floats(&vector) + 1, "{text}");
        }

        #[test]
        fn a_record_is_never_longer_than_reckoned(
            id in ".{1,40}",
            values in proptest::collection::vec(-2.0f32..2.0, 0..50),
            indices in proptest::collection::vec(proptest::num::u32::ANY, 0..10),
        ) {
            let sparse = Vector::from_values(indices.iter().map(|_| 0.123_456_79));
            let record = Record {
                id: RecordId::from(id),
                vector: Vector::from_values(values),
                sparse: SparseVector::new(indices, sparse),
                metadata: Metadata::default(),
            };
            let text = serde_json::to_string(&RecordBody::from(&record)).unwrap();
            prop_assert!(text.len() < request_bytes(&record));
            prop_assert!(to_vector(&record).encoded_len() < request_bytes(&record));
        }
    }

    /// An estimate far too high would make batches far too small.
    #[test]
    fn the_reckoning_is_close() {
        let values = (0..3072).map(|at| (at as f32 * 0.37).sin() * 0.1);
        let record = Record {
            id: RecordId::from("twin_001#42"),
            vector: Vector::from_values(values),
            sparse: None,
            metadata: Metadata::default(),
        };
        let text = serde_json::to_string(&RecordBody::from(&record)).unwrap();
        assert!((request_bytes(&record) as f64) < text.len() as f64 * 1.15);
    }
}
