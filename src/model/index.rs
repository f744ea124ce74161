//! An index as requested ([`IndexSpec`]) and as described ([`IndexDescription`]).

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fidelity;

/// The measure of similarity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    Cosine,
    Dotproduct,
    Euclidean,
}

impl Metric {
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Dotproduct => "dotproduct",
            Self::Euclidean => "euclidean",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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
    /// How faithfully it keeps vectors.
    pub fidelity: Fidelity,
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

/// An index as its control plane describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexDescription {
    pub spec: IndexSpec,
    /// The address of its data plane, as the control plane gives it (with or without a scheme).
    pub host: String,
    /// The collection it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    pub ready: bool,
    /// The provider's own word for its state; an open set.
    pub state: String,
}
