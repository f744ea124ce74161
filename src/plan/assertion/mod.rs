//! Assertions as a plan asks for them: the grammar and the checked form. The catalogue has the metrics, `check` the
//! checks.
//!
//! ```text
//! assertion  = metric op value [ "over" duration ]
//! metric     = name | name "." name | fn "(" subject ")" | name "@" k
//! value      = number [unit] | share | money | bool | word | factor "x" "source"
//! op         = == != < <= > >=
//! ```

mod parse;

use serde::{Deserialize, Serialize};

pub use parse::{At, ParseError, ParsedAssertion, Value};

pub use crate::model::Severity;
use crate::model::{Place, Span};

/// A checked assertion of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assertion {
    /// Unique within its stage: the given `id`, else the text.
    pub id: String,
    /// The text as written in the plan, in canonical spacing.
    pub text: String,
    pub metric: MetricRef,
    pub comparison: Comparison,
    pub threshold: Threshold,
    /// The window the measurements are taken from; `None` for the whole stage or step.
    pub over: Option<Span>,
    pub severity: Severity,
    pub min_samples: Option<u64>,
    pub warmup: Option<Span>,
    /// Failing measurements that are tolerated: with 2 the third fails.
    pub tolerate_failures: u32,
    /// Measurements that could not be taken and are tolerated.
    pub tolerate_errors: u32,
    /// Consecutive passing measurements that are needed.
    pub pass_after: u32,
    pub no_data: NoData,
    pub every: Option<Span>,
    pub place: Place,
}

impl Assertion {
    /// Returns the assertion that a count is 0, which a plan implies at `place`.
    pub(super) fn none_of(metric: &str, place: Place) -> Self {
        let text = format!("{metric} == 0");
        Self {
            id: text.clone(),
            text,
            metric: MetricRef { name: metric.to_owned(), argument: None },
            comparison: Comparison::Equal,
            threshold: Threshold::Number(0.0),
            over: None,
            severity: Severity::Block,
            min_samples: None,
            warmup: None,
            tolerate_failures: 0,
            tolerate_errors: 0,
            pass_after: 1,
            no_data: NoData::default(),
            every: None,
            place,
        }
    }

    /// Returns its meaning alone, wherever it stands in the file.
    pub(super) fn without_place(&self) -> Self {
        let id = if self.id == self.text { String::new() } else { self.id.clone() };
        Self { id, place: Place::default(), text: String::new(), ..self.clone() }
    }
}

/// The outcome if there are no samples at the end; never a pass.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// Could not be judged: the run pauses.
    #[default]
    Inconclusive,
    /// Counts as a failure.
    Fail,
}

/// A metric as written: the catalogue's name and its argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MetricRef {
    /// `source.records`, `p95`, `overlap`, `exec`, …
    pub name: String,
    /// The subject in parentheses (`query` of `p95(query)`) or the k of `overlap@10`.
    pub argument: Option<String>,
}

impl std::fmt::Display for MetricRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.argument {
            None => f.write_str(&self.name),
            Some(k) if self.name.ends_with("overlap") => write!(f, "{}@{k}", self.name),
            Some(subject) => write!(f, "{}({subject})", self.name),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    #[serde(rename = "==")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    LessOrEqual,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    GreaterOrEqual,
}

/// The right-hand side, in the base unit of the metric: seconds, bytes, shares of 1, dollars, per second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    Number(f64),
    Seconds(f64),
    Bytes(f64),
    Share(f64),
    PerSecond(f64),
    Dollars(f64),
    Bool(bool),
    Word(String),
    /// `1.2x source`: the factor; the other side is the same measurement of the source in the same window.
    TimesSource(f64),
}
