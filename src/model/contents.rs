use std::fmt;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::{Metadata, Record, Value};

/// Fingerprint of a set of records in a few bytes: their number, and the sum of a hash of each.
///
/// The hash is SHA-256 over id, vector bits, sparse entries in order of their index, and metadata in order of their
/// fields (numbers by their bits, members that are null left out, as an index does), cut to 128 bits. The sum is taken
/// modulo 2^128, so the order of the records does not matter, parts that share no record add up to the whole, and a
/// record that goes or comes changes it. Addition and not exclusive or: under the latter a record that is counted
/// twice cancels itself, and so do two equal changes.
///
/// Equal contents mean equal sets of records but for a chance of 2^-128. They do not protect against somebody who
/// makes up records for the purpose (sums of hashes can be forged with enough of them), and unequal contents do not
/// say which record differs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    pub records: u64,
    #[serde(serialize_with = "to_hex", deserialize_with = "from_hex")]
    sum: u128,
}

impl Contents {
    /// Returns the contents of these records, each of which counts as often as it occurs.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut contents = Self::default();
        records.into_iter().for_each(|record| contents.put(record));
        contents
    }

    pub fn put(&mut self, record: &Record) {
        self.records += 1;
        self.sum = self.sum.wrapping_add(hash(record));
    }

    /// Returns the sum in hexadecimal digits.
    pub fn checksum(&self) -> String {
        format!("{:032x}", self.sum)
    }
}

impl AddAssign for Contents {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl Add for Contents {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl std::iter::Sum for Contents {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |all, part| all + part)
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records, {}", self.records, self.checksum())
    }
}

fn to_hex<S: Serializer>(sum: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{sum:032x}"))
}

fn from_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    let text = String::deserialize(deserializer)?;
    u128::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
}

/// Hashes a record. Every part has its length before it or a length of its own, so that no two records have the same
/// bytes.
fn hash(record: &Record) -> u128 {
    let mut hash = Sha256::new();
    text(&mut hash, record.id.as_str());
    hash.update(length(record.vector.as_le_bytes().len()));
    hash.update(record.vector.as_le_bytes());
    // No sparse values and an empty list of them are the same record.
    let sparse = record.sparse.as_ref().map(|sparse| sparse.sorted()).unwrap_or_default();
    hash.update(length(sparse.len()));
    for (index, value) in sparse {
        hash.update(index.to_le_bytes());
        hash.update(value.to_le_bytes());
    }
    fields(&mut hash, &record.metadata);
    let digest = hash.finalize();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    u128::from_le_bytes(half)
}

fn length(length: usize) -> [u8; 8] {
    (length as u64).to_le_bytes()
}

fn text(hash: &mut Sha256, text: &str) {
    hash.update(length(text.len()));
    hash.update(text);
}

/// Hashes metadata. An index drops members that are null, so whether they are there depends on the wire they came
/// over.
fn fields(hash: &mut Sha256, metadata: &Metadata) {
    let kept = || metadata.0.iter().filter(|(_, value)| **value != Value::Null);
    hash.update(length(kept().count()));
    for (name, held) in kept() {
        text(hash, name);
        value(hash, held);
    }
}

fn value(hash: &mut Sha256, of: &Value) {
    match of {
        Value::Null => hash.update([0]),
        Value::Bool(is) => hash.update([1, u8::from(*is)]),
        Value::F64(number) => float(hash, *number),
        // A number is the same in every type that keeps it: a float if one does, else its digits.
        Value::I64(number) => match of.as_f64() {
            Some(number) => float(hash, number),
            None => digits(hash, &number.to_string()),
        },
        Value::U64(number) => match of.as_f64() {
            Some(number) => float(hash, number),
            None => digits(hash, &number.to_string()),
        },
        Value::Decimal(number) => digits(hash, number),
        // So is a time, in a store that has times and in one that has only texts.
        Value::Text(string) | Value::Time(string) => {
            hash.update([3]);
            text(hash, string);
        }
        Value::Bytes(bytes) => {
            hash.update([7]);
            hash.update(length(bytes.len()));
            hash.update(bytes);
        }
        Value::List(items) => {
            hash.update([4]);
            hash.update(length(items.len()));
            items.iter().for_each(|item| value(hash, item));
        }
        Value::Map(members) => {
            hash.update([5]);
            hash.update(length(members.len()));
            for (name, member) in members {
                text(hash, name);
                value(hash, member);
            }
        }
    }
}

fn float(hash: &mut Sha256, number: f64) {
    hash.update([2]);
    hash.update(number.to_bits().to_le_bytes());
}

fn digits(hash: &mut Sha256, digits: &str) {
    hash.update([6]);
    text(hash, digits);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RecordId, SparseVector, Vector};

    fn record(id: &str, metadata: &str) -> Record {
        Record {
            id: RecordId::from(id),
            vector: Vector::from_values([1.0, -0.0]),
            sparse: None,
            metadata: serde_json::from_str(metadata).unwrap(),
        }
    }

    #[test]
    fn order_does_not_matter_and_how_often_a_record_is_there_does() {
        let (a, b) = (record("a", "{}"), record("b", "{}"));
        assert_eq!(Contents::of([&a, &b]), Contents::of([&b, &a]));
        assert_eq!(Contents::of([&a]) + Contents::of([&b]), Contents::of([&a, &b]));
        let once = Contents::of([&b]);
        assert_ne!(Contents::of([&a, &a, &b]).checksum(), once.checksum());
    }

    #[test]
    fn every_part_of_a_record_counts() {
        let all = [
            record("a", "{}"),
            record("b", "{}"),
            record("a", r#"{"x":1}"#),
            record("a", r#"{"x":"1"}"#),
            record("a", r#"{"x":true}"#),
            record("a", r#"{"x":["1"]}"#),
            record("a", r#"{"x":["1","2"]}"#),
            record("a", r#"{"x":["2","1"]}"#),
            record("a", r#"{"x":["1"],"y":"2"}"#),
            record("a", r#"{"x":0}"#),
            record("a", r#"{"x":-0.0}"#),
            record("a", r#"{"x":{"y":1}}"#),
            record("a", r#"{"xy":1}"#),
            Record { vector: Vector::from_values([1.0, 0.0]), ..record("a", "{}") },
            Record { vector: Vector::from_values([1.0]), ..record("a", "{}") },
            Record {
                sparse: SparseVector::new(vec![1], Vector::from_values([0.5])),
                ..record("a", "{}")
            },
        ];
        let sums: std::collections::BTreeSet<String> =
            all.iter().map(|record| Contents::of([record]).checksum()).collect();
        assert_eq!(sums.len(), all.len());
    }

    #[test]
    fn what_an_index_does_not_keep_does_not_count() {
        let with = |indices: [u32; 2], values: [f32; 2]| Record {
            sparse: SparseVector::new(indices.to_vec(), Vector::from_values(values)),
            ..record("a", "{}")
        };
        assert_eq!(
            Contents::of([&with([1, 0], [0.1, 0.2])]),
            Contents::of([&with([0, 1], [0.2, 0.1])])
        );
        let empty = Record { sparse: Some(SparseVector::default()), ..record("a", "{}") };
        assert_eq!(Contents::of([&empty]), Contents::of([&record("a", "{}")]));
        let null = record("a", r#"{"gone":null,"x":1}"#);
        assert_eq!(Contents::of([&null]), Contents::of([&record("a", r#"{"x":1}"#)]));
    }

    /// Journals keep the sum, and what one version wrote another compares with.
    #[test]
    fn the_sum_of_a_record_never_changes() {
        let record = Record {
            sparse: SparseVector::new(vec![7], Vector::from_values([0.5])),
            ..record("a", r#"{"b":true,"l":["x"],"n":0.1,"s":"ü"}"#)
        };
        let text = serde_json::to_string(&Contents::of([&record])).unwrap();
        insta::assert_snapshot!(text, @r#"{"records":1,"sum":"9d36fdd78097af80161b9aa9f4bac133"}"#);
        assert_eq!(serde_json::from_str::<Contents>(&text).unwrap(), Contents::of([&record]));
    }
}
