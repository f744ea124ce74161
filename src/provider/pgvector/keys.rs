//! What plans say of a table: its name, how it is reached, and which of its columns make a record.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::{Item, Kind};
use super::look::{Column, Table};
use super::mapping::{Fields, Layout};
use super::name::{TableName, misfit};
use super::plain::Names;
use crate::error::{Error, Result};
use crate::plan::file::{Endpoint, Secret};

/// The schema of a table whose name has none.
const SCHEMA: &str = "public";

/// Columns that have these names need not be named by the plan, and tables that are made have them.
pub(super) const ID: &str = "id";
pub(super) const TENANT: &str = "namespace";
pub(super) const VECTOR: &str = "embedding";
pub(super) const METADATA: &str = "metadata";

/// The names that a record's two vectors have here.
const DENSE: &str = "dense";
const SPARSE: &str = "sparse";

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
    /// The column of the dense vector: `vector`, `halfvec`, `bit`, `real[]` or `double precision[]`; default: the only
    /// column of pgvector's types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub vector: Option<String>,
    /// The column of the sparse values, a `sparsevec`; default: the only one, which may be absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub sparse: Option<String>,
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
    pub key: Vec<String>,
}

/// Where the metadata is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MetadataIn {
    One(#[schemars(length(min = 1))] String),
    Fields(Vec<String>),
}

/// Reads `schema.table`, or a table of the schema `public`.
///
/// # Errors
/// Why it can be no name.
pub(super) fn table_name(index: &str) -> Result<TableName, String> {
    let (schema, name) = index.split_once('.').unwrap_or((SCHEMA, index));
    for part in [schema, name] {
        if let Some(why) = misfit(part) {
            return Err(format!("`{}` {why}", part.escape_debug()));
        }
    }
    match name.contains('.') {
        true => Err("it has more than one `.`".to_owned()),
        false => Ok(TableName::new(schema, name)),
    }
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

    /// Fits it to a table: the layout, and which vectors of it are a record's two.
    ///
    /// # Errors
    /// `Invalid` if the plan has to pick one of several vectors.
    pub(super) fn layout(&self, table: &Table) -> Result<(Layout, Names)> {
        let is_dense = |column: &&Column| matches!(column.kind, Kind::Vector | Kind::Halfvec);
        let dense = match &self.vector {
            Some(name) => Some(name.clone()),
            None => only(table, is_dense, "vector")?,
        };
        let sparse = match &self.sparse {
            Some(name) => Some(name.clone()),
            None => only(table, |column| column.kind == Kind::Sparsevec, "sparse")?,
        };
        if dense.is_none() && sparse.is_none() {
            let message = format!("{} has no column of pgvector's types", table.name);
            return Err(Error::invalid(message).with_hint(
                "name the column in `row.vector`: arrays and bits can be read as vectors too",
            ));
        }
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
        let names = Names {
            dense: dense.is_some().then(|| DENSE.into()),
            sparse: sparse.is_some().then(|| SPARSE.into()),
        };
        let vectors = [(DENSE, dense), (SPARSE, sparse)];
        let vectors: BTreeMap<_, _> = vectors
            .into_iter()
            .filter_map(|(name, column)| Some((name.to_owned(), column?)))
            .collect();
        let (id, key) = (self.id.clone(), self.key.clone());
        Ok((Layout { id, vectors, tenant, fields, json, key }, names))
    }
}

/// Returns the only column of this sort; `None` if there is none.
fn only(table: &Table, is_one: impl Fn(&&Column) -> bool, key: &str) -> Result<Option<String>> {
    let found: Vec<_> = table.columns.iter().filter(is_one).map(|one| one.name.as_str()).collect();
    match found[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.to_owned())),
        _ => {
            let all = found.join("`, `");
            let message = format!("{} has several vectors: `{all}`", table.name);
            Err(Error::invalid(message).with_hint(format!(
                "name the one that is meant in `row.{key}`; the others are not moved"
            )))
        }
    }
}

/// Returns whether a vector of this kind is moved as a dense one.
pub(super) fn is_dense(kind: Kind) -> bool {
    matches!(kind, Kind::Vector | Kind::Halfvec | Kind::Bit)
        || matches!(kind, Kind::List(Item::Float4 | Item::Float8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_at_most_one_schema() {
        assert_eq!(table_name("documents"), Ok(TableName::new("public", "documents")));
        assert_eq!(table_name("My.Documents"), Ok(TableName::new("My", "Documents")));
        for wrong in ["", "a.", ".a", "a.b.c", &"x".repeat(64)] {
            assert!(table_name(wrong).is_err(), "{wrong}");
        }
    }
}
