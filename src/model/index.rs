//! An index as requested ([`IndexSpec`]) and as described ([`IndexDescription`]).

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MetadataFields, Metric, VectorField, VectorKind};

/// The kind of vectors that records carry: dense ones, or sparse values only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VectorType {
    #[default]
    Dense,
    Sparse,
}

/// The kind of an index and the place it runs in, as its system describes them.
///
/// Everybody may print and compare the words. What is `native` only the system reads. It is written as that alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The value of the metric `source.kind`: one word.
    pub kind: String,
    /// Kind and place: `serverless aws us-east-1`.
    pub words: String,
    /// Kind and place with the system's name, for where that is not known.
    pub title: String,
    /// What of kind and place does not change while the index exists.
    pub place: String,
    /// The only metadata fields that can be filtered on; `None` for all of them.
    pub filterable: Option<Vec<String>>,
    /// False if nobody knows by which metric its vectors are to be compared, as with files.
    pub knows_metric: bool,
    /// Its vector fields. The first dense one is what the dimension and the metric of an index are about.
    pub vectors: Vec<VectorField>,
    /// Its fields of metadata, as far as it says which there are.
    pub fields: MetadataFields,
    /// The system's own description.
    pub native: serde_json::Value,
}

impl Serialize for Deployment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.native.serialize(serializer)
    }
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// An index as requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexSpec {
    pub name: String,
    /// The length of its vectors; `None` for a sparse index.
    pub dimension: Option<u32>,
    pub metric: Metric,
    pub vector_type: VectorType,
    pub deployment: Deployment,
    pub deletion_protection: bool,
    pub tags: BTreeMap<String, String>,
}

impl IndexSpec {
    /// Returns the vector fields, the first dense one with the dimension of the index, and the first of the index's own
    /// kind with its metric, where that is known.
    pub fn vectors(&self) -> Vec<VectorField> {
        let mut vectors = self.deployment.vectors.clone();
        if let Some(field) = vectors.iter_mut().find(|field| field.kind == VectorKind::Dense) {
            field.dimension = field.dimension.or(self.dimension);
        }
        let kind = match self.vector_type {
            VectorType::Dense => VectorKind::Dense,
            VectorType::Sparse => VectorKind::Sparse,
        };
        let first = vectors.iter_mut().find(|field| field.kind == kind);
        if let Some(field) = first.filter(|_| self.deployment.knows_metric) {
            field.metric.get_or_insert(self.metric);
        }
        vectors
    }
}

/// An index as its control plane describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexDescription {
    pub spec: IndexSpec,
    /// The address of its data plane, as the control plane gives it (with or without a scheme).
    pub host: String,
    /// The collection it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// What distinguishes it from another of its name, by what it is called, where its system gives such things.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub marks: BTreeMap<String, String>,
    pub ready: bool,
    /// The provider's own word for its state; an open set.
    pub state: String,
}
