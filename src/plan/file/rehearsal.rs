//! The world of a rehearsal.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Metric, Share, Span, UnitError};

/// The world `vecshift rehearse` builds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// The source index to make.
    pub source: RehearsalSource,
    /// The faults to inject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<Faults>,
}

/// The source index of a rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RehearsalSource {
    /// The kind of index, in a word of its system, such as `pod` or `serverless`.
    pub kind: RehearsalKind,
    /// The number of records; default: all of `data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// The number of namespaces the generator spreads them over; default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub namespaces: Option<u32>,
    /// The number of records in each namespace, by its name, instead of `records` and `namespaces`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sizes: BTreeMap<String, u64>,
    /// The kind of metadata that generated records have; default `usual`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<RehearsalMetadata>,
    /// The only metadata fields that a pod can filter on; default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexed: Option<Vec<String>>,
    /// A template of the generator's namespace names, which knows `n` (from 1); default `ns_{{ n }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_names: Option<String>,
    /// The number of components of a vector; default: that of the create stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<u32>,
    /// The measure of similarity; default: that of the create stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// A Parquet file of records (columns `namespace`, `id`, `values`, `metadata`); without it they are generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The seed of the generator; default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// The kind of the source index of a rehearsal: a word of the source's system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RehearsalKind(String);

impl RehearsalKind {
    pub fn new(word: &str) -> Self {
        Self(word.to_owned())
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

/// The kind of metadata that generated records have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RehearsalMetadata {
    /// A time, a share, a kind, tags and a text.
    #[default]
    Usual,
    /// Values that many records share and others lack, which are hard to split by.
    Skewed,
    /// The same values in every record, which cannot be split by.
    Same,
}

/// Faults to inject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// The share of requests answered with 429.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limited: Option<Share>,
    /// The share of requests answered with 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<Share>,
    /// The share of connections reset in the middle of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<Share>,
    /// The share of answers cut short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<Share>,
    /// The delay of every answer of the data plane: one span or a range `5ms..25ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyRange>,
    /// The additional delay of every query of the target, as of a slow new index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_query_latency: Option<LatencyRange>,
    /// The time before a write to a serverless index can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<Span>,
    /// The outcome of collections: `fails` or `stalls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<ResourceFault>,
    /// The outcome of indexes made from a collection or a backup: `fails` or `stalls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<ResourceFault>,
    /// The outcome of bulk imports, half-way: `fails` or `stalls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ResourceFault>,
    /// The seed of the faults; default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// The way in which making something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResourceFault {
    /// It ends in a failed state.
    Fails,
    /// It never ends.
    Stalls,
}

/// A span or a range of spans, drawn evenly: `5ms` or `5ms..25ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencyRange {
    pub least: Duration,
    pub most: Duration,
}

impl FromStr for LatencyRange {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        let (least, most): (Span, Span) = (least.parse()?, most.parse()?);
        if least > most {
            return Err(UnitError { message: "the range ends before it begins".into() });
        }
        Ok(Self { least: least.0, most: most.0 })
    }
}

impl fmt::Display for LatencyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.least == self.most {
            true => Span(self.least).fmt(f),
            false => write!(f, "{}..{}", Span(self.least), Span(self.most)),
        }
    }
}

impl Serialize for LatencyRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LatencyRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for LatencyRange {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "LatencyRange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "vecshift-latency", "examples": ["5ms", "5ms..25ms"] })
    }
}
