use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// What a store acknowledges writes with, by which its readers know that they see them. Only the store reads what is
/// inside; in a journal it is JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(Value);

impl Token {
    /// Keeps `inside`; what cannot be written as JSON is kept as null.
    pub fn new(inside: &impl Serialize) -> Self {
        Self(serde_json::to_value(inside).unwrap_or_default())
    }

    /// Reads what is inside.
    ///
    /// # Errors
    /// `Invalid` if another kind of store made it.
    pub fn inside<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.0.clone()).map_err(|error| {
            Error::invalid(format!("the token `{self}` of a write cannot be read"))
                .with_source(error)
                .with_hint("another version of vecshift, or another kind of target, has written it")
        })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
