//! Restore jobs: an index that is made from a backup.

use std::sync::OnceLock;

use crate::clock::Timestamp;

use super::progress::{Progress, Stage};
use super::shelf::Kept;

pub(crate) struct Restore {
    pub id: String,
    pub backup: String,
    pub target_name: String,
    pub target_id: String,
    pub progress: Progress,
    /// When the index was deleted, if that was before the job had ended.
    pub cancelled_at: OnceLock<Timestamp>,
}

impl Restore {
    /// The word of its state: there is none for a job that is at work.
    pub fn status(&self, now: Timestamp) -> &'static str {
        match self.progress.stage(now) {
            _ if self.cancelled_at.get().is_some() => "Cancelled",
            Stage::UnderWay => "Pending",
            Stage::Done => "Completed",
            Stage::Failed => "Failed",
        }
    }

    pub fn is_pending(&self, now: Timestamp) -> bool {
        self.status(now) == "Pending"
    }

    pub fn ended_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.cancelled_at.get().copied().or_else(|| self.progress.ended_at(now))
    }

    /// Ends a job whose index goes away.
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
