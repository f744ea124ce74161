//! How long a plan is held, and who waits how long for whom.

use std::time::Duration;

use crate::error::{Error, Result};

/// Times of a store have whole seconds: the difference of two is up to this much less than it seems.
const RESOLUTION: Duration = Duration::from_secs(1);

/// The lease of a plan, in whole seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    lease: Duration,
    #[cfg(test)]
    pub omit: Option<Omit>,
}

/// What a test leaves out of the protocol, to see that it is missed.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Omit {
    /// The segment that a taker puts behind those it read.
    Fence,
    /// The look at the head after that.
    Look,
    /// The time between the end of one's own effects and the beginning of another's.
    Grace,
}

impl Terms {
    /// # Errors
    /// `Invalid` for a lease that is too short to be renewed in time.
    pub fn new(lease: Duration) -> Result<Self> {
        let least = Duration::from_secs(2);
        if lease < least {
            return Err(Error::invalid(format!("a lease lasts {least:?} at least, not {lease:?}")));
        }
        let whole = lease.as_secs() + u64::from(lease.subsec_nanos() > 0);
        Ok(Self {
            lease: Duration::from_secs(whole),
            #[cfg(test)]
            omit: None,
        })
    }

    pub fn lease(self) -> Duration {
        self.lease
    }

    /// Returns the time between two renewals.
    pub fn renewal(self) -> Duration {
        self.lease / 3
    }

    /// Returns how long after the start of a renewal effects may begin.
    pub fn open(self) -> Duration {
        self.lease - self.grace(self.lease)
    }

    /// Returns how old the head of somebody else's lease has to be before the plan may be taken.
    pub fn ended(self, lease: Duration) -> Duration {
        #[cfg(test)]
        if self.omits(Omit::Grace) {
            return lease;
        }
        lease + self.grace(lease) + RESOLUTION
    }

    /// Returns how long after its last renewal a holder is believed by who only reads.
    pub fn believed(self, lease: Duration) -> Duration {
        lease + self.grace(lease)
    }

    fn grace(self, lease: Duration) -> Duration {
        #[cfg(test)]
        if self.omit == Some(Omit::Grace) {
            return Duration::ZERO;
        }
        lease / 6
    }

    /// Returns whether a part of the protocol is left out.
    #[cfg(test)]
    pub fn omits(self, what: Omit) -> bool {
        self.omit == Some(what)
    }
}
