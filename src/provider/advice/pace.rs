//! Estimates the least time that work takes, from documented limits and the plan's own rates.
//!
//! A service that responds more slowly than its limits takes longer.

use super::Pace;
use crate::model::Rate;

/// The least time that some work takes, and what limits it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    pub seconds: f64,
    pub by: &'static str,
}

impl Bound {
    fn new(seconds: f64, by: &'static str) -> Self {
        Self { seconds, by }
    }

    /// Returns the slowest of several bounds that apply at the same time.
    pub fn slowest(bounds: impl IntoIterator<Item = Self>) -> Self {
        let slowest = bounds.into_iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
        slowest.unwrap_or(Self::new(0.0, "nothing"))
    }

    /// Scales the bound to a share of the work.
    pub fn part(self, share: f64) -> Self {
        Self { seconds: self.seconds * share, ..self }
    }
}

/// The work of reading every record of a copy once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub records: f64,
    /// The mean size of a record in bytes.
    pub record_bytes: f64,
    /// The plan's limit on records per second.
    pub rate: Option<Rate>,
    /// The documented limits of the index that is read.
    pub pace: Pace,
}

impl Reading {
    pub fn bounds(self) -> Vec<Bound> {
        let mut bounds = Vec::new();
        if let Some(fetches) = self.pace.fetches {
            let fitting = (fetches.bytes / self.record_bytes.max(1.0)).max(1.0);
            let requests = self.records / fetches.ids.min(fitting);
            bounds.push(Bound::new(requests / fetches.rated.a_second, fetches.rated.words));
        }
        if let Some(listed) = self.pace.listed {
            bounds.push(Bound::new(self.records / listed.a_second, listed.words));
        }
        if let Some(rate) = self.rate {
            bounds.push(Bound::new(self.records / rate.0.max(1e-9), "`rate` of the plan"));
        }
        bounds
    }
}

/// Returns the least time to write `bytes` into namespaces, `at_once` of them concurrently; the largest takes `largest`
/// bytes. `None` if no limit is documented.
pub(crate) fn writing(pace: Pace, bytes: f64, largest: f64, at_once: f64) -> Option<Bound> {
    let longest = (bytes / at_once.max(1.0)).max(largest);
    pace.written.map(|written| Bound::new(longest / written.a_second, written.words))
}

/// Formats a duration as `~ 5 min`.
pub(crate) fn words(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("~ {} s", s.ceil().max(1.0)),
        s if s < 5400.0 => format!("~ {} min", (s / 60.0).round()),
        s => format!("~ {:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plans_own_rate_is_counted() {
        let reading = Reading {
            records: 3_100.0,
            record_bytes: 1e3,
            rate: Some(Rate(10.0)),
            pace: Pace::default(),
        };
        let bound = Bound::slowest(reading.bounds());
        assert_eq!((bound.seconds, bound.by), (310.0, "`rate` of the plan"));
        assert_eq!(words(bound.seconds), "~ 5 min");
        assert_eq!(words(1_000.0), "~ 17 min");
        assert_eq!([words(0.2), words(89.1), words(7_200.0)], ["~ 1 s", "~ 90 s", "~ 2.0 h"]);
    }

    #[test]
    fn without_limits_there_is_no_bound() {
        let pace = Pace::default();
        let free = Reading { records: 1e9, record_bytes: 1e3, rate: None, pace };
        assert_eq!(Bound::slowest(free.bounds()).seconds, 0.0);
        assert_eq!(writing(pace, 1e9, 1e9, 1.0), None);
    }
}
