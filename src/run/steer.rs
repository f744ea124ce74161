//! Waits for people and for time while staying responsive to requests.

use std::time::Duration;

use super::context::Context;
use crate::clock::until;
use crate::error::Result;
use crate::journal::{Gate, Hold};

/// The interval at which a waiting run checks for requests.
const LOOK: Duration = Duration::from_secs(2);

/// The result of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The wait is over, or something else changed that needs a decision.
    Released,
    /// This process does not wait, or has waited long enough.
    Detached,
}

/// Returns whether only an action outside, and another process, can continue from here.
fn is_for_somebody(hold: &Hold) -> bool {
    matches!(hold, Hold::Until | Hold::Confirmation { .. } | Hold::Traffic { .. })
}

impl Context {
    /// Records requests made from elsewhere.
    pub(super) fn attend(&self) -> Result<()> {
        self.recorder.take_requests()
    }

    /// Waits until `hold` is released, a paused run is resumed or an abort is requested.
    pub(super) async fn wait(&self, hold: &Hold) -> Result<Waited> {
        loop {
            self.attend()?;
            if self.is_released(hold) {
                return Ok(Waited::Released);
            }
            if self.must_detach() || is_for_somebody(hold) {
                return Ok(Waited::Detached);
            }
            let pause = match hold {
                Hold::Time { until: end } if self.clock.is_scaled() => {
                    until(self.clock.now(), *end)
                }
                Hold::Time { until: end } => until(self.clock.now(), *end).min(LOOK),
                _ => LOOK,
            };
            self.sleep(pause).await?;
        }
    }

    fn is_released(&self, hold: &Hold) -> bool {
        let now = self.clock.now();
        self.recorder.with_state(|state| {
            let is_aborted = state.abort.is_some();
            let must_stand_still =
                !state.erasing.is_empty() && !matches!(hold, Hold::Erasure { .. });
            is_aborted
                || must_stand_still
                || match hold {
                    Hold::Approval { gate } => state.approvals.contains(gate),
                    Hold::Time { until } => now >= *until,
                    Hold::Paused { .. } => state.paused.is_none(),
                    Hold::Judgement { .. } => {
                        !state.stages.iter().any(|stage| stage.hold.as_ref() == Some(hold))
                    }
                    Hold::Erasure { side, what, .. } => {
                        !state.erasing.contains_key(&(*side, what.clone()))
                    }
                    Hold::Until | Hold::Confirmation { .. } | Hold::Traffic { .. } => false,
                }
        })
    }

    /// Returns whether `gate` was approved; a rehearsal approves automatically.
    pub(super) fn is_approved(&self, gate: &Gate) -> bool {
        self.options.is_rehearsal
            || self.recorder.with_state(|state| state.approvals.contains(gate))
    }
}
