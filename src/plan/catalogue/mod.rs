//! Every metric an assertion can ask for: where it exists, its unit and what it means.
//!
//! One table for the checks of a plan, `docs/metrics.md` and `vecshift explain`.

mod metric;
mod render;
mod table;

pub use metric::{Argument, Metric, Unit};
pub(crate) use render::{example, nearest_metric};
pub use render::{explain_metric, metrics_markdown};
pub use table::METRICS;

use super::assertion::MetricRef;

/// Returns the metric as a stage of this kind has it.
pub fn find(metric: &MetricRef, stage: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|row| row.is(metric) && row.is_in(stage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_metric_is_there_twice_for_one_stage() {
        for (index, metric) in METRICS.iter().enumerate() {
            for other in &METRICS[index + 1..] {
                let same = metric.name == other.name
                    && metric.stages.iter().any(|stage| other.is_in(stage));
                assert!(!same, "{} twice", metric.name);
            }
        }
    }

    #[test]
    fn an_argument_is_part_of_the_metric() {
        let metric = |name: &str, argument: Option<&str>| MetricRef {
            name: name.into(),
            argument: argument.map(Into::into),
        };
        assert!(find(&metric("overlap", Some("10")), "verify").is_some());
        assert!(find(&metric("overlap", Some("0")), "verify").is_none());
        assert!(find(&metric("overlap", None), "verify").is_none());
        assert!(find(&metric("p95", Some("fetch")), "verify").is_some());
        assert!(find(&metric("p95", Some("fetch")), "canary").is_none());
    }
}
