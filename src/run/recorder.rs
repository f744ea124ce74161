//! The one way events get into the journal while a run executes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::listener::{Listener, Progress};
use crate::copy::Acked;
use crate::error::{Error, Result};
use crate::journal::{Entry, Event, Inbox, Journal, RunState};
use crate::model::{Checkpoint, ShardId, StageId};

/// Appends events and tells the listener; shared by everything that works for the run.
#[derive(Clone)]
pub struct Recorder {
    journal: Arc<Mutex<Journal>>,
    listener: Arc<dyn Listener>,
}

impl Recorder {
    pub fn new(journal: Journal, listener: Arc<dyn Listener>) -> Self {
        Self { journal: Arc::new(Mutex::new(journal)), listener }
    }

    /// Appends an event; it is on disk when this returns.
    ///
    /// # Errors
    /// As [`Journal::append`]; `Unexpected` for a checkpoint, which goes through [`Recorder::checkpoint`].
    pub fn record(&self, event: Event) -> Result<()> {
        if matches!(event, Event::Checkpointed { .. }) {
            return Err(Error::unexpected("a checkpoint was not acknowledged"));
        }
        self.append(event).map(drop)
    }

    /// Appends a checkpoint that the pipeline acknowledged.
    pub fn checkpoint(
        &self,
        stage: &StageId,
        shard: &ShardId,
        acked: Acked<Checkpoint>,
    ) -> Result<()> {
        let checkpoint = acked.into_inner();
        self.append(Event::Checkpointed { stage: stage.clone(), shard: shard.clone(), checkpoint })
            .map(drop)
    }

    /// Turns the requests that wait in the inbox into events.
    pub fn take_requests(&self) -> Result<()> {
        let inbox = Inbox::new(self.lock().paths());
        for (path, request) in inbox.waiting()? {
            self.append(request.into_event())?;
            inbox.remove(&path)?;
        }
        Ok(())
    }

    /// Reads the state.
    pub fn with_state<T>(&self, read: impl FnOnce(&RunState) -> T) -> T {
        read(self.lock().state())
    }

    /// Reads or changes the journal itself.
    pub fn with_journal<T>(&self, act: impl FnOnce(&mut Journal) -> T) -> T {
        act(&mut self.lock())
    }

    pub fn progress(&self, progress: &Progress) {
        self.listener.progress(progress);
    }

    fn append(&self, event: Event) -> Result<Entry> {
        let mut journal = self.lock();
        let entry = journal.append(event)?;
        self.listener.event(&entry, journal.state());
        Ok(entry)
    }

    fn lock(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
