use serde::Serialize;

use super::Waiting;
use crate::journal::{Hold, RunState};
use crate::model::Share;

/// The traffic, as far as the run knows where it goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrafficReport {
    /// The weight that was last read back, or requested if it cannot be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Share>,
    /// True if `last` was read back.
    pub is_read: bool,
    /// The weight that was requested since, if it is not known to be set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Share>,
    /// The traffic in words: `25% of it goes to twin-serverless`.
    pub text: String,
}

impl TrafficReport {
    /// Returns the traffic that a state shows; `None` if the run never moved any. A run that waits because somebody
    /// else moved it has seen where it goes.
    pub(super) fn of(state: &RunState, waiting: Option<&Waiting>) -> Option<Self> {
        if let Some(Hold::Traffic { change }) = waiting.map(|waiting| &waiting.hold) {
            let (last, text) = (change.to, format!("{}, {}", change.now, change.left()));
            return Some(Self { last, is_read: true, asked: None, text });
        }
        let traffic = &state.traffic;
        let left = traffic.left.as_ref();
        let asked = traffic.open().map(|asked| asked.weight);
        let read = |is_read: bool| if is_read { "read" } else { "requested" };
        let text = match (asked, left) {
            (None, None) => return None,
            // What stopped the run may be that nobody could read it any more.
            (None, Some(mark)) if mark.is_read && state.stopped.is_some() => {
                format!("{} of it went to {} when it was last read", mark.weight, state.target)
            }
            (None, Some(mark)) if mark.is_read => {
                format!("{} of it goes to {}", mark.weight, state.target)
            }
            (None, Some(mark)) => format!(
                "{} of it was requested for {}; the driver cannot read it back",
                mark.weight, state.target
            ),
            (Some(asked), None) => format!("unknown: {asked} asked for, nothing read before"),
            (Some(asked), Some(mark)) => {
                format!("unknown: {asked} asked for, last {} {}", read(mark.is_read), mark.weight)
            }
        };
        let last = left.map(|mark| mark.weight);
        Some(Self { last, is_read: left.is_some_and(|mark| mark.is_read), asked, text })
    }

    /// Returns the share that goes to the target; `None` if it is not known.
    pub(super) fn weight(&self) -> Option<Share> {
        self.last.filter(|_| self.asked.is_none())
    }
}
