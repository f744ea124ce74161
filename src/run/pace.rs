//! Estimates the least time that work takes, from documented limits and the plan's own rates.
//!
//! The limits are those Pinecone documents (2026-11). A service that responds more slowly than its limits takes longer.

use crate::model::Rate;

/// Ids an index lists per second: 200 requests of 100 ids.
const LISTED_A_SECOND: f64 = 20_000.0;
/// Fetch requests an index answers per second.
const FETCHES_A_SECOND: f64 = 100.0;
const FETCH_IDS: f64 = 1_000.0;
/// Bytes a namespace accepts per second, and the bytes of one request.
const WRITTEN_A_SECOND: f64 = 50e6;
const REQUEST_BYTES: f64 = 2e6;

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
    /// Whether the limits of a serverless index apply.
    pub is_limited: bool,
}

impl Reading {
    pub fn bounds(self) -> Vec<Bound> {
        let mut bounds = Vec::new();
        if self.is_limited {
            let per_fetch = FETCH_IDS.min((REQUEST_BYTES / self.record_bytes.max(1.0)).max(1.0));
            let fetches = self.records / per_fetch / FETCHES_A_SECOND;
            bounds.push(Bound::new(fetches, "100 fetches/s of the source"));
            let lists = self.records / LISTED_A_SECOND;
            bounds.push(Bound::new(lists, "200 lists/s of the source"));
        }
        if let Some(rate) = self.rate {
            bounds.push(Bound::new(self.records / rate.0.max(1e-9), "`rate` of the plan"));
        }
        bounds
    }
}

/// Returns the least time to write `bytes` into namespaces, `at_once` of them concurrently; the largest takes `largest`
/// bytes.
pub(crate) fn writing(bytes: f64, largest: f64, at_once: f64) -> Bound {
    let longest = (bytes / at_once.max(1.0)).max(largest);
    Bound::new(longest / WRITTEN_A_SECOND, "50 MB/s a namespace of the target")
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
            is_limited: true,
        };
        let bound = Bound::slowest(reading.bounds());
        assert_eq!((bound.seconds, bound.by), (310.0, "`rate` of the plan"));
        assert_eq!(words(bound.seconds), "~ 5 min");
        assert_eq!(words(1_000.0), "~ 17 min");
        assert_eq!([words(0.2), words(89.1), words(7_200.0)], ["~ 1 s", "~ 90 s", "~ 2.0 h"]);
    }

    #[test]
    fn a_pod_documents_no_limits() {
        let pod = Reading { records: 1e9, record_bytes: 1e3, rate: None, is_limited: false };
        assert_eq!(Bound::slowest(pod.bounds()).seconds, 0.0);
    }
}
