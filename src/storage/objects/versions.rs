//! The versions of an object in a folder: files beside each other, of which the one with the highest number is the object.
//!
//! No lock is needed, as a number is taken by making its file, which only one can. The first version has the object's own
//! name, and stays: it is what keeps the name taken. The next has its name and `.000000000001`, and stays as well: it says
//! that there are more to look for, so that reading an object that was never replaced costs no look through its folder.
//! Of the others the newest are kept. A number whose file was cleared is free again: who takes it finds much higher
//! ones.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::fs::{create, is_partial};

/// Digits of a number.
const DIGITS: usize = 12;

/// How many of the newest versions stay, and by how much a number is behind that may have been cleared.
const KEPT: u64 = 8;

/// What came of a replacement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Replaced {
    Done(u64),
    Refused,
}

/// Whether a file of this name is none that a folder shows: the version of another one, one that was never finished, or
/// what a file server keeps of one that is gone and still read.
pub(super) fn is_hidden(name: &str) -> bool {
    numbered(name).is_some() || is_partial(name) || name.starts_with(".nfs")
}

/// Returns the name of the object whose version has this name, and its number.
pub(super) fn numbered(name: &str) -> Option<(&str, u64)> {
    let (object, number) = name.rsplit_once('.')?;
    let is_number = number.len() == DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|_| is_number && !object.is_empty())?;
    Some((object, number))
}

/// Returns the file of a version.
pub(super) fn file(object: &Path, number: u64) -> PathBuf {
    match number {
        0 => object.to_owned(),
        _ => {
            let mut name = object.as_os_str().to_owned();
            name.push(format!(".{number:0DIGITS$}"));
            name.into()
        }
    }
}

/// Returns the highest number of an object; `None` if there is none.
pub(super) fn newest(object: &Path) -> io::Result<Option<u64>> {
    let folder = object.parent().unwrap_or(Path::new("/"));
    match File::open(folder) {
        // Opening a shared folder asks the server what has changed in it: names that were missed before are looked for
        // anew.
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // A folder is not opened as a file everywhere.
        Err(_) if cfg!(windows) => {}
        Err(error) => return Err(error),
    }
    if !file(object, 1).try_exists()? {
        return Ok(object.try_exists()?.then_some(0));
    }
    // A name can come while a folder is looked through and not be seen: one look could miss all the newest of an object
    // that is replaced over and over, two do not.
    let looks = [highest(object)?, highest(object)?];
    Ok(looks.into_iter().flatten().max())
}

fn highest(object: &Path) -> io::Result<Option<u64>> {
    Ok(numbers(object)?.into_iter().max())
}

fn numbers(object: &Path) -> io::Result<Vec<u64>> {
    let wanted = object.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(object.parent().unwrap_or(Path::new("/")))? {
        let name = entry?.file_name();
        if let Some((of, number)) = name.to_str().and_then(numbered)
            && of == wanted
        {
            found.push(number);
        }
    }
    Ok(found)
}

/// Puts `bytes` in the place of the version `number`.
///
/// # Errors
/// Those of the disk, with whether the new version may have been made.
pub(super) fn replace(
    object: &Path,
    bytes: &[u8],
    number: u64,
) -> Result<Replaced, (bool, io::Error)> {
    if newest(object).map_err(|error| (false, error))? != Some(number) {
        return Ok(Replaced::Refused);
    }
    take(object, bytes, number + 1).map_err(|error| (true, error))
}

/// Takes a number that was free, as far as was seen.
fn take(object: &Path, bytes: &[u8], number: u64) -> io::Result<Replaced> {
    if !create(&file(object, number), bytes)? {
        return Ok(Replaced::Refused);
    }
    // Between the look and now others may have gone on so far that this number was cleared, and free again. Then nobody
    // has seen it or will.
    let newest = newest(object)?.unwrap_or_default();
    if newest >= number + KEPT {
        return Ok(Replaced::Refused);
    }
    clear(object, newest);
    Ok(Replaced::Done(number))
}

/// Removes what is far behind. What is left for now goes with the next replacement.
fn clear(object: &Path, newest: u64) {
    let Ok(numbers) = numbers(object) else { return };
    for number in numbers.into_iter().filter(|number| *number > 1 && number + KEPT <= newest) {
        let path = file(object, number);
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::debug!(%error, path = %path.display(), "an old version stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_the_rest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let object = folder.path().join("head.json");
        assert_eq!(newest(&object).unwrap(), None);
        assert!(create(&object, b"0").unwrap());
        for number in 0..30_u64 {
            let bytes = (number + 1).to_string();
            let done = replace(&object, bytes.as_bytes(), number).unwrap();
            assert_eq!(done, Replaced::Done(number + 1));
            assert_eq!(newest(&object).unwrap(), Some(number + 1));
        }
        let mut left = numbers(&object).unwrap();
        left.sort_unstable();
        assert_eq!(left, [[1].as_slice(), &(23..=30).collect::<Vec<_>>()].concat());
        assert_eq!(std::fs::read(file(&object, 30)).unwrap(), b"30");
        assert!(!create(&object, b"again").unwrap());
    }

    /// A writer that looked, stood still, and woke up when its number was cleared.
    #[test]
    fn a_number_that_is_free_again_is_not_the_object() {
        let folder = tempfile::tempdir().unwrap();
        let object = folder.path().join("head.json");
        create(&object, b"0").unwrap();
        for number in 0..20 {
            replace(&object, b"on", number).unwrap();
        }
        assert_eq!(take(&object, b"late", 6).unwrap(), Replaced::Refused);
        assert_eq!(newest(&object).unwrap(), Some(20));
        // One that was not cleared is taken still.
        assert_eq!(take(&object, b"late", 15).unwrap(), Replaced::Refused);
        replace(&object, b"on", 20).unwrap();
        assert!(!numbers(&object).unwrap().contains(&6));
    }
}
