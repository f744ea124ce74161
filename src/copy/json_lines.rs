//! Files of JSON lines that a copy writes beside its checkpoints.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
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
    OpenOptions::new().create(true).append(true).open(path)
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
    for line in BufReader::new(file).lines() {
        if let Ok(one) = serde_json::from_str(&line.map_err(cannot)?) {
            take(one);
        }
    }
    Ok(())
}
