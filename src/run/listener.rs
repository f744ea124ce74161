//! Listeners that watch a run while it executes.

use crate::journal::{Entry, RunState};
use crate::model::StageId;

/// A listener to a run, such as the console or an events file.
pub trait Listener: Send + Sync {
    /// Handles an event that is already in the journal; `state` is the state after it.
    fn event(&self, entry: &Entry, state: &RunState);

    /// Hears of a step before it is taken, after the events of those before it.
    fn step(&self, _step: &dyn std::fmt::Debug) {}

    /// Handles a progress report. Called often; reports are not kept.
    fn progress(&self, progress: &Progress);
}

/// The progress of some work.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub stage: StageId,
    /// The unit of `done` and `total`: `records`, `queries`, `s of bake`.
    pub unit: &'static str,
    pub done: u64,
    pub total: u64,
    /// A remark, such as why the work is slow.
    pub note: Option<String>,
}

/// A listener that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Listener for Silent {
    fn event(&self, _: &Entry, _: &RunState) {}

    fn progress(&self, _: &Progress) {}
}

impl Progress {
    /// The unit of a bake, whose progress is measured in time.
    pub const SECONDS_OF_BAKE: &str = "s of bake";

    /// The prefix of the note shown while work is waiting for somebody or something else.
    pub const WAITING_FOR: &str = "waiting for ";

    /// Returns whether the work is waiting for somebody or something else, which deserves a line more often than
    /// ordinary progress does.
    pub fn is_waiting(&self) -> bool {
        self.note.as_ref().is_some_and(|note| note.starts_with(Self::WAITING_FOR))
    }
}
