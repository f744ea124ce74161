//! Compares values: how many differ, and where they differ most.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::{AnyVector, Likeness, MultiVector, SparseVector, Value, Vector};

/// The position at which two vectors differ most. A value missing from one side is `None` and infinitely far away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Furthest {
    pub is_sparse: bool,
    /// The component, or the index of a sparse value.
    pub index: u32,
    pub source: Option<f32>,
    pub target: Option<f32>,
    /// The difference at that position; 0 if only bits differ (`-0` and `0`), infinite if a value is not a number.
    pub by: f64,
    /// The number of components whose bits differ.
    pub differing: u64,
}

impl Furthest {
    /// Returns whether this is a difference in such a comparison. Sparse values have no length that a store would take away.
    pub fn is_beyond(&self, likeness: Likeness) -> bool {
        match likeness {
            Likeness::Bits | Likeness::Unit => true,
            Likeness::Direction => self.is_sparse || self.by > Likeness::DIRECTION,
            Likeness::Tolerance(by) => self.by > by,
        }
    }
}

/// How two vectors of one name differ.
pub(super) enum Apart {
    At(Furthest),
    /// They are of different lengths or kinds.
    Shape(Shape, Shape),
}

/// What a vector is made of, as far as two of them can be compared by it: its components, if it is dense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Dense(usize),
    Sparse(usize),
    Multi { vectors: usize, dimension: u32 },
}

impl Shape {
    fn of(vector: Option<&AnyVector>) -> Self {
        match vector {
            None => Self::Dense(0),
            Some(AnyVector::Dense(dense)) => Self::Dense(dense.dimension()),
            Some(AnyVector::Sparse(sparse)) => Self::Sparse(sparse.len()),
            Some(AnyVector::Multi(multi)) => {
                let (dimension, all) = (multi.dimension(), multi.components().dimension());
                let vectors = all.checked_div(dimension as usize).unwrap_or_default();
                Self::Multi { vectors, dimension }
            }
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dense(components) => write!(f, "{components} components"),
            Self::Sparse(values) => write!(f, "{values} sparse values"),
            Self::Multi { vectors, dimension } => {
                write!(f, "{vectors} vectors of {dimension} components")
            }
        }
    }
}

/// The number of components of a dense vector, words for others.
impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Dense(components) => components.serialize(serializer),
            other => serializer.collect_str(other),
        }
    }
}

/// Compares what both sides have under one name; `None` if all bits that count are equal.
pub(super) fn between(
    likeness: Likeness,
    source: Option<&AnyVector>,
    target: Option<&AnyVector>,
) -> Option<Apart> {
    let sparse_of = |side: Option<&AnyVector>| side.is_none_or(|one| one.sparse().is_some());
    if sparse_of(source) && sparse_of(target) {
        let [ours, theirs] = [source, target].map(|side| side.and_then(AnyVector::sparse));
        return sparse(ours, theirs).map(Apart::At);
    }
    let shapes = (Shape::of(source), Shape::of(target));
    if shapes.0 != shapes.1 {
        return Some(Apart::Shape(shapes.0, shapes.1));
    }
    match (source?, target?) {
        (AnyVector::Dense(ours), AnyVector::Dense(theirs)) => dense_by(likeness, ours, theirs),
        (AnyVector::Multi(ours), AnyVector::Multi(theirs)) => each_by(likeness, ours, theirs),
        _ => None,
    }
    .map(Apart::At)
}

/// Compares vectors under one name, each with its own length.
fn each_by(likeness: Likeness, source: &MultiVector, target: &MultiVector) -> Option<Furthest> {
    let pairs = source.each().zip(target.each()).zip(0_u32..);
    let found = pairs.filter_map(|((ours, theirs), at)| {
        let found = dense_by(likeness, &ours, &theirs)?;
        Some(Furthest { index: at * source.dimension() + found.index, ..found })
    });
    found.reduce(|a, b| {
        let differing = a.differing + b.differing;
        Furthest { differing, ..if b.by > a.by { b } else { a } }
    })
}

/// Compares two vectors of the same dimension; `None` if all bits that count are equal.
fn dense_by(likeness: Likeness, source: &Vector, target: &Vector) -> Option<Furthest> {
    match likeness {
        Likeness::Bits | Likeness::Tolerance(_) => dense(source, target),
        Likeness::Unit => dense(&source.unit(), target),
        Likeness::Direction => dense(&source.unit(), &target.unit()),
    }
}

fn dense(source: &Vector, target: &Vector) -> Option<Furthest> {
    if source == target {
        return None;
    }
    let pairs = source.values().zip(target.values()).zip(0..);
    furthest(pairs.map(|((a, b), index)| (index, Some(a), Some(b))), false)
}

/// Compares sparse values; `None` if all entries are equal in every bit. Their order does not matter, and no values
/// equal an empty list.
fn sparse(source: Option<&SparseVector>, target: Option<&SparseVector>) -> Option<Furthest> {
    let sorted = |side: Option<&SparseVector>| side.map(SparseVector::sorted).unwrap_or_default();
    let (ours, theirs) = (sorted(source), sorted(target));
    furthest(Merge { ours: &ours, theirs: &theirs }, true)
}

/// Iterates over the entries of both sides in order of their index.
struct Merge<'a> {
    ours: &'a [(u32, f32)],
    theirs: &'a [(u32, f32)],
}

impl Iterator for Merge<'_> {
    type Item = (u32, Option<f32>, Option<f32>);

    fn next(&mut self) -> Option<Self::Item> {
        let (a, b) = (self.ours.first().copied(), self.theirs.first().copied());
        let index = match (a, b) {
            (None, None) => return None,
            (Some((a, _)), None) => a,
            (None, Some((b, _))) => b,
            (Some((a, _)), Some((b, _))) => a.min(b),
        };
        let of =
            |entry: Option<(u32, f32)>| entry.filter(|(at, _)| *at == index).map(|entry| entry.1);
        let (source, target) = (of(a), of(b));
        self.ours = &self.ours[usize::from(source.is_some())..];
        self.theirs = &self.theirs[usize::from(target.is_some())..];
        Some((index, source, target))
    }
}

fn furthest(
    pairs: impl Iterator<Item = (u32, Option<f32>, Option<f32>)>,
    is_sparse: bool,
) -> Option<Furthest> {
    let mut found: Option<Furthest> = None;
    for (index, source, target) in pairs {
        if source.map(f32::to_bits) == target.map(f32::to_bits) {
            continue;
        }
        let by = match (source, target) {
            (Some(a), Some(b)) => (f64::from(a) - f64::from(b)).abs(),
            _ => f64::INFINITY,
        };
        let by = if by.is_nan() { f64::INFINITY } else { by };
        let differing = found.map_or(0, |found| found.differing) + 1;
        match &mut found {
            Some(most) if most.by >= by => most.differing = differing,
            most => *most = Some(Furthest { is_sparse, index, source, target, by, differing }),
        }
    }
    found
}

/// Returns whether two metadata values are equal; if `is_exact`, floats are compared bit for bit.
pub(super) fn same_metadata(a: &Value, b: &Value, is_exact: bool) -> bool {
    match is_exact {
        true => a.is_identical(b),
        false => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[f32]) -> Vector {
        Vector::from_values(values.iter().copied())
    }

    fn entries(indices: &[u32], values: &[f32]) -> SparseVector {
        SparseVector::new(indices.to_vec(), vector(values)).unwrap()
    }

    #[test]
    fn the_largest_difference_is_told_with_its_place() {
        let found = dense(&vector(&[1.0, 2.0, 3.0]), &vector(&[1.0, 2.5, 3.25])).unwrap();
        assert_eq!((found.index, found.by, found.differing), (1, 0.5, 2));
        assert_eq!((found.source, found.target), (Some(2.0), Some(2.5)));
    }

    /// Covers every pair of values that a sloppy comparison would take for equal.
    #[test]
    fn without_a_tolerance_every_bit_counts() {
        let tiny = f32::from_bits(1);
        let pairs = [
            (0.0, -0.0, 0.0),
            (tiny, 0.0, f64::from(tiny)),
            (tiny, -tiny, 2.0 * f64::from(tiny)),
            (f32::MIN_POSITIVE, f32::from_bits(f32::MIN_POSITIVE.to_bits() - 1), f64::from(tiny)),
            (f32::MAX, f32::MIN, 2.0 * f64::from(f32::MAX)),
            (1.0, 1.0 + f32::EPSILON, f64::from(f32::EPSILON)),
            (16_777_216.0, 16_777_218.0, 2.0),
            (1.0, f32::NAN, f64::INFINITY),
        ];
        for (a, b, by) in pairs {
            let found = dense(&vector(&[a]), &vector(&[b])).unwrap();
            assert_eq!(found.by, by, "{a:e} {b:e}");
            assert!(found.is_beyond(Likeness::Bits), "{a:e} {b:e}");
            let tolerated = Likeness::Tolerance(0.0);
            assert_eq!(found.is_beyond(tolerated), by > 0.0, "{a:e} {b:e}");
            let found = sparse(Some(&entries(&[7], &[a])), Some(&entries(&[7], &[b]))).unwrap();
            assert_eq!((found.index, found.by), (7, by), "{a:e} {b:e}");
        }
    }

    #[test]
    fn a_length_that_a_store_does_not_keep_is_no_difference_in_direction() {
        let source = vector(&[3.0, 4.0, 0.1]);
        let differs = |likeness: Likeness, target: &Vector| {
            dense_by(likeness, &source, target).is_some_and(|found| found.is_beyond(likeness))
        };
        let unit = source.unit();
        assert!(differs(Likeness::Bits, &unit) && !differs(Likeness::Unit, &unit));
        let near = vector(&unit.values().map(f32::next_up).collect::<Vec<_>>());
        assert!(differs(Likeness::Unit, &near) && !differs(Likeness::Direction, &near));
        assert!(!differs(Likeness::Direction, &vector(&[6.0, 8.0, 0.2])));
        assert!(differs(Likeness::Direction, &vector(&[3.0, 4.0, 0.100_01])));
    }

    #[test]
    fn sparse_values_have_no_order_and_no_gaps() {
        let ours = entries(&[9, 1, 4_294_967_295], &[0.9, 0.1, 0.5]);
        assert_eq!(
            sparse(Some(&ours), Some(&entries(&[1, 9, 4_294_967_295], &[0.1, 0.9, 0.5]))),
            None
        );
        assert_eq!(sparse(None, Some(&SparseVector::default())), None);
        let found = sparse(Some(&ours), Some(&entries(&[1, 9], &[0.1, 0.8]))).unwrap();
        assert_eq!((found.index, found.target, found.by), (4_294_967_295, None, f64::INFINITY));
        assert_eq!(found.differing, 2);
        assert!(found.is_beyond(Likeness::Tolerance(f64::MAX)));
        assert!(sparse(None, Some(&ours)).is_some() && sparse(Some(&ours), None).is_some());
    }

    #[test]
    fn metadata_numbers_differ_in_their_last_bit() {
        let number = Value::F64;
        let large = 9_007_199_254_740_992.0;
        assert!(same_metadata(&number(large), &number(large), true));
        assert!(!same_metadata(&number(large), &number(large + 2.0), true));
        assert!(!same_metadata(&number(0.0), &number(-0.0), true));
        assert!(same_metadata(&number(0.0), &number(-0.0), false));
        assert!(!same_metadata(&number(0.1), &number(0.1_f64.next_up()), true));
        let list = |items: &[&str]| {
            Value::List(items.iter().map(|item| Value::Text((*item).into())).collect())
        };
        assert!(same_metadata(&list(&[]), &list(&[]), true));
        assert!(!same_metadata(&list(&["a", "b"]), &list(&["b", "a"]), true));
        assert!(!same_metadata(&list(&[]), &Value::Text("".into()), true));
    }
}
