//! The record beside the lock, on disk.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::LockView;

/// Room in a record for a longer `until`: renewing never changes its length.
const SPARE: usize = 32;

/// Makes `new` the record in place of the one whose id is `old`. Of several processes that try, one succeeds.
///
/// # Errors
/// `Locked` if another was quicker.
pub(super) fn place(
    dir: &Path,
    new: &LockView,
    old: Option<&str>,
    now: Timestamp,
) -> Result<(File, usize)> {
    let path = record(dir);
    let width = padded(new, 0)?.len() + SPARE;
    let bytes = padded(new, width)?;
    match old {
        Some(old) => replace(dir, new, &bytes, (old, now))?,
        None if put(&bytes, &path)? => {}
        None => return Err(locked(view(dir)?)),
    }
    match view(dir)? {
        Some(there) if there.id == new.id => {}
        other => return Err(locked(other)),
    }
    let opened = OpenOptions::new().write(true).open(&path);
    let file = opened.map_err(|error| Error::io("cannot open the lock's record", error))?;
    Ok((file, width))
}

/// Puts `bytes` in the place of the record `old`: first under a name that says which record it replaces and that only
/// one process can create, then, if `old` is still there, as the record.
fn replace(dir: &Path, new: &LockView, bytes: &[u8], (old, now): (&str, Timestamp)) -> Result<()> {
    let next = dir.join(format!("lock-{old}.next"));
    if !put(bytes, &next)? {
        match read_record(&next)? {
            Some(other)
                if other.is_believed(&new.holder.host, now)
                    || (new.by_lease && other.until > now) =>
            {
                return Err(locked(Some(other)));
            }
            // Its maker died before it became the record.
            _ => {
                let _ = fs::remove_file(&next);
                if !put(bytes, &next)? {
                    return Err(locked(read_record(&next)?));
                }
            }
        }
    }
    if id_there(dir)?.as_deref() != Some(old) {
        let _ = fs::remove_file(&next);
        return Err(locked(view(dir)?));
    }
    match crate::fs::rename(&next, &record(dir)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("cannot write the lock's record", error))
        }
        // Whoever took it away made it the record; the caller checks whose it is.
        _ => Ok(()),
    }
}

/// Returns the id of the current record.
pub(super) fn id_there(dir: &Path) -> Result<Option<String>> {
    match view(dir)? {
        Some(view) => Ok(Some(view.id)),
        None => Ok(record(dir).exists().then(|| "unreadable".to_owned())),
    }
}

/// Writes a file that must not exist yet; returns false if it does.
fn put(bytes: &[u8], path: &Path) -> Result<bool> {
    crate::fs::create(path, bytes)
        .map_err(|error| Error::io("cannot write the lock's record", error))
}

/// Returns the record as JSON, padded with spaces to `width` bytes.
pub(super) fn padded(view: &LockView, width: usize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(view).map_err(|error| {
        Error::unexpected("the lock cannot be written as JSON").with_source(error)
    })?;
    bytes.resize(bytes.len().max(width.saturating_sub(1)), b' ');
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads the record of the lock of `dir`; `None` if there is none or it cannot be read.
pub(super) fn view(dir: &Path) -> Result<Option<LockView>> {
    read_record(&record(dir))
}

fn read_record(path: &Path) -> Result<Option<LockView>> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("cannot read the lock's record", error)),
    }
}

pub(super) fn record(dir: &Path) -> PathBuf {
    dir.join("lock.json")
}

pub(super) fn locked(view: Option<LockView>) -> Error {
    let message = match &view {
        Some(view) => format!(
            "another run holds this plan: {} since {:.0}, lock {}",
            view.holder, view.since, view.id
        ),
        None => "another run holds this plan".to_owned(),
    };
    Error::new(ErrorKind::Locked, message)
        .with_hint("wait for it, or look with `vecshift lock show`")
}

pub(super) fn lost(view: Option<LockView>) -> Error {
    let message = match &view {
        Some(view) => format!(
            "this run no longer holds its plan: {} took it at {:.0}, lock {}",
            view.holder, view.since, view.id
        ),
        None => "this run no longer holds its plan: its lock was removed".to_owned(),
    };
    Error::new(ErrorKind::Locked, message).with_hint(
        "it has written and done nothing since; `vecshift status` says where the plan stands",
    )
}
