//! The numbers a stage ends with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{MeasuredValue, Observed};
use crate::plan::MetricRef;

/// The metrics of one side that a stage measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(MetricRef, MeasuredValue)>", into = "Vec<(MetricRef, MeasuredValue)>")]
pub struct Measured(BTreeMap<MetricRef, MeasuredValue>);

impl Measured {
    /// Stores a value; `samples` is the number of things looked at.
    pub fn set(&mut self, metric: &str, observed: Observed, samples: u64) -> &mut Self {
        self.insert(metric_ref(metric), MeasuredValue::Value { observed, samples })
    }

    /// Stores the reason a metric could not be measured.
    pub fn set_not_measured(&mut self, metric: &str, reason: impl Into<String>) -> &mut Self {
        let reason = reason.into();
        self.insert(metric_ref(metric), MeasuredValue::NotMeasured { reason })
    }

    pub fn insert(&mut self, metric: MetricRef, value: MeasuredValue) -> &mut Self {
        self.0.insert(metric, value);
        self
    }

    pub fn get(&self, metric: &MetricRef) -> Option<&MeasuredValue> {
        self.0.get(metric)
    }

    /// Returns the values by the names of their metrics, as the journal keeps them.
    pub fn to_named(&self) -> BTreeMap<String, MeasuredValue> {
        self.0.iter().map(|(metric, value)| (metric.to_string(), value.clone())).collect()
    }

    /// Returns the values that [`Measured::to_named`] gave.
    pub fn of_named(values: &BTreeMap<String, MeasuredValue>) -> Self {
        Self(values.iter().map(|(name, value)| (metric_ref(name), value.clone())).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&MetricRef, &MeasuredValue)> {
        self.0.iter()
    }
}

impl From<Vec<(MetricRef, MeasuredValue)>> for Measured {
    fn from(values: Vec<(MetricRef, MeasuredValue)>) -> Self {
        Self(values.into_iter().collect())
    }
}

impl From<Measured> for Vec<(MetricRef, MeasuredValue)> {
    fn from(measured: Measured) -> Self {
        measured.0.into_iter().collect()
    }
}

/// Returns the metric that `text` names: `copy.failed`, `p95(query)`, `overlap@10`.
pub fn metric_ref(text: &str) -> MetricRef {
    let inner = text.strip_suffix(')').and_then(|rest| rest.split_once('('));
    match inner.or_else(|| text.split_once('@')) {
        Some((name, argument)) => {
            MetricRef { name: name.to_owned(), argument: Some(argument.to_owned()) }
        }
        None => MetricRef { name: text.to_owned(), argument: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_named_as_they_are_written() {
        for text in ["copy.failed", "p95(query)", "overlap@10", "filtered_overlap@5", "cold(query)"]
        {
            assert_eq!(metric_ref(text).to_string(), text);
        }
    }

    #[test]
    fn json_brings_measurements_back() {
        let mut measured = Measured::default();
        measured
            .set("p95(query)", Observed::Seconds(0.08), 500)
            .set_not_measured("source.reads", "no gateway");
        let text = serde_json::to_string(&measured).unwrap();
        assert_eq!(serde_json::from_str::<Measured>(&text).unwrap(), measured);
    }
}
