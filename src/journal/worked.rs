//! Speed of a copy, over all processes that worked on it.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::until;

/// Records copied and the time it took, from the journal alone: the time between two checkpoints of one process, and
/// none in which no process ran.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Worked {
    pub records: u64,
    pub time: Duration,
    /// Last sign of life of the process at work.
    since: Option<Timestamp>,
}

impl Worked {
    /// Notes that a process begins to copy.
    pub(super) fn begin(&mut self, at: Timestamp) {
        self.since = Some(at);
    }

    /// Notes that no process is at work any more.
    pub(super) fn end(&mut self) {
        self.since = None;
    }

    /// Adds records that were acknowledged. Those copied in an unknown time do not count.
    pub(super) fn add(&mut self, records: u64, at: Timestamp) {
        let Some(since) = self.since.replace(at) else {
            self.since = None;
            return;
        };
        self.records += records;
        self.time += until(since, at);
    }

    /// Returns the records per second; `None` if nothing was copied or the time is not known.
    pub fn rate(&self) -> Option<f64> {
        let seconds = self.time.as_secs_f64();
        (self.records > 0 && seconds > 0.0).then(|| self.records as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn time_in_which_nothing_ran_does_not_count() {
        let mut worked = Worked::default();
        worked.begin(at(100));
        worked.add(30, at(101));
        worked.add(30, at(102));
        // Killed; another process goes on an hour later, and one that finds nothing left to do.
        worked.end();
        worked.begin(at(3_700));
        worked.add(40, at(3_702));
        worked.end();
        assert_eq!((worked.records, worked.rate()), (100, Some(25.0)));
    }

    #[test]
    fn a_rate_that_nobody_measured_is_none_and_never_nought() {
        let mut worked = Worked::default();
        assert_eq!(worked.rate(), None);
        // As in the journal of an earlier version, which does not record when copying began.
        worked.add(50, at(10));
        worked.add(50, at(20));
        assert_eq!(worked.rate(), None);
        worked.begin(at(30));
        worked.add(0, at(31));
        assert_eq!(worked.rate(), None);
    }
}
