//! Backups: a serverless index and its records at one moment.

use crate::clock::Timestamp;
use crate::model::IndexSpec;

use super::index::{Extras, Index};
use super::progress::Progress;
use super::shelf::Kept;
use super::store::Store;

pub(crate) struct Backup {
    pub id: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub source_id: String,
    /// Specification of the index when the backup was made.
    pub spec: IndexSpec,
    pub extras: Extras,
    pub progress: Progress,
    pub records: Store,
    /// Size of the stored records in bytes.
    pub bytes: usize,
}

impl Backup {
    /// Creates a backup of what `source` holds now; the records are shared, not copied.
    pub fn of(id: String, source: &Index, now: Timestamp, progress: Progress) -> Self {
        let records = source.read(now).snapshot();
        Self {
            id,
            name: None,
            description: None,
            source_id: source.id.clone(),
            spec: source.spec(),
            extras: source.extras.clone(),
            progress,
            bytes: records.records().map(|stored| stored.record.stored_bytes()).sum(),
            records,
        }
    }

    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.progress.is_done(now)
    }
}

impl Kept for Backup {
    fn id(&self) -> &str {
        &self.id
    }
}
