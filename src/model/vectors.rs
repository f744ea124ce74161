//! The vectors of a record, each under the name of the field that holds it.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use smallvec::SmallVec;

use super::{SparseVector, Vector};

/// The name of a vector field, in the words of its store. It is made once for a store, and each record shares it.
#[derive(Clone)]
pub struct VectorName(Name);

/// A field that is the only one of its kind in its store may have any name: wherever its records arrive, and in their
/// sums, the name says nothing.
#[derive(Clone)]
enum Name {
    Fixed(&'static str),
    Shared { text: Arc<str>, is_only: bool },
}

impl VectorName {
    /// The only dense vector of a store that has no other word for it.
    pub const DENSE: Self = Self(Name::Fixed("values"));
    /// The only sparse vector of such a store.
    pub const SPARSE: Self = Self(Name::Fixed("sparse_values"));

    /// Makes the name of the only field of its kind in its store.
    pub fn only(text: &str) -> Self {
        Self(Name::Shared { text: text.into(), is_only: true })
    }

    /// Makes the name of one of several fields of its kind.
    pub fn of_several(text: &str) -> Self {
        Self(Name::Shared { text: text.into(), is_only: false })
    }

    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Fixed(text) => text,
            Name::Shared { text, .. } => text,
        }
    }

    /// Whether its store has no word for it: the field of a service of which records may have the one or the other, and not a
    /// column that somebody made.
    pub fn is_nameless(&self) -> bool {
        matches!(self.0, Name::Fixed(_))
    }

    /// Whether its store has no other field of its kind.
    pub fn is_only(&self) -> bool {
        match &self.0 {
            Name::Fixed(_) => true,
            Name::Shared { is_only, .. } => *is_only,
        }
    }
}

impl PartialEq for VectorName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for VectorName {}

impl PartialOrd for VectorName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for VectorName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for VectorName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for VectorName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for VectorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for VectorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl Serialize for VectorName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The kind of vectors that a field holds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum VectorKind {
    /// A number for each component.
    Dense,
    /// Numbers for some components, each with its index.
    Sparse,
    /// Several dense vectors of one length.
    Multi,
}

impl VectorKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Sparse => "sparse",
            Self::Multi => "multi",
        }
    }
}

impl fmt::Display for VectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Several dense vectors of one length under one name, as of the tokens of a text; their order counts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MultiVector {
    dimension: u32,
    /// The components of all of them, one vector after the other.
    components: Vector,
}

impl MultiVector {
    /// Makes vectors of `dimension` components each; `None` if the components are no multiple of it.
    pub fn new(dimension: u32, components: Vector) -> Option<Self> {
        let fits = match dimension {
            0 => components.is_empty(),
            dimension => components.dimension().is_multiple_of(dimension as usize),
        };
        fits.then_some(Self { dimension, components })
    }

    /// Returns the number of components of each.
    pub fn dimension(&self) -> u32 {
        self.dimension
    }

    pub fn components(&self) -> &Vector {
        &self.components
    }

    /// Returns the vectors one by one.
    pub fn each(&self) -> impl Iterator<Item = Vector> + '_ {
        let length = self.dimension as usize;
        let count = self.components.dimension().checked_div(length).unwrap_or_default();
        (0..count).map(move |at| self.components.part(at * length..(at + 1) * length))
    }
}

/// What a record holds under the name of a vector field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AnyVector {
    Dense(Vector),
    Sparse(SparseVector),
    Multi(MultiVector),
}

impl AnyVector {
    pub fn kind(&self) -> VectorKind {
        match self {
            Self::Dense(_) => VectorKind::Dense,
            Self::Sparse(_) => VectorKind::Sparse,
            Self::Multi(_) => VectorKind::Multi,
        }
    }

    /// Whether it has no components.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Dense(vector) => vector.is_empty(),
            Self::Sparse(sparse) => sparse.is_empty(),
            Self::Multi(multi) => multi.components.is_empty(),
        }
    }

    /// Returns the bytes of its numbers: 4 a component, 8 a non-zero.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Dense(vector) => vector.as_le_bytes().len(),
            Self::Sparse(sparse) => sparse.len() * 8,
            Self::Multi(multi) => multi.components.as_le_bytes().len(),
        }
    }

    pub fn dense(&self) -> Option<&Vector> {
        match self {
            Self::Dense(vector) => Some(vector),
            _ => None,
        }
    }

    pub fn sparse(&self) -> Option<&SparseVector> {
        match self {
            Self::Sparse(sparse) => Some(sparse),
            _ => None,
        }
    }
}

impl From<Vector> for AnyVector {
    fn from(vector: Vector) -> Self {
        Self::Dense(vector)
    }
}

impl From<SparseVector> for AnyVector {
    fn from(sparse: SparseVector) -> Self {
        Self::Sparse(sparse)
    }
}

/// The vectors of a record in order of their names. Two of them stand in the record itself. A field of which the record
/// has none is not among them; nor is a dense vector without components, which is none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Vectors(SmallVec<[(VectorName, AnyVector); 2]>);

impl Vectors {
    /// The vectors of a record of a store with one field of each kind, in its own words.
    pub fn plain(dense: Vector, sparse: Option<SparseVector>) -> Self {
        let mut vectors = Self::default();
        if let Some(sparse) = sparse {
            vectors.put(VectorName::SPARSE, sparse);
        }
        vectors.put(VectorName::DENSE, dense);
        vectors
    }

    /// Puts a vector in the place of what the name had.
    pub fn put(&mut self, name: VectorName, vector: impl Into<AnyVector>) {
        let vector = vector.into();
        let is_none = matches!(&vector, AnyVector::Dense(dense) if dense.is_empty());
        match (self.0.binary_search_by(|(known, _)| known.cmp(&name)), is_none) {
            (Ok(at), false) => self.0[at] = (name, vector),
            (Ok(at), true) => drop(self.0.remove(at)),
            (Err(at), false) => self.0.insert(at, (name, vector)),
            (Err(_), true) => {}
        }
    }

    pub fn get(&self, name: &str) -> Option<&AnyVector> {
        self.iter().find(|(known, _)| known.as_str() == name).map(|(_, vector)| vector)
    }

    pub fn take(&mut self, name: &str) -> Option<AnyVector> {
        let at = self.0.iter().position(|(known, _)| known.as_str() == name)?;
        Some(self.0.remove(at).1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&VectorName, &AnyVector)> {
        self.0.iter().map(|(name, vector)| (name, vector))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps those that `keep` accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(&VectorName, &AnyVector) -> bool) {
        self.0.retain(|(name, vector)| keep(name, vector));
    }

    /// Returns the first dense vector, for who asks for the only one; without components if there is none.
    pub fn dense(&self) -> &Vector {
        static NONE: Vector = Vector::NONE;
        self.iter().find_map(|(_, vector)| vector.dense()).unwrap_or(&NONE)
    }

    /// Returns the first sparse one, for who asks for the only one.
    pub fn sparse(&self) -> Option<&SparseVector> {
        self.iter().find_map(|(_, vector)| vector.sparse())
    }

    /// Returns the bytes of all their numbers.
    pub fn bytes(&self) -> usize {
        self.iter().map(|(_, vector)| vector.bytes()).sum()
    }
}

impl FromIterator<(VectorName, AnyVector)> for Vectors {
    fn from_iter<I: IntoIterator<Item = (VectorName, AnyVector)>>(all: I) -> Self {
        let mut vectors = Self::default();
        all.into_iter().for_each(|(name, vector)| vectors.put(name, vector));
        vectors
    }
}

impl IntoIterator for Vectors {
    type Item = (VectorName, AnyVector);
    type IntoIter = smallvec::IntoIter<[(VectorName, AnyVector); 2]>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(value: f32) -> AnyVector {
        Vector::from_values([value]).into()
    }

    #[test]
    fn the_order_in_which_they_were_put_does_not_matter() {
        let name = VectorName::of_several;
        let one: Vectors =
            [(name("b"), dense(1.0)), (name("c"), dense(3.0)), (name("a"), dense(2.0))]
                .into_iter()
                .collect();
        let other: Vectors =
            [(name("a"), dense(2.0)), (name("c"), dense(3.0)), (name("b"), dense(1.0))]
                .into_iter()
                .collect();
        assert_eq!(one, other);
        assert_eq!(one.dense(), &Vector::from_values([2.0]));
    }

    #[test]
    fn what_has_no_components_is_none_and_a_later_one_takes_its_place() {
        let mut vectors = Vectors::default();
        assert!(vectors.is_empty() && vectors.dense().is_empty());
        vectors.put(VectorName::DENSE, dense(1.0));
        vectors.put(VectorName::only("values"), dense(2.0));
        assert_eq!(vectors.iter().count(), 1);
        assert_eq!(vectors.take("values"), Some(dense(2.0)));
        assert_eq!(vectors.take("values"), None);
    }

    #[test]
    fn vectors_under_one_name_are_of_one_length() {
        let of = |dimension, count: usize| {
            MultiVector::new(dimension, Vector::from_values(vec![1.0; count])).is_some()
        };
        assert!(of(2, 4) && of(2, 0) && of(0, 0));
        assert!(!of(2, 3) && !of(0, 1));
    }
}
