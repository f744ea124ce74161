//! The table that a plan asks for: how its vectors are kept, and the index that is made over them after the load.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::admin::VectorColumn;
use super::index::{Distance, IndexPlan, Method};
use super::keys::VECTOR;
use super::kind::Kind;
use super::name::{TableName, misfit};
use crate::error::{Error, Result};
use crate::model::{
    Deployment, Fidelity, IndexSpec, Metric, VectorField, VectorKind, VectorName, VectorType,
};
use crate::plan::file::{CreateSpec, Protection};
use crate::plan::{Context, codes, step};

/// The word of its kind.
pub(super) const KIND: &str = "pgvector";

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
    fn of_keys(name: &str, keys: &VectorKeys) -> Self {
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

    fn kind(&self) -> Kind {
        if self.is_sparse { Kind::Sparsevec } else { self.element.kind() }
    }

    fn words(&self) -> String {
        let kind = if self.is_sparse { "sparse" } else { self.element.name() };
        format!("{} {kind} {} {}", self.name, self.dimension, self.metric)
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
        let (method, parameters) = method(keys.hnsw, keys.ivfflat);
        let vectors: Vec<Made> =
            keys.vectors.iter().map(|(name, keys)| Made::of_keys(name, keys)).collect();
        let has_halves = element == Element::F16
            || vectors.iter().any(|one| one.element == Element::F16 && !one.is_sparse);
        let is_rounding = keys.rounding == Some(Rounding::Accept) && has_halves;
        let is_partitioned = keys.namespaces == Some(Apart::Partitions);
        Self { element, is_rounding, is_partitioned, method, parameters, vectors }
    }

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

    fn fields(&self) -> Vec<VectorField> {
        let fidelity = |kind: VectorKind, element: Element| match self.is_rounding
            && kind == VectorKind::Dense
            && element == Element::F16
        {
            true => Fidelity::Lossy,
            false => Fidelity::Bits,
        };
        if self.vectors.is_empty() {
            let field = VectorField::usual(VectorName::only(VECTOR), VectorKind::Dense);
            let fidelity = fidelity(VectorKind::Dense, self.element);
            return vec![VectorField { element: self.element.kind().element(), fidelity, ..field }];
        }
        let count =
            |is_sparse| self.vectors.iter().filter(|one| one.is_sparse == is_sparse).count();
        let field = |one: &Made| {
            let kind = one.kind().of_vectors();
            let name = match count(one.is_sparse) {
                1 => VectorName::only(&one.name),
                _ => VectorName::of_several(&one.name),
            };
            VectorField {
                dimension: Some(one.dimension),
                metric: Some(one.metric),
                element: one.kind().element(),
                fidelity: fidelity(kind, one.element),
                ..VectorField::usual(name, kind)
            }
        };
        self.vectors.iter().map(field).collect()
    }

    /// Describes it in the words that everybody reads. What can be changed is not part of its place.
    pub fn deployment(&self, knows_metric: bool) -> Deployment {
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
            vectors: self.fields(),
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
    let has_halves = keys.element == Some(Element::F16)
        || keys.vectors.values().any(|one| one.element == Some(Element::F16));
    if keys.rounding == Some(Rounding::Accept) && !has_halves {
        let message = "`f32` keeps every component: only `element: f16` rounds";
        context.report(&codes::INDEX_SPEC, &at("rounding"), message);
    }
    if !keys.vectors.is_empty() {
        several(context, pointer, spec, &keys);
        return;
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

/// Checks the columns of a table with several vectors.
fn several(context: &mut Context<'_>, pointer: &str, spec: &CreateSpec, keys: &Keys) {
    let given = [
        ("dimension", spec.dimension.is_some()),
        ("metric", spec.metric.is_some()),
        ("vector_type", spec.vector_type.is_some()),
        ("element", keys.element.is_some()),
        ("hnsw", keys.hnsw.is_some()),
        ("ivfflat", keys.ivfflat.is_some()),
    ];
    let columns = context.key_region(&format!("{pointer}/vectors"));
    for (key, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
        let message = format!("`{key}` is said of each of `vectors`, not of all of them");
        context.report_with(&codes::INDEX_SPEC, &format!("{pointer}/{key}"), message, |d| {
            d.related(columns, "the vectors")
        });
    }
    for (name, one) in &keys.vectors {
        let at = |key: &str| format!("{pointer}/vectors/{}/{key}", step(name));
        let made = Made::of_keys(name, one);
        let (kind, has_index) = (made.kind(), made.method.is_some());
        if let Some(why) = misfit(name) {
            let message =
                format!("`{}` cannot be the name of a column: it {why}", name.escape_debug());
            let at = format!("{pointer}/vectors/{}", step(name));
            context.report_key(&codes::INDEX_SPEC, &at, message, |d| d);
        }
        if one.hnsw.is_some() && one.ivfflat.is_some() {
            let message = "an index over the vectors is `hnsw` or `ivfflat`, not both";
            context.report(&codes::INDEX_SPEC, &at("ivfflat"), message);
        }
        if made.is_sparse && one.ivfflat.is_some() {
            let message = "no IVFFlat index can be made over sparse vectors";
            context.report(&codes::INDEX_SPEC, &at("ivfflat"), message);
        }
        if made.is_sparse && one.element.is_some() {
            let message = "sparse vectors are kept as `f32`";
            context.report(&codes::INDEX_SPEC, &at("element"), message);
        }
        // Of sparse vectors the limits are about components that are not zero.
        if made.is_sparse {
            continue;
        }
        let most = if has_index { kind.index_limit() } else { kind.limit() };
        if let Some(most) = most.filter(|most| one.dimension > *most) {
            let what =
                if has_index { "an index over these vectors" } else { "a vector of pgvector" };
            let message = format!("{what} takes at most {most} components");
            context.report(&codes::INDEX_SPEC, &at("dimension"), message);
        }
    }
}
