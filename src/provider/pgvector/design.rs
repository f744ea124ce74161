//! The table that a plan asks for: how its vectors are kept, and the index that is made over them after the load.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::index::{Distance, IndexPlan, Method};
use super::kind::Kind;
use super::name::TableName;
use crate::model::{Deployment, Fidelity, IndexSpec, Metric, VectorType};
use crate::plan::file::{CreateSpec, Protection};
use crate::plan::{Context, codes};

/// The word of its kind.
const KIND: &str = "pgvector";

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
}

/// How a component is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    #[default]
    F32,
    F16,
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

/// How the vectors of a table are kept and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Design {
    pub element: Element,
    /// Whether components are rounded to the element.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_rounding: bool,
    /// Whether each namespace has a partition of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_partitioned: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, u32>,
}

impl Element {
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Vector,
            Self::F16 => Kind::Halfvec,
        }
    }
}

impl Design {
    fn of_keys(keys: &Keys) -> Self {
        let element = keys.element.unwrap_or_default();
        let given = |pairs: &[(&str, Option<u32>)]| {
            pairs.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?))).collect()
        };
        let (method, parameters) = match (keys.hnsw, keys.ivfflat) {
            (Some(hnsw), _) => {
                let parameters = [("m", hnsw.m), ("ef_construction", hnsw.ef_construction)];
                (Some(Method::Hnsw), given(&parameters))
            }
            (None, Some(ivfflat)) => {
                (Some(Method::Ivfflat), given(&[("lists", Some(ivfflat.lists))]))
            }
            (None, None) => (None, BTreeMap::new()),
        };
        let is_rounding = keys.rounding == Some(Rounding::Accept) && element == Element::F16;
        let is_partitioned = keys.namespaces == Some(Apart::Partitions);
        Self { element, is_rounding, is_partitioned, method, parameters }
    }

    /// Returns the index to make over `column`; `None` if none is asked for.
    pub(super) fn index(
        &self,
        table: &TableName,
        column: &str,
        metric: Metric,
    ) -> Option<IndexPlan> {
        let method = self.method?;
        Some(IndexPlan {
            name: IndexPlan::name_for(table, column, method),
            method,
            column: column.to_owned(),
            distance: Distance::of(metric),
            parameters: self.parameters.clone(),
            is_concurrent: false,
            memory: None,
            workers: None,
        })
    }

    /// Describes it in the words that everybody reads. What can be changed is not part of its place.
    pub fn deployment(&self, knows_metric: bool) -> Deployment {
        let place = format!("{KIND} {}", self.element.name());
        let apart = if self.is_partitioned { ", a partition a namespace" } else { "" };
        let index = self.method.map_or("no index", Method::name);
        let words = format!("{place}{apart}, {index}");
        Deployment {
            kind: KIND.to_owned(),
            title: format!("PostgreSQL, {words}"),
            words,
            place,
            filterable: None,
            knows_metric,
            fidelity: if self.is_rounding { Fidelity::Lossy } else { Fidelity::Bits },
            native: serde_json::json!({ KIND: self }),
        }
    }

    /// Reads it from what [`Design::deployment`] made; `None` if that is of another system.
    pub(super) fn of(deployment: &Deployment) -> Option<Self> {
        serde_json::from_value(deployment.native.get(KIND)?.clone()).ok()
    }
}

/// Returns the index that a create stage asks for.
pub(super) fn asked_for(name: &str, asked: &CreateSpec) -> IndexSpec {
    let design = Design::of_keys(&asked.fields().unwrap_or_default());
    IndexSpec {
        name: name.to_owned(),
        dimension: asked.dimension,
        metric: asked.metric.unwrap_or(Metric::Cosine),
        vector_type: asked.vector_type.unwrap_or_default(),
        deployment: design.deployment(true),
        deletion_protection: asked.deletion_protection == Some(Protection::Enabled),
        tags: asked.tags.clone(),
    }
}

/// Checks what a create stage asks for.
pub(super) fn check(context: &mut Context<'_>, pointer: &str, spec: &CreateSpec) {
    let keys: Keys = spec.fields().unwrap_or_default();
    let at = |key: &str| format!("{pointer}/{key}");
    if keys.hnsw.is_some() && keys.ivfflat.is_some() {
        let first = context.key_region(&at("hnsw"));
        let message = "an index over the vectors is `hnsw` or `ivfflat`, not both";
        context.report_with(&codes::INDEX_SPEC, &at("ivfflat"), message, |d| {
            d.related(first, "hnsw here")
        });
    }
    if keys.rounding == Some(Rounding::Accept) && keys.element.unwrap_or_default() == Element::F32 {
        let message = "`f32` keeps every component: only `element: f16` rounds";
        context.report(&codes::INDEX_SPEC, &at("rounding"), message);
    }
    if spec.vector_type == Some(VectorType::Sparse) {
        let message = "a table for sparse values alone cannot be made yet";
        context.report(&codes::INDEX_SPEC, &at("vector_type"), message);
        return;
    }
    let Some(dimension) = spec.dimension else {
        if !context.is_tainted(&at("dimension")) {
            context.report(&codes::INDEX_SPEC, pointer, "the index has no dimension");
        }
        return;
    };
    let kind = keys.element.unwrap_or_default().kind();
    if kind.limit().is_some_and(|most| dimension > most) {
        let message = "a vector of pgvector has at most 16,000 components";
        context.report(&codes::INDEX_SPEC, &at("dimension"), message);
    } else if (keys.hnsw.is_some() || keys.ivfflat.is_some())
        && let Some(most) = kind.index_limit().filter(|most| dimension > *most)
    {
        let message = format!("an index over these vectors takes at most {most} components");
        context.report_with(&codes::INDEX_SPEC, &at("dimension"), message, |d| {
            d.help("leave the index out: every query then looks at every record of its namespace")
        });
    }
}
