//! One side of the migration.

use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// An index at a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// The system the index lives in.
    pub provider: Provider,
    /// The index's name
    #[schemars(length(min = 1))]
    pub index: String,
    /// The keys of its system.
    #[serde(flatten)]
    #[schemars(skip)]
    pub own: Map<String, Value>,
}

impl Endpoint {
    /// Returns the keys of its system as the type that the system reads them into.
    ///
    /// # Errors
    /// `Invalid` if they do not fit, which the check of a plan rules out.
    pub fn fields<T: DeserializeOwned>(&self) -> Result<T> {
        own_fields(&self.own, &format!("`{}` at {}", self.index, self.provider))
    }
}

/// Reads the keys of a system into its own type; `what` has them.
pub(super) fn own_fields<T: DeserializeOwned>(own: &Map<String, Value>, what: &str) -> Result<T> {
    serde_json::from_value(Value::Object(own.clone())).map_err(|error| {
        Error::invalid(format!("the keys of {what} do not fit")).with_source(error)
    })
}

/// A system vecshift can speak to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Provider(String);

impl Provider {
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
