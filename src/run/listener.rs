//! Listeners that watch a run while it executes.

use std::fmt;

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
    pub note: Option<Note>,
}

/// What else there is to say of some work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Such as why the work is slow.
    Remark(String),
    /// Somebody or something else that it waits for.
    WaitsFor(String),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remark(remark) => f.write_str(remark),
            Self::WaitsFor(what) => write!(f, "waiting for {what}"),
        }
    }
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

    /// Returns whether the work is waiting for somebody or something else, which deserves a line more often than
    /// ordinary progress does.
    pub fn is_waiting(&self) -> bool {
        matches!(self.note, Some(Note::WaitsFor(_)))
    }
}
