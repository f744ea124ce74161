//! The journal's events as JSON lines, for machines that watch a run, and several listeners as one.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::journal::{Entry, RunState};
use crate::run::{Listener, Progress};

/// Writes every event to a file, one JSON line each, as the journal has it.
pub struct EventsFile(Mutex<File>);

impl EventsFile {
    /// Begins the file anew.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path)
            .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))?;
        Ok(Self(Mutex::new(file)))
    }
}

impl Listener for EventsFile {
    fn event(&self, entry: &Entry, _: &RunState) {
        let Ok(mut line) = serde_json::to_vec(entry) else { return };
        line.push(b'\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The journal is what counts: a full disk under the copy must not stop the run.
        if let Err(error) = file.write_all(&line) {
            tracing::warn!(%error, "cannot write the events file");
        }
    }

    fn progress(&self, _: &Progress) {}
}

/// Several listeners as one.
pub struct All(pub Vec<Arc<dyn Listener>>);

impl Listener for All {
    fn event(&self, entry: &Entry, state: &RunState) {
        self.0.iter().for_each(|listener| listener.event(entry, state));
    }

    fn progress(&self, progress: &Progress) {
        self.0.iter().for_each(|listener| listener.progress(progress));
    }
}
