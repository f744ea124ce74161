use std::path::{Path, PathBuf};

/// The files of one plan's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    dir: PathBuf,
}

impl Paths {
    /// Returns the paths of a plan's runs: `state` is the state folder (`.vecshift`), `plan` the plan's name.
    pub fn new(state: &Path, plan: &str) -> Self {
        Self { dir: state.join(plan) }
    }

    /// Returns the paths of a rehearsal, whose journal is kept apart from the real one.
    pub fn rehearsal(state: &Path, plan: &str) -> Self {
        Self { dir: state.join("rehearsals").join(plan) }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn journal(&self) -> PathBuf {
        self.dir.join("journal.jsonl")
    }

    /// Returns the place of an ended run's journal once another run starts.
    pub fn archived(&self, run: &str) -> PathBuf {
        self.dir.join(format!("journal-{run}.jsonl"))
    }

    pub fn inbox(&self) -> PathBuf {
        self.dir.join("inbox")
    }

    pub fn artifacts(&self, run: &str) -> PathBuf {
        self.dir.join("artifacts").join(run)
    }
}
