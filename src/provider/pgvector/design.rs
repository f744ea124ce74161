//! The table that a plan asks for: how its vectors are kept, and the index that is made over them after the load.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::admin::VectorColumn;
use super::index::{Distance, IndexPlan, Method};
use super::kind::Kind;
use super::name::TableName;
use crate::error::{Error, Result};
use crate::model::{Deployment, IndexSpec, MetadataFields, Metric, VectorField};

/// The word of its kind.
pub(super) const KIND: &str = "pgvector";

/// How a component is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    #[default]
    F32,
    F16,
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
    /// The columns, where there are several; the rest is about each of them that says nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vectors: Vec<Made>,
}

/// A column of vectors that is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub name: String,
    pub dimension: u32,
    pub metric: Metric,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_sparse: bool,
    pub element: Element,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, u32>,
}

impl Made {
    pub(super) fn kind(&self) -> Kind {
        if self.is_sparse { Kind::Sparsevec } else { self.element.kind() }
    }

    fn words(&self) -> String {
        let kind = if self.is_sparse { "sparse" } else { self.element.name() };
        format!("{} {kind} {} {}", self.name, self.dimension, self.metric)
    }
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
    /// Returns the columns of vectors; the only one is called `usual`.
    ///
    /// # Errors
    /// `Invalid` if the dimension of the only one is not known.
    pub(super) fn columns(&self, spec: &IndexSpec, usual: &str) -> Result<Vec<VectorColumn>> {
        if !self.vectors.is_empty() {
            let column = |one: &Made| VectorColumn {
                name: one.name.clone(),
                kind: one.kind(),
                dimension: one.dimension,
                is_required: false,
                distance: Some(Distance::of(one.metric)),
            };
            return Ok(self.vectors.iter().map(column).collect());
        }
        let dimension = spec.dimension.ok_or_else(|| {
            Error::invalid("a table that is made needs to know the dimension of its vectors")
        })?;
        Ok(vec![VectorColumn {
            name: usual.to_owned(),
            kind: self.element.kind(),
            dimension,
            is_required: true,
            distance: Some(Distance::of(spec.metric)),
        }])
    }

    /// Returns the indexes to make, in order; the only vector of a table is in `column`.
    pub(super) fn indexes(
        &self,
        table: &TableName,
        column: Option<&str>,
        metric: Metric,
    ) -> Vec<IndexPlan> {
        let index =
            |column: &str, metric, method: Option<Method>, parameters: &BTreeMap<String, u32>| {
                let method = method?;
                Some(IndexPlan {
                    name: IndexPlan::name_for(table, column, method),
                    method,
                    column: column.to_owned(),
                    distance: Distance::of(metric),
                    parameters: parameters.clone(),
                    is_concurrent: false,
                    memory: None,
                    workers: None,
                })
            };
        match &self.vectors[..] {
            [] => {
                let own = column.and_then(|one| index(one, metric, self.method, &self.parameters));
                own.into_iter().collect()
            }
            all => {
                let of = |one: &Made| index(&one.name, one.metric, one.method, &one.parameters);
                all.iter().filter_map(of).collect()
            }
        }
    }

    /// Returns what of its vectors cannot be changed, in words.
    pub(super) fn kept_as(&self) -> String {
        match &self.vectors[..] {
            [] => self.element.name().to_owned(),
            all => all.iter().map(Made::words).collect::<Vec<_>>().join(", "),
        }
    }

    /// Describes it in the words that everybody reads, with the fields of its vectors. What can be changed is not part of
    /// its place.
    pub fn deployment(&self, knows_metric: bool, vectors: Vec<VectorField>) -> Deployment {
        let place = match self.vectors.len() {
            0 => format!("{KIND} {}", self.element.name()),
            several => format!("{KIND}, {several} vectors"),
        };
        let apart = if self.is_partitioned { ", a partition a namespace" } else { "" };
        let methods =
            self.method.iter().chain(self.vectors.iter().filter_map(|one| one.method.as_ref()));
        let mut methods: Vec<_> = methods.map(|method| method.name()).collect();
        methods.dedup();
        let index = if methods.is_empty() { "no index".to_owned() } else { methods.join(", ") };
        let words = format!("{place}{apart}, {index}");
        Deployment {
            kind: KIND.to_owned(),
            title: format!("PostgreSQL, {words}"),
            words,
            place,
            filterable: None,
            knows_metric,
            vectors,
            fields: MetadataFields::default(),
            native: serde_json::json!({ KIND: self }),
        }
    }

    /// Reads it from what [`Design::deployment`] made; `None` if that is of another system.
    pub(super) fn of(deployment: &Deployment) -> Option<Self> {
        serde_json::from_value(deployment.native.get(KIND)?.clone()).ok()
    }
}
