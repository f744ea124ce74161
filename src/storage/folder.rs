//! Folders on this machine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::found::Found;
use crate::error::{Error, Result};
use crate::fs::{Access, replace};

/// Returns every file below `root`, in no order; none if it does not exist.
pub(super) fn walk(root: &Path) -> Result<Vec<Found>> {
    let unread = |path: &Path, error| Error::io(format!("cannot read {}", path.display()), error);
    let mut files = Vec::new();
    if !root.exists() {
        return Ok(files);
    }
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| unread(&folder, error))? {
            let path = entry.map_err(|error| unread(&folder, error))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                return Err(Error::invalid(format!("{} has a name in no UTF-8", path.display())));
            };
            let below = format!("{prefix}{name}");
            let is_link = path.is_symlink();
            // Follows links: a folder of links to files elsewhere counts as one of files.
            let found = match std::fs::metadata(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && is_link => {
                    return Err(Error::invalid(format!("{} is a link to nothing", path.display())));
                }
                // Deleted meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                found => found.map_err(|error| unread(&path, error))?,
            };
            if found.is_dir() {
                if is_link {
                    refuse_circle(&path).map_err(|error| error.with_context("below", &prefix))?;
                }
                folders.push((path.clone(), format!("{below}/")));
            } else if found.is_file() {
                files.push(Found { path: below, bytes: found.len(), tag: None });
            } else {
                let message = format!("{} is no file that can be read to its end", path.display());
                return Err(Error::invalid(message));
            }
        }
    }
    Ok(files)
}

/// Refuses a link to a folder that contains it: there would be no end to what is below.
fn refuse_circle(link: &Path) -> Result<()> {
    let real = |path: &Path| {
        std::fs::canonicalize(path)
            .map_err(|error| Error::io(format!("cannot read {}", path.display()), error))
    };
    let (to, within) = (real(link)?, real(link.parent().unwrap_or(Path::new(".")))?);
    match within.starts_with(&to) {
        true => Err(Error::invalid(format!("{} is a link to a folder it is in", link.display()))),
        false => Ok(()),
    }
}

/// Returns the first bytes of a file, at most `most`.
pub(super) fn head(path: &Path, most: u64) -> Result<Vec<u8>> {
    use std::io::Read;
    let cannot = |error| Error::io(format!("cannot read {}", path.display()), error);
    let mut head = Vec::new();
    std::fs::File::open(path).map_err(cannot)?.take(most).read_to_end(&mut head).map_err(cannot)?;
    Ok(head)
}

/// Checks that the folder exists or can be made: whatever exists of its path is a folder.
pub(super) fn reach(root: &Path) -> Result<()> {
    match root.ancestors().find(|above| above.exists()) {
        Some(there) if !there.is_dir() => {
            Err(Error::invalid(format!("{} is not a folder", there.display())))
        }
        _ => Ok(()),
    }
}

/// Writes a whole file and makes its folders.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes, Access::Usual)
        .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
}

/// Removes files, then the folders they were in and `root`, if those are empty.
pub(super) fn remove(root: &Path, paths: &[String]) -> Result<()> {
    let cannot = |path: &Path, error| Error::io(format!("cannot remove {}", path.display()), error);
    let mut folders: BTreeSet<PathBuf> = BTreeSet::from([root.to_owned()]);
    for path in paths {
        let path = root.join(path);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(cannot(&path, error));
            }
            _ => {}
        }
        let above = path.ancestors().skip(1).take_while(|folder| *folder != root);
        folders.extend(above.map(Path::to_owned));
    }
    // The deepest first. A folder that holds something else stays.
    for folder in folders.iter().rev() {
        let is_left = |kind| {
            use std::io::ErrorKind::{DirectoryNotEmpty, NotADirectory, NotFound};
            matches!(kind, DirectoryNotEmpty | NotADirectory | NotFound)
        };
        match std::fs::remove_dir(folder) {
            Err(error) if !is_left(error.kind()) => return Err(cannot(folder, error)),
            _ => {}
        }
    }
    Ok(())
}
