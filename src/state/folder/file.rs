//! The file of a journal: one event a line.

use std::fs;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Entry, Parsed, parse};
use crate::state::refuse_other_plan;

/// Reads a journal without the lock and without repairing it, and refuses that of another plan.
///
/// Returns an empty list if there is none.
pub(super) fn read_of(path: &Path, plan: &str) -> Result<Vec<Entry>> {
    refuse_what_is_no_file(path)?;
    match fs::read(path) {
        Ok(bytes) => Ok(parse_of(&bytes, path, plan)?.entries),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io(format!("cannot read {}", path.display()), error)),
    }
}

/// Reads the bytes of a journal, and refuses that of another plan.
pub(super) fn parse_of(bytes: &[u8], path: &Path, plan: &str) -> Result<Parsed> {
    let place = path.display().to_string();
    let parsed = parse(bytes, &place)?;
    refuse_other_plan(&parsed.entries, &place, plan)?;
    Ok(parsed)
}

/// Refuses something in a journal's place that cannot hold one, which is not the same as no journal.
pub(super) fn refuse_what_is_no_file(path: &Path) -> Result<()> {
    let what = match fs::metadata(path) {
        Ok(found) if found.is_file() => return Ok(()),
        Ok(found) if found.is_dir() => "is a folder",
        Ok(_) => "is neither a file nor a folder",
        Err(_) if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) => {
            "is a link that leads to nothing"
        }
        Err(_) => return Ok(()),
    };
    let message = format!("{} {what}, and not the journal of a run", path.display());
    Err(Error::new(ErrorKind::Conflict, message)
        .with_hint("put the journal back; if there never was one, remove what is in its place"))
}
