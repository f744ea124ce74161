//! Checks that the stage's own fields let an assertion be measured at all: with queries, deep and many enough, for
//! long enough.

use std::ops::Range;

use super::super::super::assertion::{Comparison, MetricRef, ParsedAssertion, Value};
use super::super::super::catalogue::{Argument, Metric};
use super::super::super::codes;
use super::super::super::file::{
    Audit, Canary, Compare, LongAssertion, Queries, StageKind, Verify,
};
use super::checker::{Checker, needed_samples};
use crate::model::{Rate, Span};

/// Answers a query asks for if the plan does not say.
const LIMIT: u32 = 10;
/// Most fetches that a verification times.
const FETCHES: u64 = 50;
/// Most namespaces whose first query is timed.
const COLD: u64 = 100;
/// Records that are written and read back if the plan does not say.
const WRITES: u32 = 5;
/// Records that an audit reads if the plan does not say.
const SAMPLE: u64 = 500;
/// Queries a second of a canary's probe if the plan does not say.
const RATE: Rate = Rate(20.0);
/// Seconds between two looks at the assertions of a bake.
const TICK: f64 = 10.0;

/// The most that can be measured, and why no more.
struct Reach {
    samples: u64,
    /// Reason, for example `the stage sends 10 queries`.
    because: String,
    /// Advice on what to change.
    help: String,
    /// The keys of the stage that this follows from.
    from: &'static [&'static str],
}

impl Checker<'_, '_> {
    /// Reports what keeps the stage from measuring this; returns whether nothing does.
    pub(super) fn reach(
        &mut self,
        metric: &'static Metric,
        parsed: &ParsedAssertion,
        long: Option<&LongAssertion>,
    ) -> bool {
        let before = self.context.found.len();
        let reach = match &self.stage.kind {
            StageKind::Verify(verify) => self.of_verify(verify, metric, parsed),
            StageKind::Canary(canary) => {
                let (asked, at) = (&parsed.metric.value, parsed.metric.range.clone());
                self.depth(metric, asked, canary.probe.limit, at);
                self.often_enough(canary, long);
                of_probe(canary, metric, parsed.over.as_ref().map(|over| over.value))
            }
            StageKind::Audit(audit) => of_sample(audit, metric),
            StageKind::Create(_) => Some(once("a `create` stage")),
            StageKind::Snapshot(_) => Some(once("a `snapshot` stage")),
            StageKind::Decommission(stage) => {
                let takes_none = stage.snapshot.is_none() && !self.is_unknown(&["snapshot"]);
                if metric.name.starts_with("snapshot.") && takes_none {
                    let help =
                        format!("add `snapshot: file:backups/{}`", self.context.file.source.index);
                    let at = parsed.metric.range.clone();
                    self.out_of_reach(at, "this stage takes no snapshot", &help);
                }
                None
            }
            _ => None,
        };
        if let Some(reach) = reach.filter(|reach| !self.is_unknown(reach.from)) {
            self.enough(metric, parsed, long, &reach);
        }
        self.context.found.len() == before
    }

    fn of_verify(
        &mut self,
        verify: &'_ Verify,
        metric: &'static Metric,
        parsed: &ParsedAssertion,
    ) -> Option<Reach> {
        let (asked, at) = (&parsed.metric.value, parsed.metric.range.clone());
        if !self.compares(metric, at.clone()) || !self.asks(metric, parsed) {
            return None;
        }
        if is_of_content(metric) && is_nothing(verify.compare) && !self.is_unknown(&["compare"]) {
            self.out_of_reach(at, "no record is compared", "raise the stage's `compare`");
            return None;
        }
        if metric.name == "read_after_write" {
            return Some(reach_of_writes(verify.read_after_write));
        }
        let queries = verify.queries.as_ref()?;
        self.depth(metric, asked, queries.limit, at);
        of_queries(metric, asked, queries)
    }

    /// Checks that the sides answer queries that can be compared.
    fn compares(&mut self, metric: &Metric, at: Range<usize>) -> bool {
        if !metric.name.ends_with("overlap") {
            return true;
        }
        let source = self.context.system(&self.context.file.source.provider);
        if let Some(silent) = source.and_then(|source| source.is_silent()) {
            let message = format!("{silent} that could be compared");
            self.out_of_reach(
                at,
                &message,
                "remove the assertion: `missing == 0` and `mismatched == 0` compare the records",
            );
            return false;
        }
        let metric_of_target =
            self.context.file.stages.iter().find_map(|stage| match &stage.kind {
                StageKind::Create(create) => create.spec.metric,
                _ => None,
            });
        match metric_of_target.filter(|_| metric.name == "sparse_overlap") {
            Some(other) if other != crate::model::Metric::Dotproduct => {
                let message =
                    format!("an index that measures by `{}` holds no sparse values", other.name());
                self.out_of_reach(
                    at,
                    &message,
                    "remove the assertion, or create the index with `metric: dotproduct`",
                );
                false
            }
            _ => true,
        }
    }

    /// Checks that the stage sends the queries that the metric is measured by.
    fn asks(&mut self, metric: &Metric, parsed: &ParsedAssertion) -> bool {
        let StageKind::Verify(verify) = &self.stage.kind else { return true };
        let at = parsed.metric.range.clone();
        let is_of_queries = matches!(metric.argument, Argument::Subject(_) | Argument::K)
            || metric.name == "error_rate";
        if !is_of_queries || self.context.is_tainted(&self.of_stage("queries")) {
            return !is_of_queries;
        }
        let Some(queries) = &verify.queries else {
            let message = "this stage sends no queries that could be measured";
            self.report(&codes::NO_QUERIES, at, message, |d| {
                d.help("add `queries: { count: 500 }` to the stage")
            });
            return false;
        };
        let is_tainted = self.is_unknown(&["queries/filtered", "queries/count"]);
        if metric.name != "filtered_overlap" || is_tainted || filtered(queries) > 0 {
            return true;
        }
        let message = match queries.filtered {
            Some(share) if share.0 > 0.0 => {
                format!("{share} of {} queries is none that carries a filter", queries.count)
            }
            _ => "none of this stage's queries carries a filter".to_owned(),
        };
        self.report(&codes::NO_QUERIES, at, message, |d| {
            d.help("add `filtered: 20%` to the stage's `queries`")
        });
        false
    }

    /// Checks that the queries ask for as many neighbours as are compared.
    fn depth(&mut self, metric: &Metric, asked: &MetricRef, limit: Option<u32>, at: Range<usize>) {
        let field = match self.stage.kind {
            StageKind::Canary(_) => "probe",
            _ => "queries",
        };
        let k = asked.argument.as_deref().and_then(|k| k.parse::<u32>().ok());
        let Some(k) = k.filter(|_| metric.argument == Argument::K) else { return };
        let limit = limit.unwrap_or(LIMIT);
        if k <= limit || self.context.is_tainted(&self.of_stage(&format!("{field}/top_k"))) {
            return;
        }
        let message = format!("the queries ask for {limit} neighbours, and this compares {k}");
        let help = format!(
            "write `{}@{limit}`, or raise the stage's `{field}` to `top_k: {k}`",
            metric.name
        );
        self.out_of_reach(at, &message, &help);
    }

    /// Checks that a bake has time for as many measurements as the long form asks for.
    fn often_enough(&mut self, canary: &Canary, long: Option<&LongAssertion>) {
        let Some(long) = long else { return };
        let parent = self.text_at.trim_end_matches("/check").to_owned();
        let Some(bake) =
            shortest(canary).filter(|_| !self.context.is_tainted(&self.of_stage("steps")))
        else {
            return;
        };
        let seconds = |span: Option<Span>| span.map_or(0.0, |span| span.0.as_secs_f64());
        let left = bake.0.as_secs_f64() - seconds(long.warmup);
        if left <= 0.0 {
            let message = format!("a bake of {bake} is over before this is first measured");
            self.context.report_with(
                &codes::BAD_LONG_FORM,
                &format!("{parent}/warmup"),
                message,
                |d| d.label("shorter than the shortest bake"),
            );
            return;
        }
        let every = long.every.map_or(TICK, |every| every.0.as_secs_f64());
        let measurements = (left / every.max(0.001)).floor() as u64 + 1;
        let wanted = u64::from(long.pass_after.unwrap_or(1));
        if wanted > measurements && wanted > 1 {
            let message = format!(
                "{wanted} measurements in a row do not fit a bake of {bake}, which has {measurements}"
            );
            self.context.report_with(
                &codes::BAD_LONG_FORM,
                &format!("{parent}/pass_after"),
                message,
                |d| d.label(format!("at most {measurements}, or longer bakes")),
            );
        }
    }

    /// Checks that as much can be measured as the assertion asks for.
    fn enough(
        &mut self,
        metric: &Metric,
        parsed: &ParsedAssertion,
        long: Option<&LongAssertion>,
        reach: &Reach,
    ) {
        let Reach { samples, because, help, .. } = reach;
        let at = parsed.metric.range.clone();
        let wanted = long.and_then(|long| long.min_samples);
        if let Some(wanted) = wanted.filter(|wanted| wanted > samples) {
            let message = format!("{wanted} samples are not reached: {because}");
            let parent = self.text_at.trim_end_matches("/check");
            let pointer = format!("{parent}/min_samples");
            self.context
                .report_with(&codes::OUT_OF_REACH, &pointer, message, |d| d.help(help.clone()));
        } else if let Some(needed) = metric.percentile().map(needed_samples)
            && wanted.is_none()
            && *samples < needed
        {
            let message = format!("a {} needs {needed} samples: {because}", metric.name);
            self.report(&codes::TOO_FINE, at, message, |d| d.help(help.clone()));
        } else if *samples == 0 {
            self.out_of_reach(at, &format!("nothing is measured: {because}"), help);
        } else if let (Value::Number(least), Comparison::Greater | Comparison::GreaterOrEqual) =
            (&parsed.value.value, parsed.comparison.value)
            && metric.name == "requests"
            && *least > *samples as f64
        {
            let message = format!("{least} requests are not reached: {because}");
            let at = parsed.value.range.clone();
            self.report(&codes::FEW_REQUESTS, at, message, |d| d.help(help.clone()));
        }
    }

    /// Reports a watched percentile that does not say how many samples are enough.
    pub(super) fn samples(
        &mut self,
        metric: &Metric,
        parsed: &ParsedAssertion,
        long: Option<&LongAssertion>,
    ) {
        let Some(percentile) = metric.percentile().filter(|_| metric.over) else { return };
        let parent = self.text_at.trim_end_matches("/check");
        let pointer = format!("{parent}/min_samples");
        if long.is_none_or(|long| long.min_samples.is_none()) && !self.context.is_tainted(&pointer)
        {
            let needed = needed_samples(percentile).max(20);
            let message =
                format!("a {} without `min_samples` can pass on a handful of queries", metric.name);
            self.context.report_with(&codes::NO_MIN_SAMPLES, self.text_at, message, |d| {
                d.help(format!("write `{{ check: {parsed}, min_samples: {needed} }}` or more"))
            });
        }
    }
}

fn filtered(queries: &Queries) -> u64 {
    let share = queries.filtered.map_or(0.0, |share| share.0);
    (queries.count as f64 * share + 1e-9).floor() as u64
}

fn is_nothing(compare: Compare) -> bool {
    match compare {
        Compare::All => false,
        Compare::Share(share) => share.0 <= 0.0,
        Compare::Records(records) => records == 0,
    }
}

/// Returns whether the metric is about the records that are compared.
fn is_of_content(metric: &Metric) -> bool {
    matches!(
        metric.name,
        "compared"
            | "missing"
            | "mismatched"
            | "values_mismatched"
            | "metadata_mismatched"
            | "comparison"
            | "max_difference"
            | "vector_mismatched"
            | "vector_comparison"
            | "vector_max_difference"
            | "schema_drift"
    )
}

fn of_queries(metric: &Metric, asked: &MetricRef, queries: &Queries) -> Option<Reach> {
    let count = queries.count;
    let is_of_fetches = asked.argument.as_deref() == Some("fetch");
    let (samples, because) = match metric.name {
        "filtered_overlap" => {
            (filtered(queries), format!("{} queries carry a filter", filtered(queries)))
        }
        "cold" => {
            (count.min(COLD), format!("the stage times at most {} first queries", count.min(COLD)))
        }
        "p50" | "p95" | "p99" | "max" if is_of_fetches => {
            (count.min(FETCHES), format!("the stage times {} fetches", count.min(FETCHES)))
        }
        "p50" | "p95" | "p99" | "max" | "overlap" | "sparse_overlap" => {
            (count, format!("the stage sends {count} queries"))
        }
        _ => return None,
    };
    let help = match metric.name {
        "filtered_overlap" => "raise `count` or `filtered` of the stage's `queries`".to_owned(),
        _ if samples < count => "no more are made: ask for less".to_owned(),
        _ => "raise `count` of the stage's `queries`".to_owned(),
    };
    let from: &[&str] = &["queries/count", "queries/filtered"];
    Some(Reach { samples, because, help, from })
}

fn reach_of_writes(asked: Option<u32>) -> Reach {
    let writes = asked.unwrap_or(WRITES);
    Reach {
        samples: writes.into(),
        because: format!("{writes} records are written and read"),
        help: "raise the stage's `read_after_write`".to_owned(),
        from: &["read_after_write"],
    }
}

fn shortest(canary: &Canary) -> Option<Span> {
    canary.steps.iter().map(|step| step.bake).min()
}

fn of_probe(canary: &Canary, metric: &Metric, over: Option<Span>) -> Option<Reach> {
    if metric.name == "weight" {
        return None;
    }
    let bake = shortest(canary)?;
    let window = over.map_or(bake, |over| over.min(bake));
    let rate = canary.probe.rate.unwrap_or(RATE);
    let samples = (rate.0 * window.0.as_secs_f64() + 1e-9).floor() as u64;
    Some(Reach {
        samples,
        because: format!("{rate} for {window} is {samples} queries"),
        help: "raise `probe.rate`, or give the window and the bakes more time".to_owned(),
        from: &["steps", "probe"],
    })
}

fn of_sample(audit: &Audit, metric: &Metric) -> Option<Reach> {
    let (_, name) = metric.name.split_once('.')?;
    match name {
        "metadata_bytes" | "id_chars" | "rejects" | "rejects_share" => {
            let samples = audit.sample.unwrap_or(SAMPLE);
            Some(Reach {
                samples,
                because: format!("the sample has at most {samples} records"),
                help: "raise the stage's `sample`".to_owned(),
                from: &["sample"],
            })
        }
        "obstacles" | "records" | "namespaces" | "dimension" | "metric" | "kind" => {
            Some(once("an audit"))
        }
        _ => None,
    }
}

/// Returns the reach of something that is looked at once.
fn once(who: &str) -> Reach {
    Reach {
        samples: 1,
        because: format!("{who} looks at this once"),
        help: "leave `min_samples` out".to_owned(),
        from: &[],
    }
}
