//! Watching a canary step.

use serde::{Deserialize, Serialize};

use super::once::{judgement, read};
use super::tally::Tally;
use super::{Judgement, Measured, Series, Verdict, stage_verdict};
use crate::clock::{Timestamp, after, until};
use crate::model::Side;
use crate::plan::Assertion;

/// Metrics that take a look at a whole index: they are measured only at the ticks that bring them.
const LOOKED_AT: [&str; 1] = ["source.changed"];

/// Whether a step may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Ongoing,
    /// An assertion that blocks has failed or could not be measured more often than is tolerated. A step that
    /// goes on being watched can only get from error to fail.
    Decided(Verdict),
}

/// The assertions of a canary step and what they have seen.
///
/// It is plain data: written and read back, it goes on where it was. A new attempt gets a new judge and a new
/// [`Series`], so nothing measured before counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judge {
    start: Timestamp,
    strict: bool,
    watched: Vec<Watched>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Watched {
    assertion: Assertion,
    tally: Tally,
    last_read: Option<Timestamp>,
}

impl Judge {
    /// A judge of a step that starts at `start`; with `strict`, warnings block.
    pub fn new(
        start: Timestamp,
        assertions: impl IntoIterator<Item = Assertion>,
        strict: bool,
    ) -> Self {
        let watched = assertions.into_iter().map(|assertion| Watched {
            assertion,
            tally: Tally::default(),
            last_read: None,
        });
        Self { start, strict, watched: watched.collect() }
    }

    /// Measures what is due. `extra` has what samples do not show, like `weight`; it goes before the series.
    ///
    /// An assertion without `every` is measured at each tick, so the caller's ticks are its measurements; one about
    /// `source.changed` at each tick that brings it.
    pub fn tick(&mut self, now: Timestamp, series: &Series, extra: &Measured) -> Progress {
        for watched in &mut self.watched {
            if watched.is_due(self.start, now) && watched.is_brought(extra) {
                watched.measure(now, series, extra);
            }
        }
        self.progress()
    }

    /// Whether a metric that takes a look is asserted with an `every` that is over.
    pub fn wants(&self, metric: &str, now: Timestamp) -> bool {
        let mut asked =
            self.watched.iter().filter(|watched| watched.assertion.metric.name == metric);
        asked.any(|watched| watched.assertion.every.is_some() && watched.is_due(self.start, now))
    }

    /// What the measurements so far say of the step.
    pub fn progress(&self) -> Progress {
        self.watched
            .iter()
            .filter(|watched| watched.judgement().is_blocking(self.strict))
            .filter_map(|watched| watched.tally.decided(&watched.assertion))
            .reduce(Verdict::worst)
            .map_or(Progress::Ongoing, Progress::Decided)
    }

    /// What would be said of each assertion if the step ended now.
    pub fn judgements(&self) -> Vec<Judgement> {
        self.watched.iter().map(Watched::judgement).collect()
    }

    /// The verdict of the step if it ended now; `None` where no assertion blocks.
    pub fn verdict(&self) -> Option<Verdict> {
        stage_verdict(&self.judgements(), self.strict)
    }
}

impl Watched {
    fn is_due(&self, start: Timestamp, now: Timestamp) -> bool {
        let warm = self.assertion.warmup.is_none_or(|warmup| now >= after(start, warmup.0));
        let rested = match (self.assertion.every, self.last_read) {
            (Some(every), Some(last)) => until(last, now) >= every.0,
            _ => true,
        };
        let open = self.tally.decided(&self.assertion) != Some(Verdict::Fail);
        warm && rested && open
    }

    fn is_brought(&self, extra: &Measured) -> bool {
        let metric = &self.assertion.metric;
        !LOOKED_AT.contains(&metric.name.as_str()) || extra.get(metric).is_some()
    }

    fn measure(&mut self, now: Timestamp, series: &Series, extra: &Measured) {
        let assertion = &self.assertion;
        let reading = match extra.get(&assertion.metric) {
            Some(value) => read(assertion, Some(value), None),
            None => {
                let target = series.measure(assertion, Side::Target, now);
                let source = series.measure(assertion, Side::Source, now);
                read(assertion, Some(&target), Some(&source))
            }
        };
        self.tally.take(reading);
        self.last_read = Some(now);
    }

    fn judgement(&self) -> Judgement {
        judgement(&self.assertion, &self.tally)
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
