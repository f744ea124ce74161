//! Checks of assertions against the metric catalogue, and against the stage they stand in.

mod reach;

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::assertion::{
    Assertion, At, Comparison, MetricRef, NoData, ParsedAssertion, Severity, Threshold, Value,
};
use super::super::catalogue::{Argument, METRICS, Metric, Unit, example, find, nearest_metric};
use super::super::codes;
use super::super::diagnostic::{Diagnostic, either, nearest};
use super::super::file::{AssertionEntry, LongAssertion, Probe, Stage};
use super::super::source::Region;
use super::context::Context;
use reach::needed_samples;

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

struct Checker<'c, 'a> {
    text_at: &'c str,
    text: &'c str,
    stage: &'c Stage,
    context: &'c mut Context<'a>,
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

    /// Reports at a part of the assertion's text.
    fn report(
        &mut self,
        code: &'static codes::Code,
        range: Range<usize>,
        message: impl Into<String>,
        more: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        let region = self.part(range);
        self.context.found.push(more(Diagnostic::new(code, region, message)));
    }

    /// Returns the region of a part of the text in the file; all of it if the file spells it in another way.
    fn part(&self, range: Range<usize>) -> Region {
        let whole = self.context.region(self.text_at);
        let written = self.context.sources.text(whole);
        match written.find(self.text) {
            Some(offset) => whole.part(offset + range.start, offset + range.end),
            None => whole,
        }
    }

    fn metric(&mut self, metric: &At<MetricRef>) -> Option<&'static Metric> {
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

    fn threshold(&mut self, metric: &Metric, parsed: &ParsedAssertion) -> Option<Threshold> {
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
        let threshold = fit(metric.unit, &parsed.value.value);
        if threshold.is_none() {
            let message =
                format!("`{}` is compared with {}", parsed.metric.value, metric.unit.describe());
            let label = format!("for example `{}`", example(metric));
            self.report(&codes::THRESHOLD_UNIT, range, message, |d| d.label(label));
        }
        threshold
    }

    fn comparison(&mut self, metric: &Metric, parsed: &ParsedAssertion) {
        let equality = matches!(parsed.comparison.value, Comparison::Equal | Comparison::NotEqual);
        let message = match metric.unit {
            Unit::Bool | Unit::Word(_) if !equality => "a word or boolean is equal or it is not",
            Unit::Duration | Unit::Rate if equality => {
                "what is measured is never exactly this: compare with `<`, `<=`, `>` or `>=`"
            }
            _ => return,
        };
        self.report(&codes::BAD_COMPARISON, parsed.comparison.range.clone(), message, |d| d);
    }

    /// Reports a comparison that holds for no value that the metric can have.
    fn bounds(&mut self, metric: &Metric, parsed: &ParsedAssertion, threshold: &Threshold) {
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
            Unit::Number | Unit::Bool | Unit::Word(_) => return,
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

/// Converts the value to the unit's base; `None` if it does not fit.
fn fit(unit: Unit, value: &Value) -> Option<Threshold> {
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
        _ => return None,
    })
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
