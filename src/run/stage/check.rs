//! What becomes of the effects of a stage that passed.

use crate::model::TrafficChange;

/// Whether the effects of a passed stage still hold.
pub(in crate::run) enum Check {
    Holds,
    Drifted(String),
    /// Somebody else moved the traffic.
    Moved(TrafficChange),
}
