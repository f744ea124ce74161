//! One side of the migration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Columns;

/// An index at a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The system the index lives in.
    pub provider: Provider,
    /// The index's name; for Parquet files the folder or file, or `s3://bucket/prefix`.
    #[schemars(length(min = 1))]
    pub index: String,
    /// The API key; the default is the environment variable `PINECONE_API_KEY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
    /// The control plane's address, if it is not the provider's own. The environment variable
    /// `PINECONE_CONTROLLER_HOST` does the same for plans that do not set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// For Parquet files: the mapping from columns to parts of a record, if the names are not the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
}

/// A system vecshift can speak to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Pinecone, pod-based or serverless.
    Pinecone,
    /// Parquet files, as a source: columns `id`, `values`, `sparse_values`, `metadata` and `namespace`, or those that
    /// `columns` names; for a file without a column `namespace`, the first folder in its path is its namespace.
    Parquet,
}

/// The place of a secret; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(extend("x-vecshift-secret" = true))]
pub enum Secret {
    /// The name of an environment variable.
    Env(String),
    /// The path of a file whose content, without surrounding white space, is the secret.
    File(String),
}
