use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{AssertionReport, StepReport};
use crate::journal::{Entry, Event};
use crate::model::{MeasuredValue, Observed, Samples, Share, Side, StageId, Verdict};
use crate::plan::Comparison;
use crate::plan::assertion::{ParsedAssertion, Value};

/// Latencies of queries in a step of a canary, or in another stage that measures them, side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LatencyReport {
    pub stage: StageId,
    /// The canary step, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// The weight of that step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Share>,
    pub source: Percentiles,
    pub target: Percentiles,
    /// What the plan asked of the target, where it was judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
}

/// Percentiles of one side, over the whole step; none if nothing was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    pub samples: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<Observed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<Observed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<Observed>,
    /// Reason why nothing was measured, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The most that a latency may be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limit {
    /// `p95`, `p99.9`, `max`.
    pub percentile: String,
    pub seconds: f64,
    /// The threshold as reports show it: `< 100 ms`.
    pub threshold: String,
    pub verdict: Verdict,
}

impl LatencyReport {
    /// Returns the stage, and the step of a canary: `canary step 2 (25%)`.
    pub fn place_in_run(&self) -> String {
        super::assertion::place_in_run(&self.stage, self.step, self.weight)
    }

    pub fn sides(&self) -> [(Side, &Percentiles); 2] {
        [(Side::Source, &self.source), (Side::Target, &self.target)]
    }

    /// Returns what was measured, in the order of the run.
    pub(super) fn all(
        entries: &[Entry],
        steps: &[StepReport],
        assertions: &[AssertionReport],
    ) -> Vec<Self> {
        let mut found = Found::default();
        entries.iter().for_each(|entry| found.follow(&entry.event));
        let report = |(stage, step): &(StageId, Option<usize>)| {
            let (source, target) = found.sides(stage, *step);
            let weight = steps.iter().find(|one| one.stage == *stage && Some(one.step) == *step);
            let own = assertions.iter().filter(|one| one.stage == *stage && one.step == *step);
            Self {
                stage: stage.clone(),
                step: *step,
                weight: weight.map(|one| one.requested),
                source,
                target,
                limits: own.filter_map(Limit::of).collect(),
            }
        };
        found.order.iter().map(report).collect()
    }
}

impl Percentiles {
    fn of_samples(samples: &Samples, side: Side) -> Self {
        Self::of(|name| samples.side(side).value(name, Some("query")))
    }

    /// Reads what a stage measured at its end.
    fn of_values(values: Option<&BTreeMap<String, MeasuredValue>>) -> Self {
        Self::of(|name| values?.get(&format!("{name}(query)")).cloned())
    }

    fn of(value: impl Fn(&str) -> Option<MeasuredValue>) -> Self {
        let mut this = Self::default();
        for (name, place) in
            [("p50", &mut this.p50), ("p95", &mut this.p95), ("p99", &mut this.p99)]
        {
            match value(name) {
                // A percentile of nothing is none.
                Some(MeasuredValue::Value { samples: 0, .. }) | None => {}
                Some(MeasuredValue::Value { observed, samples }) => {
                    this.samples = samples;
                    *place = Some(observed);
                }
                Some(MeasuredValue::NotMeasured { reason }) => this.reason = Some(reason),
            }
        }
        this
    }

    pub fn is_empty(&self) -> bool {
        self.named().iter().all(|(_, value)| value.is_none())
    }

    pub fn named(&self) -> [(&'static str, Option<&Observed>); 3] {
        [("p50", self.p50.as_ref()), ("p95", self.p95.as_ref()), ("p99", self.p99.as_ref())]
    }
}

impl Limit {
    /// Returns the limit of an assertion on the latency of queries; `None` for any other.
    fn of(one: &AssertionReport) -> Option<Self> {
        let judgement = &one.judgement;
        let parsed: ParsedAssertion = judgement.text.parse().ok()?;
        let metric = parsed.metric.value;
        let is_percentile = metric.name == "max"
            || metric.name.strip_prefix('p').is_some_and(|rest| rest.parse::<f64>().is_ok());
        let is_most = matches!(parsed.comparison.value, Comparison::Less | Comparison::LessOrEqual);
        if !is_percentile || !is_most || metric.argument.as_deref() != Some("query") {
            return None;
        }
        let seconds = match parsed.value.value {
            Value::Duration(seconds) => seconds,
            Value::TimesSource(factor) => judgement.source.as_ref()?.observed.number()? * factor,
            _ => return None,
        };
        Some(Self {
            percentile: metric.name,
            seconds,
            threshold: judgement.threshold.clone(),
            verdict: judgement.verdict,
        })
    }
}

/// What the events say of latencies.
#[derive(Default)]
struct Found {
    order: Vec<(StageId, Option<usize>)>,
    /// Samples of the last watch of each step, and when that began.
    watched: BTreeMap<(StageId, usize), (Timestamp, Samples)>,
    /// Percentiles that a stage measured at once.
    observed: BTreeMap<(StageId, Side), BTreeMap<String, MeasuredValue>>,
}

impl Found {
    fn follow(&mut self, event: &Event) {
        match event {
            Event::Watched { stage, step, started, parts, .. } => {
                self.note(stage, Some(step.saturating_add(1)));
                let fresh = || (*started, Samples::default());
                let known = self.watched.entry((stage.clone(), *step)).or_insert_with(fresh);
                if known.0 != *started {
                    *known = fresh();
                }
                parts.iter().for_each(|(_, samples)| known.1.add(samples));
            }
            Event::Observed { stage, side, values, .. } => {
                let own: BTreeMap<_, _> = values
                    .iter()
                    .filter(|(name, _)| name.ends_with("(query)") && name.starts_with('p'))
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                if !own.is_empty() {
                    self.note(stage, None);
                    self.observed.insert((stage.clone(), *side), own);
                }
            }
            // What an earlier attempt measured is not what this one did.
            Event::StageStarted { stage, .. } => {
                self.observed.retain(|(of, _), _| of != stage);
                self.order.retain(|(of, step)| of != stage || step.is_some());
            }
            _ => {}
        }
    }

    fn note(&mut self, stage: &StageId, step: Option<usize>) {
        let is_it = |known: &(StageId, Option<usize>)| known.0 == *stage && known.1 == step;
        if !self.order.iter().any(is_it) {
            self.order.push((stage.clone(), step));
        }
    }

    fn sides(&self, stage: &StageId, step: Option<usize>) -> (Percentiles, Percentiles) {
        let of = |side| match step {
            Some(step) => {
                let watched = self.watched.get(&(stage.clone(), step.saturating_sub(1)));
                watched
                    .map(|(_, samples)| Percentiles::of_samples(samples, side))
                    .unwrap_or_default()
            }
            None => Percentiles::of_values(self.observed.get(&(stage.clone(), side))),
        };
        (of(Side::Source), of(Side::Target))
    }
}
