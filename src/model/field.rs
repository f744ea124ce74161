//! A vector field of an index: what its vectors are, and how faithfully they are kept.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fidelity, Metric, VectorKind, VectorName};

/// What a component is kept as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    F32,
    F16,
    F64,
    Bit,
}

impl Element {
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::F64 => "f64",
            Self::Bit => "bit",
        }
    }
}

/// The fields of the metadata, as far as an index says which there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataFields {
    /// Those with a place of their own that a record's value goes to.
    pub given: BTreeSet<String>,
    /// Those whose values the store makes itself.
    pub made: BTreeSet<String>,
    /// Whether records hold no others.
    pub are_all: bool,
}

/// A vector field of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VectorField {
    pub name: VectorName,
    pub kind: VectorKind,
    /// The number of components of each vector, where the field says it itself; that of an index with one dense field is
    /// its own.
    pub dimension: Option<u32>,
    /// The measure of similarity, where the field has one of its own.
    pub metric: Option<Metric>,
    /// A measure that only its own system has a word for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign_metric: Option<&'static str>,
    pub element: Element,
    /// How faithfully vectors are kept.
    pub fidelity: Fidelity,
}

impl VectorField {
    /// A field that keeps every bit of 32-bit floats and leaves dimension and metric to its index.
    pub fn usual(name: VectorName, kind: VectorKind) -> Self {
        let (element, fidelity) = (Element::F32, Fidelity::Bits);
        Self { name, kind, dimension: None, metric: None, foreign_metric: None, element, fidelity }
    }

    /// Returns the word for how its vectors are compared in a search, where that is known.
    pub fn measure(&self) -> Option<&'static str> {
        self.metric.map(Metric::name).or(self.foreign_metric)
    }

    /// The fields of an index with a dense and a sparse vector, in words of no store.
    pub fn plain() -> Vec<Self> {
        vec![
            Self::usual(VectorName::DENSE, VectorKind::Dense),
            Self::usual(VectorName::SPARSE, VectorKind::Sparse),
        ]
    }
}

/// `a (dense, 384, f16)`
impl fmt::Display for VectorField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.name, self.kind)?;
        if let Some(dimension) = self.dimension {
            write!(f, ", {dimension}")?;
        }
        write!(f, ", {})", self.element.name())
    }
}
