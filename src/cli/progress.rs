//! Measures how fast something progresses.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::report::{count, duration};
use crate::run::Progress;

/// The time span over which the rate is measured.
const WINDOW: Duration = Duration::from_secs(20);

/// Measures the progress of one piece of work.
#[derive(Debug)]
pub struct Meter {
    watch: Stopwatch,
    seen: VecDeque<(Duration, u64)>,
}

impl Default for Meter {
    fn default() -> Self {
        Self { watch: Stopwatch::start(), seen: VecDeque::new() }
    }
}

impl Meter {
    /// Adds a new count and returns the time since the first one.
    pub fn update(&mut self, done: u64) -> Duration {
        let now = self.watch.elapsed();
        self.seen.push_back((now, done));
        while self.seen.len() > 2 && self.seen.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.seen.pop_front();
        }
        now
    }

    /// Returns the rate per second; `None` until two counts are apart in time.
    fn rate(&self) -> Option<f64> {
        let ((first, from), (last, to)) = (*self.seen.front()?, *self.seen.back()?);
        let seconds = (last - first).as_secs_f64();
        (seconds > 0.0 && to > from).then(|| (to - from) as f64 / seconds)
    }

    /// Formats `1,200 of 5,000 records, 420/s, 9 s left (429 from target, waiting 1.2 s)`.
    pub fn words(&self, progress: &Progress) -> String {
        let Progress { done, total, unit, note, .. } = progress;
        if *unit == Progress::SECONDS_OF_BAKE {
            let left = duration(Duration::from_secs(total.saturating_sub(*done)));
            return format!("baking, {left} left");
        }
        let mut text = match total {
            0 => format!("{} {unit}", count(*done)),
            total => format!("{} of {} {unit}", count(*done), count(*total)),
        };
        if let Some(rate) = self.rate() {
            text.push_str(&format!(", {}/s", rounded(rate)));
            let left = total.saturating_sub(*done) as f64 / rate;
            if left > 0.0 {
                let left = Duration::try_from_secs_f64(left.ceil()).unwrap_or(Duration::MAX);
                text.push_str(&format!(", {} left", duration(left)));
            }
        }
        if let Some(note) = note {
            text.push_str(&format!(" ({note})"));
        }
        text
    }
}

fn rounded(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.1}") } else { count(rate.round() as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Note;

    #[tokio::test(start_paused = true)]
    async fn rate_and_rest_come_from_what_was_seen() {
        let mut meter = Meter::default();
        meter.update(0);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(meter.update(4000), Duration::from_secs(10));
        let progress = Progress {
            stage: "copy".into(),
            unit: "records",
            done: 4000,
            total: 5000,
            note: Some(Note::Remark("429 from target, waiting 1.2 s".into())),
        };
        assert_eq!(
            meter.words(&progress),
            "4,000 of 5,000 records, 400/s, 3 s left (429 from target, waiting 1.2 s)"
        );
    }

    #[test]
    fn a_bake_is_time_that_is_left() {
        let unit = Progress::SECONDS_OF_BAKE;
        let progress = Progress { stage: "canary".into(), unit, done: 60, total: 1800, note: None };
        assert_eq!(Meter::default().words(&progress), "baking, 29 min left");
    }

    #[tokio::test(start_paused = true)]
    async fn old_counts_do_not_flatter_a_stall() {
        let mut meter = Meter::default();
        meter.update(0);
        meter.update(4000);
        for _ in 0..6 {
            tokio::time::advance(Duration::from_secs(10)).await;
            meter.update(4000);
        }
        let progress =
            Progress { stage: "copy".into(), unit: "records", done: 4000, total: 5000, note: None };
        assert_eq!(meter.words(&progress), "4,000 of 5,000 records");
    }
}
