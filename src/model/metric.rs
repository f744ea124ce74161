use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The measure of similarity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    Cosine,
    Dotproduct,
    Euclidean,
}

impl Metric {
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Dotproduct => "dotproduct",
            Self::Euclidean => "euclidean",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
