//! Watching a canary step.

use serde::{Deserialize, Serialize};

use super::once::{judgement, read};
use super::tally::Tally;
use super::{Judgement, Measured, Series, Verdict, stage_verdict};
use crate::clock::{Timestamp, after, until};
use crate::model::Side;
use crate::plan::Assertion;

/// Metrics that need a scan of a whole index: they are measured only at the ticks that bring a value.
const LOOKED_AT: [&str; 1] = ["source.changed"];

/// State of a canary step: still watched, or decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Ongoing,
    /// A blocking assertion has failed, or could not be measured more often than is tolerated. Watching the step any
    /// longer could only turn the error into a failure.
    Decided(Verdict),
}

/// The assertions of a canary step and the readings taken for them.
///
/// Its [`Readings`] are plain data: a judge that resumes with them carries on where they were taken. A new attempt gets
/// a new judge and a new [`Series`], so earlier measurements do not count.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge {
    start: Timestamp,
    strict: bool,
    watched: Vec<Watched>,
}

/// The readings of a step's assertions, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Readings(Vec<(Tally, Option<Timestamp>)>);

#[derive(Clone, Debug, PartialEq)]
struct Watched {
    assertion: Assertion,
    tally: Tally,
    last_read: Option<Timestamp>,
}

impl Judge {
    /// Creates the judge of a step that starts at `start`. With `strict`, warnings block too.
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

    /// Returns the readings so far, for [`Judge::resume`].
    pub fn readings(&self) -> Readings {
        let kept = |watched: &Watched| (watched.tally.clone(), watched.last_read);
        Readings(self.watched.iter().map(kept).collect())
    }

    /// Adds the readings of an earlier judge of the same assertions.
    pub fn resume(mut self, readings: Readings) -> Self {
        for (watched, (tally, last_read)) in self.watched.iter_mut().zip(readings.0) {
            (watched.tally, watched.last_read) = (tally, last_read);
        }
        self
    }

    /// Measures what is due. `extra` holds values that samples do not show, such as `weight`, and takes precedence
    /// over the series.
    ///
    /// An assertion without `every` is measured at each tick, so the caller's ticks are its measurements; one about
    /// `source.changed` is measured at each tick that brings a value for it.
    pub fn tick(&mut self, now: Timestamp, series: &Series, extra: &Measured) -> Progress {
        for watched in &mut self.watched {
            if watched.is_due(self.start, now) && watched.is_brought(extra) {
                watched.measure(now, series, extra);
            }
        }
        self.progress()
    }

    /// Returns whether an assertion about `metric` has an `every` that has elapsed, so that a scan is due.
    pub fn wants(&self, metric: &str, now: Timestamp) -> bool {
        let mut asked =
            self.watched.iter().filter(|watched| watched.assertion.metric.name == metric);
        asked.any(|watched| watched.assertion.every.is_some() && watched.is_due(self.start, now))
    }

    /// Returns the state of the step by the measurements so far.
    pub fn progress(&self) -> Progress {
        self.watched
            .iter()
            .filter(|watched| watched.judgement().is_blocking(self.strict))
            .filter_map(|watched| watched.tally.decided(&watched.assertion))
            .reduce(Verdict::worst)
            .map_or(Progress::Ongoing, Progress::Decided)
    }

    /// Returns the judgement of each assertion as if the step ended now.
    pub fn judgements(&self) -> Vec<Judgement> {
        self.watched.iter().map(Watched::judgement).collect()
    }

    /// Returns the verdict of the step as if it ended now; `None` if no assertion blocks.
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
