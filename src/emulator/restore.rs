//! Restore jobs, each of which makes an index from a backup.

use std::sync::OnceLock;

use crate::clock::Timestamp;
use crate::pinecone_wire::state::RestoreState;

use super::progress::{Progress, Stage};
use super::shelf::Kept;

pub(crate) struct Restore {
    pub id: String,
    pub backup: String,
    pub target_name: String,
    pub target_id: String,
    pub progress: Progress,
    /// Time at which the index was deleted, if that was before the job ended.
    pub cancelled_at: OnceLock<Timestamp>,
}

impl Restore {
    pub fn state(&self, now: Timestamp) -> RestoreState {
        match self.progress.stage(now) {
            _ if self.cancelled_at.get().is_some() => RestoreState::Cancelled,
            Stage::UnderWay => RestoreState::Pending,
            Stage::Done => RestoreState::Completed,
            Stage::Failed => RestoreState::Failed,
        }
    }

    pub fn is_pending(&self, now: Timestamp) -> bool {
        self.state(now) == RestoreState::Pending
    }

    pub fn ended_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.cancelled_at.get().copied().or_else(|| self.progress.ended_at(now))
    }

    /// Cancels a job whose index is deleted.
    pub fn cancel(&self, now: Timestamp) {
        if self.is_pending(now) {
            self.cancelled_at.get_or_init(|| now);
        }
    }
}

impl Kept for Restore {
    fn id(&self) -> &str {
        &self.id
    }
}
