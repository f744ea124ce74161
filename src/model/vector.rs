//! Dense and sparse vectors as the bytes they travel in.

use std::fmt;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

/// A dense vector: little-endian f32 values, shared and never copied on its way through the process.
///
/// This is the layout of a packed protobuf `repeated float` and of Parquet. Equality is bit equality.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Vector(Bytes);

impl Vector {
    /// The vector without components.
    pub const NONE: Self = Self(Bytes::new());

    /// Returns the vector whose values are these bytes; `None` if the length is not a multiple of four.
    pub fn from_le_bytes(bytes: Bytes) -> Option<Self> {
        bytes.len().is_multiple_of(4).then_some(Self(bytes))
    }

    pub fn from_values(values: impl IntoIterator<Item = f32>) -> Self {
        let values = values.into_iter();
        let mut bytes = BytesMut::with_capacity(values.size_hint().0 * 4);
        values.for_each(|value| bytes.put_f32_le(value));
        Self(bytes.freeze())
    }

    /// Returns the number of components; 0 for a record that has only sparse values.
    pub fn dimension(&self) -> usize {
        self.0.len() / 4
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_le_bytes(&self) -> &Bytes {
        &self.0
    }

    pub fn values(&self) -> impl ExactSizeIterator<Item = f32> + '_ {
        self.0.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
    }

    /// Returns some of its components, which share its bytes.
    pub(super) fn part(&self, components: Range<usize>) -> Self {
        Self(self.0.slice(components.start * 4..components.end * 4))
    }

    /// Returns the unit vector of its direction, reckoned in f64 and rounded once; itself if it has none.
    pub fn unit(&self) -> Self {
        let square: f64 = self.values().map(|value| f64::from(value) * f64::from(value)).sum();
        let length = square.sqrt();
        match length.is_normal() {
            true => {
                Self::from_values(self.values().map(|value| (f64::from(value) / length) as f32))
            }
            false => self.clone(),
        }
    }

    /// Whether no component is infinite or no number. It looks at all of them, which is quicker than to stop at the first.
    pub fn is_finite(&self) -> bool {
        self.values().fold(true, |all, value| all & value.is_finite())
    }

    /// Returns the largest absolute difference of one component; infinite if the dimensions differ or a difference is
    /// not a number.
    pub fn max_difference(&self, other: &Self) -> f32 {
        if self.0 == other.0 {
            return 0.0;
        }
        if self.dimension() != other.dimension() {
            return f32::INFINITY;
        }
        self.values().zip(other.values()).fold(0.0, |largest, (a, b)| {
            let difference = if a.to_bits() == b.to_bits() { 0.0 } else { (a - b).abs() };
            if difference.is_nan() { f32::INFINITY } else { largest.max(difference) }
        })
    }
}

impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vector({})", self.dimension())
    }
}

/// Sparse values: positions, and a value for each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SparseVector {
    pub indices: Vec<u32>,
    pub values: Vector,
}

impl SparseVector {
    /// Makes sparse values; `None` if the lengths differ.
    pub fn new(indices: Vec<u32>, values: Vector) -> Option<Self> {
        (indices.len() == values.dimension()).then_some(Self { indices, values })
    }

    pub fn len(&self) -> usize {
        self.indices.len()
    }

    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Returns the entries in order of their index: two peers may keep them in different orders.
    pub fn sorted(&self) -> Vec<(u32, f32)> {
        let mut entries: Vec<_> = self.indices.iter().copied().zip(self.values.values()).collect();
        entries.sort_by_key(|(index, _)| *index);
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_bit_for_bit() {
        let values = [0.0, -0.0, 1.5, f32::MIN_POSITIVE, -3.25e-30];
        let vector = Vector::from_values(values);
        let back: Vec<u32> = vector.values().map(f32::to_bits).collect();
        assert_eq!(back, values.map(f32::to_bits));
    }

    #[test]
    fn a_difference_is_never_hidden() {
        let a = Vector::from_values([1.0, 2.0]);
        assert_eq!(a.max_difference(&Vector::from_values([1.0, 2.5])), 0.5);
        assert_eq!(a.max_difference(&Vector::from_values([1.0])), f32::INFINITY);
        assert_eq!(a.max_difference(&Vector::from_values([1.0, f32::NAN])), f32::INFINITY);
    }
}
