//! The folder of a run on this machine: its files, by what they are known again.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use super::super::json;
use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Access, is_partial};

/// The file that says what of this machine's folder is kept, and up to which group.
pub(super) const MARK: &str = ".kept";
/// Groups of one file after which it is kept whole again, if it is not large: whoever restores it reads them all.
pub(super) const TAILS: u32 = 64;
pub(super) const SMALL: u64 = 8 << 20;
/// The bytes at both ends of a file by which it is known again.
const ENDS: u64 = 64 << 10;
/// A file as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct File {
    pub bytes: u64,
    /// When it was last changed, in nanoseconds since 1970, and which file it was.
    pub modified: u64,
    pub inode: u64,
    /// The sum of both its ends.
    pub ends: String,
    /// Groups since it was kept whole.
    pub tails: u32,
}

/// What `MARK` holds.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Mark {
    pub group: Option<String>,
    pub files: BTreeMap<String, File>,
}

impl File {
    /// Returns whether nobody has written to it since.
    pub fn is_same(&self, there: &Self) -> bool {
        (self.bytes, self.modified, self.inode) == (there.bytes, there.modified, there.inode)
    }
}

/// Returns how much of a changed file is kept: all of before where it has only grown, or nothing.
pub(super) async fn kept_of(old: &File, new: &File, path: &Path) -> Result<u64> {
    let may_have_grown = old.inode == new.inode && new.bytes > old.bytes && old.bytes > 0;
    let is_worth_it = old.tails < TAILS || new.bytes > SMALL;
    if !may_have_grown || !is_worth_it {
        return Ok(0);
    }
    Ok(if ends(path, old.bytes).await? == Some(old.ends.clone()) { old.bytes } else { 0 })
}

/// Returns the sum of both ends of the first bytes of a file; `None` if there is none any more.
pub(super) async fn ends(path: &Path, bytes: u64) -> Result<Option<String>> {
    let path = path.to_owned();
    blocking(move || {
        let head = read_piece(&path, 0, bytes.min(ENDS));
        let tail = read_piece(&path, bytes.saturating_sub(ENDS), bytes);
        match (head, tail) {
            (Ok(head), Ok(tail)) => {
                let sum = XxHash3_128::oneshot(&[&head[..], &tail[..]].concat());
                Ok(Some(format!("{sum:032x}")))
            }
            (Err(error), _) | (_, Err(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    })
    .await
}

pub(super) async fn look(folder: &Path) -> Result<BTreeMap<String, File>> {
    let folder = folder.to_owned();
    blocking(move || scan(&folder)).await
}

/// Lists the files of a folder that are whole, by their paths below it.
pub(super) fn scan(folder: &Path) -> Result<BTreeMap<String, File>> {
    let cannot = |error| Error::io(format!("cannot read {}", folder.display()), error);
    let mut found = BTreeMap::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, below)) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(cannot(error)),
        };
        for entry in entries {
            let entry = entry.map_err(cannot)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                tracing::warn!(path = %entry.path().display(), "a file of the run is not kept: its name is no text");
                continue;
            };
            let path = format!("{below}{name}");
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(cannot(error)),
            };
            if metadata.is_dir() {
                folders.push((entry.path(), format!("{path}/")));
            } else if metadata.is_file() && !is_partial(name) && name != MARK {
                found.insert(path, file_of(&metadata));
            }
        }
    }
    Ok(found)
}

pub(super) fn file_of(metadata: &std::fs::Metadata) -> File {
    let modified = metadata.modified().ok();
    let since = modified.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    let modified = since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    File { bytes: metadata.len(), modified, inode: inode(metadata), ends: String::new(), tails: 0 }
}

#[cfg(unix)]
pub(super) fn inode(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
pub(super) fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

pub(super) fn read_piece(path: &Path, from: u64, to: u64) -> Result<Bytes> {
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => gone(&path.display().to_string()),
        _ => Error::io(format!("cannot read {}", path.display()), error),
    };
    let mut file = std::fs::File::open(path).map_err(cannot)?;
    file.seek(SeekFrom::Start(from)).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(to - from).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 != to - from {
        let message = format!("{} became shorter while it was read", path.display());
        return Err(Error::new(ErrorKind::Io, message));
    }
    Ok(bytes.into())
}

pub(super) async fn remove(path: PathBuf) -> Result<()> {
    blocking(move || match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", path.display()), error))
        }
        _ => Ok(()),
    })
    .await
}

/// Notes what of the folder is kept, and up to which group.
pub(super) async fn mark(
    folder: &Path,
    group: Option<String>,
    files: &BTreeMap<String, File>,
) -> Result<()> {
    let path = folder.join(MARK);
    let bytes = json::line(&Mark { group, files: files.clone() })?;
    blocking(move || {
        crate::fs::replace(&path, &bytes, Access::Usual)
            .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
    })
    .await
}

pub(super) fn read_mark(folder: &Path) -> Mark {
    let bytes = std::fs::read(folder.join(MARK)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

pub(super) fn gone(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("`{what}` is not kept with the state of its run"))
}
