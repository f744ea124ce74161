//! A file that was opened: its footer was read, and its columns have their uses.

use std::sync::Arc;

use super::kept::refuse_damaged;
use super::survey;
use crate::error::{Error, Result};
use crate::plan::file::Columns;
use crate::provider::parquet::RowReader;
use crate::provider::storage::{Found, Local};

pub(super) struct OneFile {
    /// Removed with this if it is a copy.
    _local: Local,
    /// Below the place, with slashes.
    pub path: Arc<str>,
    pub rows: Arc<RowReader>,
}

impl OneFile {
    /// Opens a file that was found.
    ///
    /// # Errors
    /// `Conflict` if it is not what was found, or not what its snapshot says; those of its footer and its columns.
    pub fn open(
        local: Local,
        found: &Found,
        columns: &Columns,
        kept: Option<(u64, String)>,
    ) -> Result<Self> {
        let bytes = std::fs::metadata(local.path())
            .map_err(|error| Error::io(format!("cannot read {}", found.path), error))?;
        survey::refuse_other_size(found, bytes.len())?;
        if let Some(kept) = kept {
            refuse_damaged(&found.path, local.path(), &kept)?;
        }
        let rows =
            RowReader::open(local.path(), &found.path, columns, &survey::folders(&found.path))?;
        Ok(Self { _local: local, path: found.path.as_str().into(), rows: Arc::new(rows) })
    }
}
