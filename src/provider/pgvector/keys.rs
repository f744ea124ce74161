//! What plans say of a table: its name, how it is reached, and which of its columns make a record.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::look::Table;
use super::mapping::{Fields, Layout};
use crate::plan::file::{Endpoint, Secret};

/// Columns that have these names need not be named by the plan, and tables that are made have them.
pub(super) const ID: &str = "id";
pub(super) const TENANT: &str = "namespace";
pub(super) const VECTOR: &str = "embedding";
pub(super) const METADATA: &str = "metadata";

/// Keys of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct Keys {
    /// For PostgreSQL: the URL of the database, `postgres://user:password@host:5432/database?sslmode=verify-full`; the
    /// default is the environment variable `DATABASE_URL`.
    #[serde(default)]
    pub url: Option<Secret>,
    /// For PostgreSQL: the columns that a record is made of, if the names are not the usual ones.
    #[serde(default)]
    pub row: Option<Row>,
}

impl Keys {
    pub fn of(endpoint: &Endpoint) -> Self {
        endpoint.fields().unwrap_or_default()
    }
}

/// The columns that a record is made of. A column that is named nowhere and is no field of the metadata is neither read
/// nor written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The column of the id: text, whole numbers or UUIDs; default: the column of the table's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub id: Option<String>,
    /// The column of the only dense vector that is moved: `vector`, `halfvec`, `bit`, `real[]` or `double precision[]`;
    /// default: every column of the types `vector` and `halfvec`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub vector: Option<String>,
    /// The column of the only sparse values that are moved, a `sparsevec`; default: every such column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub sparse: Option<String>,
    /// The columns of all vectors that are moved, of any of these types, in place of `vector` and `sparse`. Each is a vector
    /// under its column's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1))]
    pub vectors: Vec<String>,
    /// The column of the namespace; default: the column `namespace`, which may be absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub tenant: Option<String>,
    /// The metadata: the `jsonb` column that holds all of it, or a list of columns that each become a field; default: all
    /// columns that are left, and a `jsonb` column `metadata` for every other field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataIn>,
    /// Columns that together occur once and are never null, where the plan knows it and the table does not say: those of
    /// a view, or of a table without a key. An audit counts what contradicts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1))]
    pub key: Vec<String>,
    /// Of a source: whether numbers of a `double precision[]` that no 32-bit float keeps become the nearest that one does.
    /// Default: they are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub round: bool,
}

/// Where the metadata is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MetadataIn {
    One(#[schemars(length(min = 1))] String),
    Fields(Vec<String>),
}

impl Row {
    /// Every column that is named, each with its key, in the order of the keys; a field of the metadata by its place.
    pub(super) fn named(&self) -> Vec<(String, &str)> {
        let one = |key: &str, name: &'_ Option<String>| name.as_deref().map(|_| key.to_owned());
        let mut named = Vec::new();
        for (key, name) in [
            ("id", &self.id),
            ("vector", &self.vector),
            ("sparse", &self.sparse),
            ("tenant", &self.tenant),
        ] {
            named.extend(one(key, name).zip(name.as_deref()));
        }
        let vectors = self.vectors.iter().enumerate();
        named.extend(vectors.map(|(at, name)| (format!("vectors/{at}"), name.as_str())));
        match &self.metadata {
            Some(MetadataIn::One(name)) => named.push(("metadata".to_owned(), name)),
            Some(MetadataIn::Fields(names)) => {
                let fields = names.iter().enumerate();
                named.extend(fields.map(|(at, name)| (format!("metadata/{at}"), name.as_str())));
            }
            None => {}
        }
        named
    }

    /// Fits it to a table.
    pub(super) fn layout(&self, table: &Table) -> Layout {
        let of = |named: &Option<String>, is_one: fn(Kind) -> bool| match named {
            Some(name) => vec![name.clone()],
            None => {
                let all = table.columns.iter().filter(|column| is_one(column.kind));
                all.map(|column| column.name.clone()).collect()
            }
        };
        let vectors = match &self.vectors[..] {
            [] => {
                let mut both =
                    of(&self.vector, |kind| matches!(kind, Kind::Vector | Kind::Halfvec));
                both.extend(of(&self.sparse, |kind| kind == Kind::Sparsevec));
                both
            }
            named => named.to_vec(),
        };
        let vectors = vectors.into_iter().map(|name| (name.clone(), name)).collect();
        let is = |name: &str, kind: Kind| table.column(name).is_some_and(|one| one.kind == kind);
        let tenant = self.tenant.clone();
        let tenant = tenant.or_else(|| is(TENANT, Kind::Text).then(|| TENANT.to_owned()));
        let (fields, json) = match &self.metadata {
            Some(MetadataIn::One(name)) => (Fields::Named(Vec::new()), Some(name.clone())),
            Some(MetadataIn::Fields(names)) => (Fields::Named(names.clone()), None),
            None => {
                let json = is(METADATA, Kind::Jsonb).then(|| METADATA.to_owned());
                (Fields::All, json)
            }
        };
        let (id, key) = (self.id.clone(), self.key.clone());
        Layout { id, vectors, tenant, fields, json, key, is_rounding: self.round }
    }
}
