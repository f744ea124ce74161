//! Finds the metric that an assertion names, or says which one may be meant.

use super::super::super::assertion::{At, MetricRef};
use super::super::super::catalogue::{Argument, METRICS, Metric, find, nearest_metric};
use super::super::super::codes;
use super::super::super::diagnostic::{either, nearest};
use super::checker::Checker;

impl Checker<'_, '_> {
    pub(super) fn metric(&mut self, metric: &At<MetricRef>) -> Option<&'static Metric> {
        let kind = self.stage.kind.name();
        if let Some(found) = find(&metric.value, kind) {
            return Some(found);
        }
        let name = metric.value.name.as_str();
        let written = self.text[metric.range.clone()].to_owned();
        let rows = METRICS.iter().filter(|row| row.name == name);
        let elsewhere: Vec<_> = rows.clone().flat_map(|row| row.stages).copied().collect();
        if let Some(row) = rows.clone().find(|row| row.is_in(kind)) {
            let message = format!("`{written}` is not how this metric is written");
            let label = form_label(row, &metric.value);
            self.report(&codes::UNKNOWN_METRIC, metric.range.clone(), message, |d| d.label(label));
        } else if elsewhere.is_empty() {
            let message = format!("there is no metric `{written}`");
            let near = self.near(&metric.value);
            self.report(&codes::UNKNOWN_METRIC, metric.range.clone(), message, |d| match near {
                Some(near) => d.label(format!("did you mean `{near}`?")),
                None => d.note(metrics_of(kind)),
            });
        } else {
            let stages = either(elsewhere);
            let message = format!("`{kind}` does not measure `{written}`");
            self.report(&codes::METRIC_ELSEWHERE, metric.range.clone(), message, |d| {
                d.label(format!("exists in {stages} stages")).note(metrics_of(kind))
            });
        }
        None
    }

    /// Suggests a metric of this stage that is meant by this name elsewhere or is spelt alike, else one of any stage;
    /// with the written argument if that fits.
    fn near(&self, metric: &MetricRef) -> Option<String> {
        let kind = self.stage.kind.name();
        let here = || METRICS.iter().filter(|row| row.is_in(kind)).map(|row| row.name);
        let near = synonym(&metric.name)
            .filter(|name| here().any(|here| here == *name))
            .or_else(|| nearest(&metric.name, here()))
            .or_else(|| nearest_metric(&metric.name))?;
        let row = METRICS
            .iter()
            .find(|row| row.name == near && row.is_in(kind))
            .or_else(|| METRICS.iter().find(|row| row.name == near))?;
        let renamed = MetricRef { name: near.into(), ..metric.clone() };
        Some(if row.is(&renamed) { renamed.to_string() } else { row.forms().swap_remove(0) })
    }
}

/// Returns the form of the metric that is nearest to what was written.
fn form_label(row: &Metric, written: &MetricRef) -> String {
    let argument = written.argument.as_deref();
    match (row.argument, argument) {
        (Argument::None, _) => format!("it stands alone: `{}`", row.name),
        (Argument::K, _) => {
            format!("with how many neighbours, 1 to 10,000: `{}@10`", row.name)
        }
        (Argument::Subject(subjects), Some(argument)) => {
            match nearest(argument, subjects.iter().copied()) {
                Some(near) => format!("did you mean `{}({near})`?", row.name),
                None => format!("write {}", either(row.forms().iter().map(String::as_str))),
            }
        }
        _ => format!("write {}", either(row.forms().iter().map(String::as_str))),
    }
}

/// Returns the metric that other tools call by this name.
fn synonym(name: &str) -> Option<&'static str> {
    const SYNONYMS: [(&str, &str); 12] = [
        ("recall", "overlap"),
        ("precision", "overlap"),
        ("filtered_recall", "filtered_overlap"),
        ("sparse_recall", "sparse_overlap"),
        ("median", "p50"),
        ("latency", "p95"),
        ("p90", "p95"),
        ("p999", "p99"),
        ("errors", "error_rate"),
        ("failures", "error_rate"),
        ("mismatches", "mismatched"),
        ("lost", "missing"),
    ];
    SYNONYMS.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours)
}

fn metrics_of(kind: &str) -> String {
    let forms: Vec<_> = METRICS
        .iter()
        .filter(|row| row.is_in(kind))
        .flat_map(|row| row.forms())
        .map(|form| format!("`{form}`"))
        .collect();
    format!("metrics of a `{kind}` stage: {}", forms.join(", "))
}
