//! When a checkpoint is due.

use std::time::Duration;

use crate::clock::Stopwatch;

/// The least time between two checkpoints of a shard.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// A timer for a shard's checkpoints, each of which costs a write to disk.
#[derive(Default)]
pub(super) struct Due(Option<Stopwatch>);

impl Due {
    /// Returns whether a checkpoint is due; if so, restarts the timer.
    pub fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|last| last.elapsed() >= CHECKPOINT);
        if is_due {
            self.0 = Some(Stopwatch::start());
        }
        is_due
    }
}
