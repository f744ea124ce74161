//! Waits for people and for time while staying responsive to requests.

use std::time::Duration;

use super::context::Context;
use crate::clock::{Timestamp, until};
use crate::error::Result;
use crate::journal::Hold;

/// The interval at which a waiting run checks for requests.
const LOOK: Duration = Duration::from_secs(2);

/// Returns whether only an action outside, and another process, can continue from here.
pub(super) fn is_for_somebody(hold: &Hold) -> bool {
    matches!(hold, Hold::Until | Hold::Confirmation { .. } | Hold::Traffic { .. })
}

impl Context {
    /// Waits until it is time to decide again: at `end`, or when somebody may have made a request.
    pub(super) async fn rest(&self, end: Option<Timestamp>) -> Result<()> {
        let left = end.map(|end| until(self.clock.now(), end));
        let pause = match left {
            // A clock that skips time makes nobody wait.
            Some(left) if self.clock.is_scaled() => left,
            left => left.map_or(LOOK, |left| left.min(LOOK)),
        };
        self.sleep(pause).await
    }
}
