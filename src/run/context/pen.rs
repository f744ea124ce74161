//! What a step has of the journal: it can be written to, and not read.

use super::recorder::Recorder;
use crate::copy::Acked;
use crate::error::Result;
use crate::journal::Event;
use crate::model::{Checkpoint, ShardId, StageId};
use crate::run::listener::Progress;

/// Appends to the journal. Cloning shares it.
#[derive(Clone)]
pub(in crate::run) struct Pen(Recorder);

impl Pen {
    pub fn of(recorder: &Recorder) -> Self {
        Self(recorder.clone())
    }

    /// Does the same as [`Recorder::append`].
    pub async fn append(&self, events: Vec<Event>) -> Result<()> {
        self.0.append(events).await
    }

    /// Appends a checkpoint acknowledged by the pipeline, which is on disk when this returns.
    ///
    /// # Errors
    /// As [`Recorder::record`].
    pub async fn checkpoint(
        &self,
        stage: &StageId,
        shard: &ShardId,
        acked: Acked<Checkpoint>,
    ) -> Result<()> {
        self.0.checkpoint(stage, shard, acked).await
    }

    /// Passes how far a step is to the listener.
    pub fn progress(&self, progress: &Progress) {
        self.0.progress(progress);
    }
}
