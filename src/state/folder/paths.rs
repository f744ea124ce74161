//! The files of one plan's state, and the plans of a folder.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The files of one plan's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Paths {
    dir: PathBuf,
}

impl Paths {
    /// Returns the paths of a plan's runs: `state` is the state folder, `plan` the plan's name.
    pub fn new(state: &Path, plan: &str) -> Self {
        Self { dir: state.join(plan) }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn journal(&self) -> PathBuf {
        self.dir.join(JOURNAL)
    }

    /// Returns the place of an ended run's journal once another run starts.
    pub fn archived(&self, run: &str) -> PathBuf {
        self.dir.join(format!("journal-{run}.jsonl"))
    }

    pub fn inbox(&self) -> PathBuf {
        self.dir.join("inbox")
    }
}

const JOURNAL: &str = "journal.jsonl";

/// Lists the names of plans that have a journal or a lock in a folder, in order.
pub(super) fn plans(folder: &Path) -> Result<Vec<String>> {
    let cannot = |error| Error::io(format!("cannot read {}", folder.display()), error);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.map_err(cannot)?.path();
        if (may_be_there(&path.join(JOURNAL)) || may_be_there(&super::lock_record::record(&path)))
            && let Some(name) = path.file_name().and_then(|name| name.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Returns whether there is something at a path, or nobody can tell: what cannot be looked at is not skipped.
fn may_be_there(path: &Path) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match std::fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), NotFound | NotADirectory),
    }
}
