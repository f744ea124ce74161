use std::fmt;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use twox_hash::XxHash3_128;

use super::{AnyVector, Metadata, Record, SparseVector, Value, Vector, VectorName};

/// The hash that is summed, as it stands before the sums that are kept. Sums of another one say nothing about these.
const HASH: &str = "xxh3:";

/// Fingerprint of a set of records in a few bytes: their number, and the sum of a hash of each.
///
/// The hash is XXH3 of 128 bits over id, vector bits, sparse entries in order of their index, metadata in order of
/// their fields (numbers by their bits, members that are null left out, as an index does), and vectors that are not the
/// only ones of their kind in order of their names. The sum is taken
/// modulo 2^128, so the order of the records does not matter, parts that share no record add up to the whole, and a
/// record that goes or comes changes it. Addition and not exclusive or: under the latter a record that is counted
/// twice cancels itself, and so do two equal changes.
///
/// Equal contents mean equal sets of records but for a chance of 2^-128. They do not protect against somebody who
/// makes up records for the purpose, and unequal contents do not say which record differs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    pub records: u64,
    sum: u128,
}

impl Contents {
    /// Returns the contents of these records, each of which counts as often as it occurs.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let (mut contents, mut spare) = (Self::default(), Vec::new());
        records.into_iter().for_each(|record| contents.count(record, &mut spare));
        contents
    }

    pub fn put(&mut self, record: &Record) {
        self.count(record, &mut Vec::new());
    }

    fn count(&mut self, record: &Record, spare: &mut Vec<u8>) {
        self.records += 1;
        self.sum = self.sum.wrapping_add(hash(record, spare));
    }

    /// Returns the sum in hexadecimal digits.
    pub fn checksum(&self) -> String {
        format!("{:032x}", self.sum)
    }
}

/// Contents as they were written down, perhaps by an earlier version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    pub records: u64,
    sum: String,
}

impl Recorded {
    /// Returns the contents; `None` if they were summed by a hash of an earlier version, with which nothing that is read
    /// now can be compared.
    pub fn contents(&self) -> Option<Contents> {
        let sum = u128::from_str_radix(self.sum.strip_prefix(HASH)?, 16).ok()?;
        Some(Contents { records: self.records, sum })
    }

    /// Reads contents that may be missing, or of a hash of an earlier version.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Contents>, D::Error> {
        Ok(Option::<Self>::deserialize(from)?.and_then(|recorded| recorded.contents()))
    }
}

impl From<Contents> for Recorded {
    fn from(contents: Contents) -> Self {
        Self { records: contents.records, sum: format!("{HASH}{}", contents.checksum()) }
    }
}

/// The form of [`Recorded`].
impl Serialize for Contents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Recorded::from(*self).serialize(serializer)
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

/// Hashes a record. Every part has its length before it or a length of its own, so that no two records have the same
/// bytes. The vector, which is most of a record, is hashed where it is; `spare` takes the rest and that hash.
///
/// What a record holds in the only dense and the only sparse field of its store counts without their names, as it did when
/// there were no others: where such a field is called something else, its records are the same.
fn hash(record: &Record, spare: &mut Vec<u8>) -> u128 {
    spare.clear();
    text(spare, &record.id.text());
    let (mut only_dense, mut only_sparse) = (None, None);
    for (name, vector) in record.vectors.iter().filter(|(name, _)| name.is_only()) {
        match vector {
            AnyVector::Dense(dense) => _ = only_dense.get_or_insert((name, dense)),
            AnyVector::Sparse(sparse) => _ = only_sparse.get_or_insert((name, sparse)),
            AnyVector::Multi(_) => {}
        }
    }
    dense(spare, only_dense.map_or(&Vector::NONE, |(_, vector)| vector));
    sparse(spare, only_sparse.map(|(_, sparse)| sparse));
    fields(spare, &record.metadata);
    let unnamed = [only_dense.map(|(name, _)| name), only_sparse.map(|(name, _)| name)];
    for (name, vector) in record.vectors.iter().filter(|(name, _)| !unnamed.contains(&Some(*name)))
    {
        // No sparse values and an empty list of them are the same record.
        if !vector.is_empty() {
            named(spare, name, vector);
        }
    }
    XxHash3_128::oneshot(spare)
}

fn dense(to: &mut Vec<u8>, vector: &Vector) {
    let bytes = vector.as_le_bytes();
    length(to, bytes.len());
    to.extend(XxHash3_128::oneshot(bytes).to_le_bytes());
}

fn sparse(to: &mut Vec<u8>, sparse: Option<&SparseVector>) {
    let sorted = sparse.map(SparseVector::sorted).unwrap_or_default();
    length(to, sorted.len());
    for (index, value) in sorted {
        to.extend(index.to_le_bytes());
        to.extend(value.to_le_bytes());
    }
}

fn named(to: &mut Vec<u8>, name: &VectorName, vector: &AnyVector) {
    text(to, name.as_str());
    match vector {
        AnyVector::Dense(vector) => {
            to.push(0);
            dense(to, vector);
        }
        AnyVector::Sparse(vector) => {
            to.push(1);
            sparse(to, Some(vector));
        }
        AnyVector::Multi(multi) => {
            to.push(2);
            to.extend(multi.dimension().to_le_bytes());
            dense(to, multi.components());
        }
    }
}

fn length(to: &mut Vec<u8>, length: usize) {
    to.extend((length as u64).to_le_bytes());
}

fn text(to: &mut Vec<u8>, text: &str) {
    length(to, text.len());
    to.extend(text.as_bytes());
}

/// Appends metadata. An index drops members that are null, so whether they are there depends on the wire they came
/// over.
fn fields(to: &mut Vec<u8>, metadata: &Metadata) {
    let kept = || metadata.0.iter().filter(|(_, value)| **value != Value::Null);
    length(to, kept().count());
    for (name, held) in kept() {
        text(to, name);
        value(to, held);
    }
}

fn value(to: &mut Vec<u8>, of: &Value) {
    match of {
        Value::Null => to.push(0),
        Value::Bool(is) => to.extend([1, u8::from(*is)]),
        Value::F64(number) => float(to, *number),
        // A number is the same in every type that keeps it, however it is spelled: a float if one does, else its digits.
        Value::I64(_) | Value::U64(_) | Value::Decimal(_) => match kept_by_a_float(of) {
            Some(number) => float(to, number),
            None => digits(to, of),
        },
        // So is a time, in a store that has times and in one that has only texts.
        Value::Text(string) | Value::Time(string) => {
            to.push(3);
            text(to, string);
        }
        Value::Bytes(bytes) => {
            to.push(7);
            length(to, bytes.len());
            to.extend(bytes.iter());
        }
        Value::List(items) => {
            to.push(4);
            length(to, items.len());
            items.iter().for_each(|item| value(to, item));
        }
        Value::Map(members) => {
            to.push(5);
            length(to, members.len());
            for (name, member) in members {
                text(to, name);
                value(to, member);
            }
        }
    }
}

fn float(to: &mut Vec<u8>, number: f64) {
    to.push(2);
    to.extend(number.to_bits().to_le_bytes());
}

/// Returns the float that keeps a number; a whole one may be spelled with more digits than a float is.
fn kept_by_a_float(number: &Value) -> Option<f64> {
    let whole = |digits: &str| Value::from(digits.parse::<i128>().ok()?).as_f64();
    match number {
        Value::Decimal(digits) => number.as_f64().or_else(|| whole(digits)),
        number => number.as_f64(),
    }
}

fn digits(to: &mut Vec<u8>, number: &Value) {
    to.push(6);
    text(to, &number.digits().map(|digits| digits.to_string()).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MultiVector, RecordId, Vectors};

    fn record(id: &str, metadata: &str) -> Record {
        Record {
            id: RecordId::from(id),
            vectors: Vectors::plain(Vector::from_values([1.0, -0.0]), None),
            metadata: serde_json::from_str(metadata).unwrap(),
        }
    }

    fn plain(values: &[f32]) -> Vectors {
        Vectors::plain(Vector::from_values(values.iter().copied()), None)
    }

    fn with_sparse(indices: [u32; 2], values: [f32; 2]) -> Record {
        let sparse = SparseVector::new(indices.to_vec(), Vector::from_values(values));
        Record { vectors: Vectors::plain(Vector::from_values([1.0]), sparse), ..record("a", "{}") }
    }

    /// A record with two dense vectors.
    fn of_two(one: &str, other: &str) -> Record {
        let named = |name: &str, value| {
            (VectorName::of_several(name), AnyVector::Dense(Vector::from_values([value])))
        };
        let vectors = [named(one, 1.0), named(other, 2.0)].into_iter().collect();
        Record { vectors, ..record("a", "{}") }
    }

    fn multi(dimension: u32) -> MultiVector {
        MultiVector::new(dimension, Vector::from_values([1.0, 2.0])).unwrap()
    }

    #[test]
    fn what_the_only_field_of_a_kind_is_called_does_not_count() {
        let named = |name| Record {
            vectors: [(name, AnyVector::Dense(Vector::from_values([1.0, -0.0])))]
                .into_iter()
                .collect(),
            ..record("a", "{}")
        };
        let usual = Contents::of([&record("a", "{}")]);
        assert_eq!(Contents::of([&named(VectorName::only("embedding"))]), usual);
        assert_ne!(Contents::of([&named(VectorName::of_several("embedding"))]), usual);
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
    fn a_number_counts_the_same_however_it_is_kept_and_spelled() {
        let of = |value: Value| {
            let metadata = Metadata([("x".to_owned(), value)].into());
            Contents::of([&Record { metadata, ..record("a", "{}") }]).checksum()
        };
        let decimal = |digits: &str| of(Value::Decimal(digits.into()));
        assert_eq!(decimal("1.10"), of(Value::F64(1.1)));
        assert_eq!(decimal("10.00"), of(Value::I64(10)));
        assert_eq!(decimal("1180591620717411303424"), of(Value::F64(2f64.powi(70))));
        assert_eq!(decimal("9007199254740993"), of(Value::I64(9_007_199_254_740_993)));
        assert_eq!(decimal("1234567890123456789.50"), decimal("12345678901234567895e-1"));
        assert_ne!(decimal("1234567890123456789.5"), decimal("1234567890123456789.25"));
        assert_ne!(of(Value::F64(0.0)), of(Value::F64(-0.0)));
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
            Record { vectors: plain(&[1.0, 0.0]), ..record("a", "{}") },
            Record { vectors: plain(&[1.0]), ..record("a", "{}") },
            with_sparse([1, 2], [0.5, 0.25]),
            of_two("a", "b"),
            of_two("a", "c"),
            of_two("b", "a"),
            Record {
                vectors: [(VectorName::only("m"), AnyVector::Multi(multi(1)))]
                    .into_iter()
                    .collect(),
                ..record("a", "{}")
            },
            Record {
                vectors: [(VectorName::only("m"), AnyVector::Multi(multi(2)))]
                    .into_iter()
                    .collect(),
                ..record("a", "{}")
            },
        ];
        let sums: std::collections::BTreeSet<String> =
            all.iter().map(|record| Contents::of([record]).checksum()).collect();
        assert_eq!(sums.len(), all.len());
    }

    #[test]
    fn what_an_index_does_not_keep_does_not_count() {
        assert_eq!(
            Contents::of([&with_sparse([1, 0], [0.1, 0.2])]),
            Contents::of([&with_sparse([0, 1], [0.2, 0.1])])
        );
        let mut empty = record("a", "{}");
        empty.vectors.put(VectorName::of_several("none"), SparseVector::default());
        empty.vectors.put(VectorName::SPARSE, SparseVector::default());
        assert_eq!(Contents::of([&empty]), Contents::of([&record("a", "{}")]));
        let null = record("a", r#"{"gone":null,"x":1}"#);
        assert_eq!(Contents::of([&null]), Contents::of([&record("a", r#"{"x":1}"#)]));
    }

    /// Journals keep the sum, and what one version wrote another compares with.
    #[test]
    fn the_sum_of_a_record_never_changes() {
        let mut record = record("a", r#"{"b":true,"l":["x"],"n":0.1,"s":"ü"}"#);
        let sparse = SparseVector::new(vec![7], Vector::from_values([0.5])).unwrap();
        record.vectors.put(VectorName::SPARSE, sparse);
        let contents = Contents::of([&record]);
        let text = serde_json::to_string(&contents).unwrap();
        insta::assert_snapshot!(text, @r#"{"records":1,"sum":"xxh3:fed32bfafdebaaafbe642bc33d7b99d9"}"#);
        let read = serde_json::from_str::<Recorded>(&text).unwrap();
        assert_eq!((read.contents(), &read), (Some(contents), &contents.into()));
    }

    /// Sums of SHA-256 are in journals of earlier versions: such a one is neither equal to a new one nor different.
    #[test]
    fn a_sum_of_another_hash_is_not_known() {
        let old = r#"{"records":1,"sum":"9d36fdd78097af80161b9aa9f4bac133"}"#;
        let read = serde_json::from_str::<Recorded>(old).unwrap();
        assert_eq!((read.records, read.contents()), (1, None));
        assert_eq!(Recorded::read(&mut serde_json::Deserializer::from_str(old)).unwrap(), None);
        assert_eq!(Recorded::read(&mut serde_json::Deserializer::from_str("null")).unwrap(), None);
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
    }
}
