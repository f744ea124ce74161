//! A file that was opened: its footer was read, and its columns have their uses.

use std::sync::Arc;

use super::kept::refuse_damaged;
use super::survey;
use crate::blocking::blocking;
use crate::error::{Error, Result};
use crate::model::{IdKind, VectorField};
use crate::plan::file::Columns;
use crate::provider::parquet::{Origin, RowReader};
use crate::storage::{Found, Local, Place};

pub(super) struct OneFile {
    /// Removed with this if it is a copy.
    _local: Option<Local>,
    /// Below the place, with slashes.
    pub path: Arc<str>,
    pub rows: Arc<RowReader>,
}

impl OneFile {
    /// Makes a file one of those with which it is read: with their kind of ids, and the names of their fields.
    pub fn new(
        Opened { local, path, mut rows }: Opened,
        ids: IdKind,
        fields: &[VectorField],
    ) -> Self {
        rows.join(ids, fields);
        Self { _local: local, path: path.into(), rows: Arc::new(rows) }
    }
}

/// A file on its own, before anything is known of the others.
pub(super) struct Opened {
    local: Option<Local>,
    pub path: String,
    pub rows: RowReader,
}

impl Opened {
    /// Opens a file that was found: in its folder, or range by range in its bucket. Of a snapshot every byte is read first,
    /// so a file of one in a bucket is copied to this machine.
    ///
    /// # Errors
    /// `Conflict` if it is not what was found, or not what its snapshot says; those of its footer and its columns.
    pub async fn open(
        place: &Place,
        found: Found,
        columns: Columns,
        kept: Option<(u64, String)>,
    ) -> Result<Self> {
        if let (Some(object), None) = (place.object(&found), &kept) {
            return blocking(move || Self::of(None, Origin::Object(object), &found, &columns))
                .await;
        }
        let local = place.open(&found.path).await?;
        blocking(move || {
            let bytes = std::fs::metadata(local.path())
                .map_err(|error| Error::io(format!("cannot read {}", found.path), error))?;
            survey::refuse_other_size(&found, bytes.len())?;
            if let Some(kept) = kept {
                refuse_damaged(&found.path, local.path(), &kept)?;
            }
            let origin = Origin::from(local.path());
            Self::of(Some(local), origin, &found, &columns)
        })
        .await
    }

    fn of(local: Option<Local>, origin: Origin, found: &Found, columns: &Columns) -> Result<Self> {
        let folders = survey::folders(&found.path);
        let rows = RowReader::open(origin, &found.path, columns, &folders)?;
        Ok(Self { local, path: found.path.clone(), rows })
    }
}
