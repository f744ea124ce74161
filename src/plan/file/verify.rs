//! The verify stage: how both sides are compared.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Rate, Share, Span, UnitError};

/// Compares counts, ids, contents and answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verify {
    /// The records to compare: `all`, a share like `1%`, or a number like `10_000 records`.
    #[serde(default)]
    pub compare: Compare,
    /// The id of the copy stage whose records are compared. Default: those of every copy stage before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<String>,
    /// The largest difference of one component that still counts as equal: a number for every vector, or one for each
    /// that a side rounds, by its name in the target (`{ heading: 0.001 }`). Default: none, every bit counts; with `0`
    /// values are compared as numbers, so that `-0` is `0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Tolerance>,
    /// Queries sent to both sides; without it no query metric can be asserted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries: Option<Queries>,
    /// The longest wait until the target shows all that was written; default `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<Span>,
    /// The number of records that are written to a namespace of their own, timed until they can be read, and removed
    /// again: the one thing a verify writes. Default: none, or 5 if `read_after_write` is asserted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub read_after_write: Option<u32>,
}

/// How far components may be off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Tolerance {
    /// Those of every vector.
    All(f64),
    /// Those of these vectors, by their names in the target.
    Each(BTreeMap<String, f64>),
}

/// Queries made from records of the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Queries {
    /// The number of queries.
    #[schemars(range(min = 1))]
    pub count: u64,
    /// The number of answers each query asks for; default 10.
    #[serde(default, rename = "top_k", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub limit: Option<u32>,
    /// The share of queries that carry a metadata filter, made of values that records have (`$eq`, `$in`, ranges and
    /// combinations in turn); default `0%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filtered: Option<Share>,
    /// The vector that is looked for, by its name in the source; default: the first that both sides have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub using: Option<String>,
    /// Queries a second, open loop; default `20/s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

/// The records to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Compare {
    #[default]
    All,
    Share(Share),
    Records(u64),
}

impl FromStr for Compare {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let text = text.trim();
        if text == "all" {
            return Ok(Self::All);
        }
        if let Some(number) = text.strip_suffix("records") {
            if let Ok(count) = number.trim().replace('_', "").parse() {
                return Ok(Self::Records(count));
            }
        } else if let Ok(share) = text.parse() {
            return Ok(Self::Share(share));
        }
        let forms = "write `all`, a share like `1%` or a number like `10_000 records`";
        let message = match text.replace('_', "").parse::<f64>() {
            Ok(_) => format!("a bare number does not say how much: {forms}"),
            Err(_) => format!("`{text}` does not say how much: {forms}"),
        };
        Err(UnitError { message })
    }
}

impl fmt::Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Share(share) => share.fmt(f),
            Self::Records(count) => write!(f, "{count} records"),
        }
    }
}

impl Serialize for Compare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Compare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Compare {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Compare".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "vecshift-compare", "examples": ["all", "1%", "10_000 records"] })
    }
}
