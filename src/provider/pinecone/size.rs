//! The size of a record in a JSON request, without writing it.

use crate::model::{Record, Vector};

/// Bytes of `{"id":"","values":[],"sparseValues":{"indices":[],"values":[]},"metadata":},` around a record.
const FRAME: usize = 80;

/// Bytes of one record in an upsert over REST; never less than what is sent.
pub fn json_bytes(record: &Record) -> usize {
    let sparse = record
        .sparse()
        .map_or(0, |sparse| sparse.indices.len() * "4294967295,".len() + floats(&sparse.values));
    let id = record.id.text();
    // An escaped byte takes six at most (\u00XX).
    let id = if id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
        id.len()
    } else {
        id.len() * 6
    };
    FRAME + id + floats(record.dense()) + sparse + record.metadata.json_bytes()
}

fn floats(values: &Vector) -> usize {
    values.values().map(float).sum()
}

/// Most characters of the text of an f32 with its comma, by its sign and exponent alone.
fn float(value: f32) -> usize {
    let bits = value.to_bits();
    let digits = match bits << 1 {
        0 => "0.0".len(),
        _ => usize::from(WIDTHS[(bits >> MANTISSA & 0xff) as usize]),
    };
    (bits >> 31) as usize + digits + ",".len()
}

const MANTISSA: u32 = f32::MANTISSA_DIGITS - 1;

/// The width of the numbers of each exponent. Few enough numbers of one exponent span two powers of ten, so that the ends
/// tell.
const WIDTHS: [u8; 256] = {
    let mut widths = [0; 256];
    let mut exponent = 0;
    while exponent < widths.len() {
        let least = (exponent as u32) << MANTISSA;
        let (least, most) = (width(least), width(least | ((1 << MANTISSA) - 1)));
        widths[exponent] = if least > most { least } else { most };
        exponent += 1;
    }
    widths
};

/// Nine digits carry every f32, and small and large ones are written out before an exponent is used.
const fn width(bits: u32) -> u8 {
    match f32::from_bits(bits) {
        1e-1..1.0 => 2 + 9,
        1e-2..1e-1 => 3 + 9,
        1e-3..1e-2 => 4 + 9,
        1.0..1e8 => 9 + 2,
        1e8.. => 17 + 2,
        _ => 7 + 9,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Metadata, RecordId, SparseVector, Vectors};
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
                vectors: Vectors::plain(Vector::from_values(values), SparseVector::new(indices, sparse)),
                metadata: Metadata::default(),
            };
            let text = serde_json::to_string(&RecordBody::from(&record)).unwrap();
            prop_assert!(text.len() < json_bytes(&record));
        }
    }

    /// An estimate far too high would make batches far too small.
    #[test]
    fn the_reckoning_is_close() {
        let values = (0..3072).map(|at| (at as f32 * 0.37).sin() * 0.1);
        let record = Record {
            id: RecordId::from("twin_001#42"),
            vectors: Vectors::plain(Vector::from_values(values), None),
            metadata: Metadata::default(),
        };
        let text = serde_json::to_string(&RecordBody::from(&record)).unwrap();
        assert!((json_bytes(&record) as f64) < text.len() as f64 * 1.15);
    }
}
