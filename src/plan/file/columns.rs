//! The mapping from columns of Parquet files to parts of a record.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::VectorKind;

/// The mapping from columns of the files to parts of a record. A folder of the form `key=value` in the path of a file
/// counts as a column `key` of that file. A column that nothing reads and `ignore` does not name is refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The column of the id: text, whole numbers or UUIDs, which ids are then; default `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub id: Option<String>,
    /// The column of the vector: lists of floats; default `values`, which may be absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub values: Option<String>,
    /// The column of the sparse values: a struct of the lists `indices` and `values`, or a map from index to value;
    /// default `sparse_values`, which may be absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub sparse_values: Option<String>,
    /// The vectors of records with several, by their names: for each the column that holds it. In files that vecshift wrote
    /// they are found without.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vectors: BTreeMap<String, VectorFrom>,
    /// The column of the namespace, or one namespace for all records; default: the column `namespace`, and in files
    /// without it the first folder in the file's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<NamespaceFrom>,
    /// The metadata: one column that holds all of it (JSON text, a struct or a map; default `metadata`, which may be
    /// absent), a list of columns that each become a field, or `others` for all columns that nothing else reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataFrom>,
    /// Columns to ignore on purpose: a list, or `others` for all that nothing else reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore: Option<Ignored>,
    /// Rounds 64-bit floats that no 32-bit float equals to the nearest one; without it they are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub round: bool,
}

/// The origin of a vector: a column, or a column and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum VectorFrom {
    Column(#[schemars(length(min = 1))] String),
    Described(VectorColumn),
}

/// A column of vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VectorColumn {
    /// The column; default: the one of the vector's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub column: Option<String>,
    /// The kind that the column must hold; default: what its type says. Lists of floats are dense vectors, lists of such
    /// lists several under one name, a struct of `indices` and `values` or a map from index to value a sparse one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<VectorKind>,
}

impl VectorFrom {
    /// Returns the column that is named.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Column(column) => Some(column),
            Self::Described(of) => of.column.as_deref(),
        }
    }

    /// Returns the kind that is asked for.
    pub fn kind(&self) -> Option<VectorKind> {
        match self {
            Self::Column(_) => None,
            Self::Described(of) => of.kind,
        }
    }
}

/// The origin of a record's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum NamespaceFrom {
    Column(#[schemars(length(min = 1))] String),
    Constant(ConstantNamespace),
}

/// One namespace for every record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConstantNamespace {
    /// The namespace; `__default__` is the default one.
    pub constant: String,
}

/// The origin of a record's metadata: `others`, the column that holds all of it, or the columns of its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MetadataFrom {
    One(#[schemars(length(min = 1))] String),
    Fields(#[schemars(length(min = 1))] Vec<String>),
}

/// Columns to ignore: `others`, or their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Ignored {
    Word(Others),
    Names(Vec<String>),
}

/// All columns that nothing else reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Others {
    Others,
}

/// The word that stands for every column that nothing else reads.
pub const OTHERS: &str = "others";
