//! What watches a run while it goes.

use crate::journal::{Entry, RunState};
use crate::model::StageId;

/// Something that listens to a run: the console, an events file.
pub trait Listener: Send + Sync {
    /// Takes note of an event that is in the journal; `state` is the state after it.
    fn event(&self, entry: &Entry, state: &RunState);

    /// Takes note that work goes on. Called often; nothing of it is kept.
    fn progress(&self, progress: &Progress);
}

/// How far something has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub stage: StageId,
    /// What is counted: `records`, `queries`, `s of bake`.
    pub unit: &'static str,
    pub done: u64,
    pub total: u64,
    /// A remark, for example why it is slow.
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
    /// The unit of a bake, whose progress is time.
    pub const SECONDS_OF_BAKE: &str = "s of bake";

    /// The beginning of the note of work that stands still and waits for somebody else.
    pub const WAITING_FOR: &str = "waiting for ";

    /// Whether it waits for somebody else, which is worth a line more often than what goes on by itself.
    pub fn is_waiting(&self) -> bool {
        self.note.as_ref().is_some_and(|note| note.starts_with(Self::WAITING_FOR))
    }
}
