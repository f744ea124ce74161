//! Estimates how long the stages of a preview take and what they cost, from the plan's own rates and documented limits,
//! without what is already done.

use std::time::Duration;

use super::look::{Look, group, size};
use super::seen::Estimate;
use crate::journal::{Route, StageState};
use crate::model::{Rate, Side, StageId};
use crate::plan::Stage;
use crate::plan::file::{Audit, Canary, Compare, Verify};
use crate::provider::advice::{Bound, Reading, words};
use crate::run::route::candidate_of;
use crate::run::sample::sample_size;

/// The default rate of queries per second for verify and canary stages.
const RATE: f64 = 20.0;

impl Look<'_> {
    pub(super) fn audit(&self, audit: &Audit) -> String {
        let count = sample_size(self.plan, audit.sample) as f64;
        let rates = self.plan.copies.iter().filter_map(|copy| copy.asked.rate);
        let slowest = rates.map(|Rate(rate)| count / rate.max(1e-9)).fold(0.0, f64::max);
        if slowest < 10.0 { "seconds".to_owned() } else { words(slowest) }
    }

    /// Estimates the time and cost of what is left of a copy, and says what the estimate is based on.
    pub(super) fn copying(
        &self,
        id: &StageId,
        route: Option<Route>,
        seen: Option<&StageState>,
    ) -> (String, Vec<String>) {
        let Some(estimate) = self.estimates.get(id) else { return ("-".to_owned(), Vec::new()) };
        if route == Some(Route::Collection) {
            return ("by the provider, $0.00".to_owned(), Vec::new());
        }
        let (done, rate) = seen.map_or((0, None), |seen| (seen.tally().enumerated, seen.rate()));
        let left = estimate.left(done);
        let by = self.enumerated_by(id);
        let candidate = candidate_of(&estimate.candidates, route.unwrap_or(Route::Stream), by);
        let least = candidate
            .and_then(|candidate| Some((candidate.seconds_at_least?, candidate.bound_by?)));
        let (seconds, by) = match (rate, least) {
            // A measured rate already reflects 429s, latencies and a busy source.
            (Some(rate), _) if done > 0 => {
                (estimate.weight.records as f64 * left / rate.max(1e-9), "the rate so far")
            }
            (_, Some((seconds, by))) => (seconds * left, by),
            _ => (0.0, "no documented rate"),
        };
        let cost = candidate
            .and_then(|candidate| candidate.dollars)
            .map(|dollars| format!("${:.2}", dollars * left));
        let cost = cost.unwrap_or_else(|| "billed by GB".to_owned());
        let all = if done > 0 { "what is left" } else { "all of it" };
        let detail = format!(
            "estimate: {} {}, {} at {}; time by {by}",
            size(estimate.weight.bytes().round()),
            estimate.weight.basis(),
            all,
            cost
        );
        (format!("{} or more, {cost}", words(seconds)), vec![detail])
    }

    /// Returns how the ids of most of a copy's records are found.
    fn enumerated_by(&self, id: &StageId) -> &'static str {
        let chosen = self.chosen.get(id);
        let first = chosen.and_then(|chosen| chosen.enumerated.first());
        first.map_or("", |one| one.name())
    }

    /// Estimates reading the copied records once on both sides and asking the plan's queries.
    pub(super) fn verifying(&self, stage: &Stage, verify: &Verify) -> (String, Vec<String>) {
        let (mut records, mut seconds, mut by) = (0.0, 0.0, "nothing");
        for estimate in stage.copies.iter().filter_map(|copy| self.estimates.get(&copy.id)) {
            let bound = estimate.compared(verify.compare);
            records += estimate.weight.records as f64;
            if bound.seconds > 0.0 {
                by = bound.by;
            }
            seconds += bound.seconds;
        }
        let mut details = Vec::new();
        if seconds >= 1.0 {
            let records = group(records.round() as u64);
            details.push(format!("reading {records} records: {} by {by}", words(seconds)));
        }
        if let Some(queries) = &verify.queries {
            let rate = queries.rate.unwrap_or(Rate(RATE));
            let asking = queries.count as f64 / rate.0.max(1e-9);
            details.push(format!(
                "{} queries at {rate} to both sides: {}",
                group(queries.count),
                words(asking)
            ));
            seconds += asking;
        }
        (format!("{} or more", words(seconds)), details)
    }

    /// Estimates reading all of one side once for a snapshot. What a copy is to bring is there by then.
    pub(super) fn snapshot(&self, side: Side) -> String {
        let (source, target) = (&self.preview.source, &self.preview.target);
        let copied = self.preview.namespaces.iter().map(|mapping| mapping.records).sum();
        let records = match side {
            Side::Source => source.records.unwrap_or(0),
            Side::Target => target.records.unwrap_or(0).max(copied),
        };
        let slowest = self.estimates.values().map(|estimate| {
            let own = match side {
                Side::Source => estimate.reading,
                Side::Target => Reading { pace: estimate.target, rate: None, ..estimate.reading },
            };
            Bound::slowest(Reading { records: records as f64, ..own }.bounds()).seconds
        });
        format!("{} or more", words(slowest.fold(0.0, f64::max)))
    }
}

impl Estimate {
    /// The share of records that has yet to be copied.
    fn left(&self, done: u64) -> f64 {
        1.0 - (done as f64 / self.weight.records.max(1) as f64).min(1.0)
    }

    /// Bounds the time to compare the records a verify asks for. Both sides are read at the same time.
    fn compared(&self, compare: Compare) -> Bound {
        let share = match compare {
            Compare::All => 1.0,
            Compare::Share(share) => share.0,
            Compare::Records(count) => (count as f64 / self.weight.records.max(1) as f64).min(1.0),
        };
        let target = Reading { pace: self.target, rate: None, ..self.reading };
        let bounds = self.reading.bounds().into_iter().chain(target.bounds());
        Bound::slowest(bounds).part(share)
    }
}

/// Describes the query load of a canary.
pub(super) fn probing(canary: &Canary, bakes: Duration) -> String {
    let rate = canary.probe.rate.unwrap_or(Rate(RATE));
    let all = (rate.0 * bakes.as_secs_f64()).round() as u64;
    format!("probe: {rate} to each side, about {} queries in all", group(all))
}
