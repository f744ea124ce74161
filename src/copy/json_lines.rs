//! Files of JSON lines that a copy writes beside its checkpoints.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// An append-only file, created with its first line.
#[derive(Debug)]
pub(super) struct JsonLines {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl JsonLines {
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: Mutex::new(None) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line for each of `all`, which are on disk when this returns.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn put<T: Serialize>(&self, all: impl IntoIterator<Item = T>) -> Result<()> {
        let mut bytes = Vec::new();
        for one in all {
            serde_json::to_writer(&mut bytes, &one).map_err(|error| {
                Error::unexpected("a line cannot be written as JSON").with_source(error)
            })?;
            bytes.push(b'\n');
        }
        let cannot = |error| Error::io(format!("cannot write {}", self.path.display()), error);
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match slot.as_mut() {
            Some(file) => file,
            None => slot.insert(open(&self.path).map_err(cannot)?),
        };
        file.write_all(&bytes).and_then(|()| file.sync_data()).map_err(cannot)
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    // A line that a killed process cut off would swallow the first one of this process.
    if !ends_a_line(&mut file)? {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// Whether what is appended to the file begins a line of its own.
fn ends_a_line(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Passes the content of each line of a file to `take`; does nothing if there is no file. A line that was cut off when
/// a process was killed is skipped, since no checkpoint counts it.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn read<T: DeserializeOwned>(path: &Path, mut take: impl FnMut(T)) -> Result<()> {
    let cannot = |error| Error::io(format!("cannot read {}", path.display()), error);
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        file => file.map_err(cannot)?,
    };
    // Bytes, not text: a line may be cut off within a character.
    for line in BufReader::new(file).split(b'\n') {
        if let Ok(one) = serde_json::from_slice(&line.map_err(cannot)?) {
            take(one);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(path: &Path) -> Vec<String> {
        let mut lines = Vec::new();
        read(path, |line: String| lines.push(line)).unwrap();
        lines
    }

    #[test]
    fn wherever_a_line_is_cut_off_only_that_line_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/lines.jsonl");
        assert!(written(&path).is_empty());
        JsonLines::new(path.clone()).put(["first", "an\u{e9}e"]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let second = "\"first\"\n".len();
        for length in 0..=whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let before = written(&path);
            // The process that goes on, and one after it.
            JsonLines::new(path.clone()).put(["next"]).unwrap();
            JsonLines::new(path.clone()).put(["last"]).unwrap();
            let mut expected = before.clone();
            expected.extend(["next", "last"].map(str::to_owned));
            assert_eq!(written(&path), expected, "cut off after {length} bytes");
            let whole_lines = usize::from(length >= second) + usize::from(length == whole.len());
            assert!(before.len() >= whole_lines, "{before:?} after {length} bytes");
        }
    }
}
