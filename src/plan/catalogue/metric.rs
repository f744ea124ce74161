//! A metric, its argument and its unit.

use super::super::assertion::MetricRef;
use super::super::diagnostic::either;

/// A metric of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name as it is written before its argument: `p95`, `source.records`.
    pub name: &'static str,
    pub argument: Argument,
    /// The kinds of stage that measure it.
    pub stages: &'static [&'static str],
    pub unit: Unit,
    /// True if `over` can follow, because it is measured while time passes.
    pub over: bool,
    /// True if it can be compared with `x source`.
    pub source: bool,
    /// Definition, and how it is computed.
    pub meaning: &'static str,
}

/// Argument that stands behind a metric's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    None,
    /// One of these words in parentheses.
    Subject(&'static [&'static str]),
    /// `@` and the number of nearest records.
    K,
    /// The name of a probe of the same kind, in parentheses.
    Probe,
    /// The name of a vector in the target, in parentheses.
    Vector,
}

/// Unit that a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A whole number.
    Count,
    Number,
    /// Between 0 and 1; a share is accepted too.
    Ratio,
    Share,
    Duration,
    Bytes,
    Rate,
    Dollars,
    Bool,
    /// One of a few words.
    Word(&'static [&'static str]),
    /// A kind of index, in a word of the side's system.
    Kind,
}

impl Metric {
    /// Returns the ways the metric is written, at least one: `p95(query)` and `p95(fetch)`; `overlap@10` for any
    /// number.
    pub fn forms(&self) -> Vec<String> {
        match self.argument {
            Argument::None => vec![self.name.into()],
            Argument::Subject(subjects) => {
                subjects.iter().map(|subject| format!("{}({subject})", self.name)).collect()
            }
            Argument::K => vec![format!("{}@10", self.name)],
            Argument::Probe | Argument::Vector => vec![format!("{}(name)", self.name)],
        }
    }

    /// Returns whether a written metric is this one.
    pub fn is(&self, metric: &MetricRef) -> bool {
        let argument = metric.argument.as_deref();
        self.name == metric.name
            && match (self.argument, argument) {
                (Argument::None, None) | (Argument::Probe | Argument::Vector, Some(_)) => true,
                (Argument::Subject(subjects), Some(subject)) => subjects.contains(&subject),
                (Argument::K, Some(k)) => k.parse::<u32>().is_ok_and(|k| (1..=10_000).contains(&k)),
                _ => false,
            }
    }

    pub fn is_in(&self, stage: &str) -> bool {
        self.stages.contains(&stage)
    }

    /// Returns the share below the percentile if the metric is one: 0.95 of `p95`.
    pub fn percentile(&self) -> Option<f64> {
        let digits = self.name.strip_prefix('p')?;
        digits.parse::<f64>().ok().map(|percent| percent / 100.0)
    }
}

impl Unit {
    /// Describes the unit in the words of a message.
    pub fn describe(self) -> String {
        match self {
            Self::Count => "a whole number like `0`".into(),
            Self::Number => "a number like `0.5`".into(),
            Self::Ratio => "a number from 0 to 1, or a share like `99%`".into(),
            Self::Share => "a share like `1%`".into(),
            Self::Duration => "a duration like `100ms`".into(),
            Self::Bytes => "a size like `40 KB`".into(),
            Self::Rate => "a rate like `100/s`".into(),
            Self::Dollars => "an amount like `$150`".into(),
            Self::Bool => "`true` or `false`".into(),
            Self::Word(words) => either(words.iter().copied()),
            Self::Kind => "a kind of index, in a word of its system".into(),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Number => "number",
            Self::Ratio => "0 to 1",
            Self::Share => "share",
            Self::Duration => "duration",
            Self::Bytes => "size",
            Self::Rate => "rate",
            Self::Dollars => "dollars",
            Self::Bool => "boolean",
            Self::Word(_) | Self::Kind => "word",
        }
    }
}
