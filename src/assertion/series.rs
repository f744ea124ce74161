//! The samples of a stage or step, as windows that can be measured.

use std::collections::VecDeque;
use std::time::Duration;

use super::MeasuredValue;
use crate::clock::{Timestamp, after, until};
use crate::model::{Sample, Samples, Side};
use crate::plan::{Assertion, MetricRef};

/// Number of parts of a window; the oldest is dropped as a whole.
const PARTS: u32 = 60;

/// Samples, kept for exactly the windows that assertions ask for.
///
/// Memory does not grow with time: each distinct pair of window and warm-up has at most 61 parts, and a part is a few
/// histograms of some 10 to 100 KB. A window never reaches further back than it says, and at most a sixtieth less.
pub struct Series {
    /// All samples, from the start.
    total: Samples,
    views: Vec<View>,
}

impl Series {
    /// Creates a series for `assertions` about what happens from `start`.
    pub fn new<'a>(start: Timestamp, assertions: impl IntoIterator<Item = &'a Assertion>) -> Self {
        let mut series = Self { total: Samples::default(), views: Vec::new() };
        for assertion in assertions {
            let key = ViewKey::of(assertion);
            if series.view(key).is_none() {
                series.views.push(View::new(start, key));
            }
        }
        series
    }

    pub fn record(&mut self, sample: &Sample) {
        self.total.record(sample);
        for view in &mut self.views {
            view.record(sample);
        }
    }

    /// Adds the samples of a short stretch of time that ended at `at`.
    pub fn add(&mut self, at: Timestamp, samples: &Samples) {
        self.total.add(samples);
        for view in &mut self.views {
            if let Some(part) = view.part(at) {
                part.add(samples);
            }
        }
    }

    /// A metric over all samples; `NotMeasured` if samples do not show it.
    pub fn total(&self, side: Side, metric: &MetricRef) -> MeasuredValue {
        measured(&self.total, side, metric)
    }

    /// The metric of `assertion` over its window, at `now`.
    pub fn measure(&self, assertion: &Assertion, side: Side, now: Timestamp) -> MeasuredValue {
        match self.view(ViewKey::of(assertion)) {
            Some(view) => measured(&view.sum(now), side, &assertion.metric),
            None => MeasuredValue::NotMeasured { reason: "its window is not kept".into() },
        }
    }

    fn view(&self, key: ViewKey) -> Option<&View> {
        self.views.iter().find(|view| view.key == key)
    }
}

fn measured(bucket: &Samples, side: Side, metric: &MetricRef) -> MeasuredValue {
    bucket.side(side).value(&metric.name, metric.argument.as_deref()).unwrap_or_else(|| {
        MeasuredValue::NotMeasured { reason: "samples of queries do not show it".into() }
    })
}

#[derive(Clone, Copy, PartialEq)]
struct ViewKey {
    over: Option<Duration>,
    warmup: Duration,
}

impl ViewKey {
    fn of(assertion: &Assertion) -> Self {
        Self {
            over: assertion.over.map(|span| span.0),
            warmup: assertion.warmup.map_or(Duration::ZERO, |span| span.0),
        }
    }
}

/// The samples of the last `over`, or of all the time, after the warm-up.
struct View {
    key: ViewKey,
    from: Timestamp,
    /// Parts, oldest first, each with the number of its stretch of time since `from`.
    parts: VecDeque<(u64, Samples)>,
}

impl View {
    fn new(start: Timestamp, key: ViewKey) -> Self {
        Self { key, from: after(start, key.warmup), parts: VecDeque::new() }
    }

    fn width(&self) -> Option<Duration> {
        self.key.over.map(|over| (over / PARTS).max(Duration::from_nanos(1)))
    }

    fn record(&mut self, sample: &Sample) {
        if let Some(part) = self.part(sample.at) {
            part.record(sample);
        }
    }

    /// Returns the part that takes what ended at `at`; `None` during the warm-up.
    fn part(&mut self, at: Timestamp) -> Option<&mut Samples> {
        if at < self.from {
            return None;
        }
        let number = self.number(at);
        // Samples may arrive slightly out of order; a late one counts for the newest part.
        if self.parts.back().is_none_or(|(newest, _)| *newest < number) {
            self.parts.push_back((number, Samples::default()));
            self.forget(at);
        }
        self.parts.back_mut().map(|(_, part)| part)
    }

    fn number(&self, at: Timestamp) -> u64 {
        let Some(width) = self.width() else { return 0 };
        let number = until(self.from, at).as_nanos() / width.as_nanos();
        u64::try_from(number).unwrap_or(u64::MAX)
    }

    fn forget(&mut self, now: Timestamp) {
        let oldest = self.oldest(now);
        while self.parts.front().is_some_and(|(number, _)| *number < oldest) {
            self.parts.pop_front();
        }
    }

    /// Returns the first part that lies wholly within the window that ends at `now`.
    fn oldest(&self, now: Timestamp) -> u64 {
        let (Some(over), Some(width)) = (self.key.over, self.width()) else { return 0 };
        let outside = until(self.from, now).saturating_sub(over);
        u64::try_from(outside.as_nanos().div_ceil(width.as_nanos())).unwrap_or(u64::MAX)
    }

    fn sum(&self, now: Timestamp) -> Samples {
        let oldest = self.oldest(now);
        let mut sum = Samples::default();
        for (_, part) in self.parts.iter().filter(|(number, _)| *number >= oldest) {
            sum.add(part);
        }
        sum
    }
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
