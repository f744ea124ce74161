//! Checks that a metric is compared with what it can be compared with.

use super::super::super::assertion::{Comparison, ParsedAssertion, Threshold, Value};
use super::super::super::catalogue::{Metric, Unit, example};
use super::super::super::codes;
use super::super::super::diagnostic::either;
use super::checker::Checker;
use crate::model::Side;

impl Checker<'_, '_> {
    pub(super) fn threshold(
        &mut self,
        metric: &Metric,
        parsed: &ParsedAssertion,
    ) -> Option<Threshold> {
        let range = parsed.value.range.clone();
        if let Value::TimesSource(factor) = parsed.value.value {
            if metric.source {
                return Some(Threshold::TimesSource(factor));
            }
            let kind = self.stage.kind.name();
            let message = format!(
                "a `{kind}` stage does not measure `{}` at the source",
                parsed.metric.value
            );
            self.report(&codes::NO_SOURCE_SIDE, range, message, |d| {
                d.label(format!("compare with {}", metric.unit.describe()))
            });
            return None;
        }
        let kinds = self.kinds(metric);
        let threshold = fit(metric.unit, &parsed.value.value, kinds);
        if threshold.is_none() {
            let with = match metric.unit {
                Unit::Kind => either(kinds.iter().copied()),
                unit => unit.describe(),
            };
            let message = format!("`{}` is compared with {with}", parsed.metric.value);
            let label = format!("for example `{}`", example(metric, kinds));
            self.report(&codes::THRESHOLD_UNIT, range, message, |d| d.label(label));
        }
        threshold
    }

    /// Returns the kinds of index that the side which a metric is about can be.
    fn kinds(&self, metric: &Metric) -> &'static [&'static str] {
        let side = if metric.name.starts_with("source.") { Side::Source } else { Side::Target };
        let system = self.context.system(&self.context.endpoint(side).provider);
        system.map_or(&[], |system| system.kinds())
    }

    pub(super) fn comparison(&mut self, metric: &Metric, parsed: &ParsedAssertion) {
        let equality = matches!(parsed.comparison.value, Comparison::Equal | Comparison::NotEqual);
        let message = match metric.unit {
            Unit::Bool | Unit::Word(_) | Unit::Kind if !equality => {
                "a word or boolean is equal or it is not"
            }
            Unit::Duration | Unit::Rate if equality => {
                "what is measured is never exactly this: compare with `<`, `<=`, `>` or `>=`"
            }
            _ => return,
        };
        self.report(&codes::BAD_COMPARISON, parsed.comparison.range.clone(), message, |d| d);
    }

    /// Reports a comparison that holds for no value that the metric can have.
    pub(super) fn bounds(
        &mut self,
        metric: &Metric,
        parsed: &ParsedAssertion,
        threshold: &Threshold,
    ) {
        let value = match threshold {
            Threshold::Number(value)
            | Threshold::Share(value)
            | Threshold::Seconds(value)
            | Threshold::Bytes(value)
            | Threshold::PerSecond(value)
            | Threshold::Dollars(value) => *value,
            Threshold::Bool(_) | Threshold::Word(_) | Threshold::TimesSource(_) => return,
        };
        let (lowest, highest) = match metric.unit {
            // A saving can be a loss, and the result of a probe anything.
            Unit::Number | Unit::Bool | Unit::Word(_) | Unit::Kind => return,
            Unit::Share if metric.name == "cost.saving" => (f64::NEG_INFINITY, 1.0),
            Unit::Share | Unit::Ratio => (0.0, 1.0),
            Unit::Count | Unit::Duration | Unit::Bytes | Unit::Rate | Unit::Dollars => {
                (0.0, f64::INFINITY)
            }
        };
        let written = &self.text[parsed.value.range.clone()];
        let why = match parsed.comparison.value {
            Comparison::Less if value <= lowest => "below",
            Comparison::Greater if value >= highest => "above",
            _ => return,
        };
        let message = format!("`{}` is never {why} {written}", parsed.metric.value);
        self.report(&codes::BAD_COMPARISON, parsed.comparison.range.clone(), message, |d| {
            d.label("this can never hold")
        });
    }
}

/// Converts the value to the unit's base; `None` if it does not fit. `kinds` are those of the metric's side.
fn fit(unit: Unit, value: &Value, kinds: &[&str]) -> Option<Threshold> {
    Some(match (unit, value) {
        (Unit::Count, Value::Number(n)) if n.fract() == 0.0 && *n >= 0.0 => Threshold::Number(*n),
        (Unit::Number, Value::Number(n)) => Threshold::Number(*n),
        (Unit::Ratio, Value::Number(n) | Value::Share(n)) if (0.0..=1.0).contains(n) => {
            Threshold::Number(*n)
        }
        (Unit::Share, Value::Share(share)) => Threshold::Share(*share),
        (Unit::Duration, Value::Duration(seconds)) => Threshold::Seconds(*seconds),
        (Unit::Bytes, Value::Bytes(bytes)) => Threshold::Bytes(*bytes),
        (Unit::Rate, Value::Rate(rate)) => Threshold::PerSecond(*rate),
        (Unit::Dollars, Value::Dollars(dollars)) => Threshold::Dollars(*dollars),
        (Unit::Bool, Value::Bool(value)) => Threshold::Bool(*value),
        (Unit::Word(words), Value::Word(word)) if words.contains(&word.as_str()) => {
            Threshold::Word(word.clone())
        }
        (Unit::Kind, Value::Word(word)) if kinds.contains(&word.as_str()) => {
            Threshold::Word(word.clone())
        }
        _ => return None,
    })
}
