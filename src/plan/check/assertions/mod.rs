//! Checks of assertions against the metric catalogue, and against the stage they stand in.

mod checker;
mod metric;
mod reach;
mod threshold;

use std::collections::BTreeMap;

use self::checker::{Checker, needed_samples};
use super::super::assertion::{
    Assertion, At, MetricRef, NoData, ParsedAssertion, Severity, Threshold,
};
use super::super::catalogue::Metric;
use super::super::codes;
use super::super::diagnostic::nearest;
use super::super::file::{AssertionEntry, LongAssertion, Probe, Stage};
use super::super::source::Region;
use super::context::Context;

/// Checks the stage's assertions and returns those that are right.
pub(super) fn check(context: &mut Context<'_>, index: usize, stage: &Stage) -> Vec<Assertion> {
    let mut assertions = Vec::new();
    let mut ids: BTreeMap<String, Region> = BTreeMap::new();
    if context.is_tainted(&format!("/stages/{index}")) {
        return assertions;
    }
    for (number, entry) in stage.common.assertions.iter().enumerate() {
        let pointer = format!("/stages/{index}/assert/{number}");
        let (text, long) = match entry {
            AssertionEntry::Text(text) => (text, None),
            AssertionEntry::Long(long) => (&long.check, Some(long)),
        };
        let text_at = if long.is_some() { format!("{pointer}/check") } else { pointer.clone() };
        if context.is_tainted(&text_at) {
            continue;
        }
        let mut checker = Checker { text_at: &text_at, text, stage, context };
        let Some((parsed, threshold)) = checker.check(long) else { continue };
        let id = long.and_then(|long| long.id.clone()).unwrap_or_else(|| parsed.to_string());
        let region = context.region(&text_at);
        if let Some(first) = ids.insert(id.clone(), region) {
            let message = format!("two assertions of this stage are called `{id}`");
            context.report_with(&codes::SAME_ASSERTION, &text_at, message, |d| {
                d.related(first, "the first").help("remove one, or give them an `id`")
            });
        }
        let place = context.place(&text_at);
        assertions.push(assertion(id, &parsed, threshold, long, place));
    }
    assertions
}

fn assertion(
    id: String,
    parsed: &ParsedAssertion,
    threshold: Threshold,
    long: Option<&LongAssertion>,
    place: super::super::Place,
) -> Assertion {
    Assertion {
        id,
        text: parsed.to_string(),
        metric: parsed.metric.value.clone(),
        comparison: parsed.comparison.value,
        threshold,
        over: parsed.over.as_ref().map(|over| over.value),
        severity: long.map_or(Severity::Block, |long| long.severity),
        min_samples: long.and_then(|long| long.min_samples),
        warmup: long.and_then(|long| long.warmup),
        tolerate_failures: long.map_or(0, |long| long.tolerate_failures),
        tolerate_errors: long.map_or(0, |long| long.tolerate_errors),
        pass_after: long.and_then(|long| long.pass_after).unwrap_or(1),
        no_data: long.map_or(NoData::Inconclusive, |long| long.no_data),
        every: long.and_then(|long| long.every),
        place,
    }
}

impl Checker<'_, '_> {
    fn check(&mut self, long: Option<&LongAssertion>) -> Option<(ParsedAssertion, Threshold)> {
        let parsed: ParsedAssertion = match self.text.parse() {
            Ok(parsed) => parsed,
            Err(error) => {
                self.report(&codes::ASSERTION_SYNTAX, error.range, error.message, |d| d);
                return None;
            }
        };
        let metric = self.metric(&parsed.metric)?;
        self.probe(&parsed.metric, long);
        self.window(metric, &parsed);
        let threshold = self.threshold(metric, &parsed)?;
        let is_reached = self.reach(metric, &parsed, long);
        self.comparison(metric, &parsed);
        self.bounds(metric, &parsed, &threshold);
        if let Some(long) = long {
            self.long_form(metric, long);
        }
        if is_reached {
            self.samples(metric, &parsed, long);
        }
        Some((parsed, threshold))
    }

    fn probe(&mut self, metric: &At<MetricRef>, long: Option<&LongAssertion>) {
        let name = metric.value.name.as_str();
        if !matches!(name, "exec" | "http" | "prometheus") {
            return;
        }
        let wanted = metric.value.argument.as_deref().unwrap_or_default();
        let probes = &self.context.file.probes;
        let kind = probes.get(wanted).map(|probe| match probe {
            Probe::Exec(_) => "exec",
            Probe::Http(_) => "http",
            Probe::Prometheus(_) => "prometheus",
        });
        if kind != Some(name) && !self.context.is_tainted(&format!("/probes/{wanted}")) {
            let message = match kind {
                Some(kind) => format!("the probe `{wanted}` is `{kind}`, not `{name}`"),
                None => format!("there is no probe `{wanted}`"),
            };
            let near = nearest(wanted, probes.keys().map(String::as_str));
            let near = near.filter(|_| kind.is_none()).map(str::to_owned);
            self.report(&codes::UNKNOWN_PROBE, metric.range.clone(), message, |d| {
                d.suggest(near.as_deref()).help("declare it under `probes:`")
            });
            return;
        }
        if long.is_none_or(|long| long.severity == Severity::Block) {
            let message = "probes are not measured yet, and this assertion blocks";
            self.report(&codes::NOT_YET, metric.range.clone(), message, |d| {
                d.help("use the long form with `severity: warn`, or remove the assertion")
            });
        }
    }

    fn window(&mut self, metric: &Metric, parsed: &ParsedAssertion) {
        let Some(over) = &parsed.over else { return };
        if !metric.over {
            let kind = self.stage.kind.name();
            let message = format!("`{}` has no window in a `{kind}` stage", parsed.metric.value);
            self.report(&codes::NO_WINDOW, over.range.clone(), message, |d| {
                d.label("leave `over` out: it is measured once")
            });
        } else if over.value.0.is_zero() {
            let message = "a window of no length holds no measurements";
            self.report(&codes::NO_WINDOW, over.range.clone(), message, |d| d);
        }
    }

    fn long_form(&mut self, metric: &Metric, long: &LongAssertion) {
        let parent = self.text_at.trim_end_matches("/check").to_owned();
        let at = |key: &str| format!("{parent}/{key}");
        if let (Some(needed), Some(samples)) =
            (metric.percentile().map(needed_samples), long.min_samples)
            && samples < needed
        {
            let message =
                format!("{samples} samples cannot show a {}: it needs {needed}", metric.name);
            self.context.report_with(&codes::TOO_FINE, &at("min_samples"), message, |d| {
                d.note(format!(
                    "with fewer than {needed} samples the {} is just the largest of them",
                    metric.name
                ))
            });
        }
        if long.pass_after == Some(0) {
            let message = "passing needs at least one measurement";
            self.context.report(&codes::BAD_LONG_FORM, &at("pass_after"), message);
        }
        if long.every.is_some_and(|every| every.0.is_zero()) {
            let message = "measurements need some time between them";
            self.context.report(&codes::BAD_LONG_FORM, &at("every"), message);
        }
        for (key, given) in [
            ("every", long.every.is_some()),
            ("warmup", long.warmup.is_some()),
            ("pass_after", long.pass_after.is_some_and(|count| count > 1)),
            ("tolerate_failures", long.tolerate_failures > 0),
        ] {
            if given && !metric.over {
                let kind = self.stage.kind.name();
                let message = format!("`{key}` has no effect: a `{kind}` stage measures this once");
                self.context.report_with(&codes::BAD_LONG_FORM, &at(key), message, |d| {
                    d.label("remove it")
                });
            }
        }
    }
}
