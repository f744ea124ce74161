//! Who is told what a run does while it does it.

use crate::journal::{Entry, RunState};
use crate::model::StageId;

/// Something that listens to a run: the console, an events file.
pub trait Listener: Send + Sync {
    /// An event is in the journal; `state` is the state after it.
    fn event(&self, entry: &Entry, state: &RunState);

    /// Work goes on. Called often; not kept.
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

/// Listens and does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Listener for Silent {
    fn event(&self, _: &Entry, _: &RunState) {}

    fn progress(&self, _: &Progress) {}
}
