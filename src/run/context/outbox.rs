//! The events of a step that is being taken.

use std::sync::{Arc, Mutex, PoisonError};

use crate::journal::Event;

/// Collects what a step has to say, until it ends.
#[derive(Clone, Default)]
pub(in crate::run) struct Outbox(Arc<Mutex<Vec<Event>>>);

impl Outbox {
    pub fn put(&self, event: Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    /// Returns what was collected, in order, and leaves nothing.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
