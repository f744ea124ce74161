//! Writes the journal's events as JSON lines for machines that watch a run, and combines several listeners.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::outlet::{Outlet, Unwritten};
use crate::journal::{Entry, RunState};
use crate::run::{Listener, Progress};

/// A file to which every event is written as one JSON line, in the form it has in the journal.
#[derive(Debug)]
pub struct EventsFile {
    path: String,
    asked_by: &'static str,
    writing: Mutex<Writing>,
}

#[derive(Debug)]
struct Writing {
    file: File,
    /// The reason why the file ends before the run does.
    failed: Option<String>,
}

impl EventsFile {
    /// Starts the file afresh.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(outlet: &Outlet) -> io::Result<Self> {
        let writing = Mutex::new(Writing { file: outlet.stream()?, failed: None });
        Ok(Self { path: outlet.path.display().to_string(), asked_by: outlet.asked_by, writing })
    }

    /// Reports the file as unwritten if it lacks events.
    pub fn unwritten(&self) -> Option<Unwritten> {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = writing.failed.clone()?;
        Some(Unwritten { asked_by: self.asked_by, path: self.path.clone(), reason })
    }
}

impl Listener for EventsFile {
    fn event(&self, entry: &Entry, _: &RunState) {
        let Ok(mut line) = serde_json::to_vec(entry) else { return };
        line.push(b'\n');
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // The journal is what counts: a full disk under the copy must not stop the run. Nothing is added after a line
        // that was cut off, either.
        if writing.failed.is_none()
            && let Err(error) = writing.file.write_all(&line)
        {
            writing.failed = Some(error.to_string());
        }
    }

    fn progress(&self, _: &Progress) {}
}

/// The events that this process has written, so that its report needs no second look at the journal: one more in a place
/// that counts requests, and perhaps another's by then.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Vec<Entry>>);

impl Kept {
    /// Returns the journal of the run: the events that were `found`, and those since. A run that was begun has none before.
    pub fn after(&self, mut found: Vec<Entry>) -> Vec<Entry> {
        let kept = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if kept.first().is_some_and(|entry| entry.seq == 0) {
            found.clear();
        }
        found.extend(kept);
        found
    }
}

impl Listener for Kept {
    fn event(&self, entry: &Entry, _: &RunState) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entry.seq == 0 {
            kept.clear();
        }
        kept.push(entry.clone());
    }

    fn progress(&self, _: &Progress) {}
}

/// Passes events to several listeners.
pub struct All(pub Vec<Arc<dyn Listener>>);

impl Listener for All {
    fn event(&self, entry: &Entry, state: &RunState) {
        self.0.iter().for_each(|listener| listener.event(entry, state));
    }

    fn progress(&self, progress: &Progress) {
        self.0.iter().for_each(|listener| listener.progress(progress));
    }
}
