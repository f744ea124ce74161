//! What a create stage may ask of a table.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::design::{Design, Element, Made};
use super::index::Method;
use crate::model::{IndexSpec, Metric, VectorType};
use crate::plan::file::{CreateSpec, Protection};

/// Keys of `create.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) struct Keys {
    /// For PostgreSQL: how a component is kept, by default `f32`; `f16` (a `halfvec`) takes only vectors that it need not
    /// round.
    #[serde(default)]
    pub element: Option<Element>,
    /// For PostgreSQL: whether components that `f16` does not keep are refused, as by default, or rounded to the nearest
    /// that it keeps; a verify stage then needs a `tolerance`.
    #[serde(default)]
    pub rounding: Option<Rounding>,
    /// For PostgreSQL: whether the table keeps namespaces apart by its column alone, as by default (`column`), or each in a
    /// partition of its own (`partitions`), made with its first record and dropped with the namespace.
    #[serde(default)]
    pub namespaces: Option<Apart>,
    /// For PostgreSQL: an HNSW index, made after the load. Without `hnsw` and `ivfflat` there is none, and every query
    /// looks at every record.
    #[serde(default)]
    pub hnsw: Option<Hnsw>,
    /// For PostgreSQL: an IVFFlat index, made after the load.
    #[serde(default)]
    pub ivfflat: Option<Ivfflat>,
    /// For PostgreSQL: the columns of a table with several vectors, each by its name; in place of `dimension`, `metric`,
    /// `vector_type`, `element` and an index of the spec itself. A record may lack some of them.
    #[serde(default)]
    pub vectors: BTreeMap<String, VectorKeys>,
}

/// A column of vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VectorKeys {
    /// The number of components; of sparse vectors one more than the largest index.
    #[schemars(range(min = 1))]
    pub dimension: u32,
    /// Whether its vectors are dense, as by default, or sparse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_type: Option<VectorType>,
    /// The measure of similarity; default `cosine`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// How a component of a dense vector is kept, by default `f32`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<Element>,
    /// An HNSW index, made after the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hnsw: Option<Hnsw>,
    /// An IVFFlat index, made after the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ivfflat: Option<Ivfflat>,
}

/// What becomes of a component that an element does not keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rounding {
    /// Its record is refused.
    #[default]
    Refuse,
    /// It is rounded to the nearest that is kept.
    Accept,
}

/// How a table keeps namespaces apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Apart {
    #[default]
    Column,
    /// Each is a table of its own, with its own part of every index.
    Partitions,
}

/// Parameters of an HNSW index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hnsw {
    /// Connections of an element in a layer, 2 to 100; the server's own default is 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 100))]
    pub m: Option<u32>,
    /// Candidates while it is made, 4 to 1,000; the server's own default is 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 4, max = 1000))]
    pub ef_construction: Option<u32>,
}

/// Parameters of an IVFFlat index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ivfflat {
    /// Lists, 1 to 32,768; pgvector's advice is a thousandth of the records up to a million, then their square root.
    #[schemars(range(min = 1, max = 32768))]
    pub lists: u32,
}

impl Made {
    pub(super) fn of_keys(name: &str, keys: &VectorKeys) -> Self {
        let (method, parameters) = method(keys.hnsw, keys.ivfflat);
        Self {
            name: name.to_owned(),
            dimension: keys.dimension,
            metric: keys.metric.unwrap_or(Metric::Cosine),
            is_sparse: keys.vector_type == Some(VectorType::Sparse),
            element: keys.element.unwrap_or_default(),
            method,
            parameters,
        }
    }
}

impl Design {
    fn of_keys(keys: &Keys) -> Self {
        let element = keys.element.unwrap_or_default();
        let (method, parameters) = method(keys.hnsw, keys.ivfflat);
        let vectors: Vec<Made> =
            keys.vectors.iter().map(|(name, keys)| Made::of_keys(name, keys)).collect();
        let has_halves = element == Element::F16
            || vectors.iter().any(|one| one.element == Element::F16 && !one.is_sparse);
        let is_rounding = keys.rounding == Some(Rounding::Accept) && has_halves;
        let is_partitioned = keys.namespaces == Some(Apart::Partitions);
        Self { element, is_rounding, is_partitioned, method, parameters, vectors }
    }
}

fn method(hnsw: Option<Hnsw>, ivfflat: Option<Ivfflat>) -> (Option<Method>, BTreeMap<String, u32>) {
    let given = |pairs: &[(&str, Option<u32>)]| {
        pairs.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?))).collect()
    };
    match (hnsw, ivfflat) {
        (Some(hnsw), _) => {
            let parameters = [("m", hnsw.m), ("ef_construction", hnsw.ef_construction)];
            (Some(Method::Hnsw), given(&parameters))
        }
        (None, Some(ivfflat)) => (Some(Method::Ivfflat), given(&[("lists", Some(ivfflat.lists))])),
        (None, None) => (None, BTreeMap::new()),
    }
}

/// Returns the index that a create stage asks for, without the fields of its vectors, which depend on the columns that
/// records are made of.
pub(super) fn asked_for(name: &str, asked: &CreateSpec) -> IndexSpec {
    let design = Design::of_keys(&asked.fields().unwrap_or_default());
    let first = design.vectors.iter().find(|one| !one.is_sparse).or(design.vectors.first());
    let metric = asked.metric.or(first.map(|one| one.metric));
    let is_sparse = first.is_some_and(|one| one.is_sparse);
    IndexSpec {
        name: name.to_owned(),
        dimension: asked.dimension.or(first.filter(|_| !is_sparse).map(|one| one.dimension)),
        metric: metric.unwrap_or(Metric::Cosine),
        vector_type: match is_sparse {
            true => VectorType::Sparse,
            false => asked.vector_type.unwrap_or_default(),
        },
        deployment: design.deployment(true, Vec::new()),
        deletion_protection: asked.deletion_protection == Some(Protection::Enabled),
        tags: asked.tags.clone(),
    }
}
