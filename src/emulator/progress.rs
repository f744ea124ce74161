//! Things that take a while: an index, a collection, a backup begins unfinished and ends well, badly or never.

use std::time::Duration;

use crate::clock::{Timestamp, after, until};
use crate::plan::file::ResourceFault;

/// The way in which something that takes a while ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    #[default]
    Well,
    Badly,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    UnderWay,
    Done,
    Failed,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    pub began: Timestamp,
    takes: Duration,
    ending: Ending,
}

impl From<Option<ResourceFault>> for Ending {
    fn from(fault: Option<ResourceFault>) -> Self {
        match fault {
            None => Self::Well,
            Some(ResourceFault::Fails) => Self::Badly,
            Some(ResourceFault::Stalls) => Self::Never,
        }
    }
}

impl Progress {
    pub fn new(began: Timestamp, takes: Duration, ending: Ending) -> Self {
        Self { began, takes, ending }
    }

    pub fn stage(&self, now: Timestamp) -> Stage {
        match self.ending {
            _ if now < self.due() => Stage::UnderWay,
            Ending::Well => Stage::Done,
            Ending::Badly => Stage::Failed,
            Ending::Never => Stage::UnderWay,
        }
    }

    pub fn is_done(&self, now: Timestamp) -> bool {
        self.stage(now) == Stage::Done
    }

    /// Returns the time at which it ended, well or badly; `None` while it is under way.
    pub fn ended_at(&self, now: Timestamp) -> Option<Timestamp> {
        (self.stage(now) != Stage::UnderWay).then(|| self.due())
    }

    /// Returns the progress from 0 to 100; what does not end well stops half-way.
    pub fn percent(&self, now: Timestamp) -> f64 {
        let left = until(now, self.due()).as_secs_f64() / self.takes.as_secs_f64().max(1e-9);
        let passed = 100.0 * (1.0 - left.clamp(0.0, 1.0));
        if self.ending == Ending::Well { passed } else { passed / 2.0 }
    }

    fn due(&self) -> Timestamp {
        after(self.began, self.takes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_as_planned() {
        let (start, takes) = (Timestamp::UNIX_EPOCH, Duration::from_secs(10));
        let at = |ending, seconds| {
            let now = after(start, Duration::from_secs(seconds));
            let progress = Progress::new(start, takes, ending);
            (progress.stage(now), progress.percent(now).round() as u32)
        };
        assert_eq!(at(Ending::Well, 5), (Stage::UnderWay, 50));
        assert_eq!(at(Ending::Well, 10), (Stage::Done, 100));
        assert_eq!(at(Ending::Badly, 9), (Stage::UnderWay, 45));
        assert_eq!(at(Ending::Badly, 10), (Stage::Failed, 50));
        assert_eq!(at(Ending::Never, 99), (Stage::UnderWay, 50));
        let none = Progress::new(start, Duration::ZERO, Ending::Well);
        assert_eq!((none.stage(start), none.percent(start)), (Stage::Done, 100.0));
        assert_eq!(none.ended_at(start), Some(start));
    }
}
