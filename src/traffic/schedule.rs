//! Schedules when queries are due.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::Rate;

/// The end of a load.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// The time at which the load ends.
    Elapsed(Duration),
    /// The number of queries after which nothing is due.
    Count(u64),
}

/// The times since the start at which queries are due: evenly spaced, the first one immediately.
#[derive(Debug)]
pub(super) struct Schedule {
    rate: f64,
    until: Until,
    next: u64,
}

impl Schedule {
    /// Creates a schedule.
    ///
    /// # Errors
    /// `Invalid` for a rate that is not above 0.
    pub fn new(rate: Rate, until: Until) -> Result<Self> {
        if rate.0.is_finite() && rate.0 > 0.0 {
            Ok(Self { rate: rate.0, until, next: 0 })
        } else {
            Err(Error::invalid(format!("a probe needs a rate above 0/s, not {rate}")))
        }
    }

    /// Returns the time at which the next query is due; `None` at the end.
    pub fn due(&self) -> Option<Duration> {
        let due = Duration::try_from_secs_f64(self.next as f64 / self.rate).ok()?;
        let is_open = match self.until {
            Until::Elapsed(end) => due < end,
            Until::Count(count) => self.next < count,
        };
        is_open.then_some(due)
    }

    pub fn advance(&mut self) {
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dues(rate: f64, until: Until) -> Vec<u128> {
        let mut schedule = Schedule::new(Rate(rate), until).unwrap();
        let mut dues = Vec::new();
        while let Some(due) = schedule.due() {
            dues.push(due.as_millis());
            schedule.advance();
        }
        dues
    }

    #[test]
    fn queries_are_evenly_spaced() {
        assert_eq!(dues(4.0, Until::Count(3)), [0, 250, 500]);
        assert_eq!(dues(4.0, Until::Elapsed(Duration::from_secs(1))), [0, 250, 500, 750]);
        assert_eq!(dues(4.0, Until::Count(0)), []);
    }

    #[test]
    fn a_rate_is_above_zero() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Schedule::new(Rate(rate), Until::Count(1)).is_err(), "{rate}");
        }
    }
}
