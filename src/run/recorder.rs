//! The only way for events to enter the journal while a run executes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::listener::{Listener, Progress};
use crate::copy::Acked;
use crate::error::{Error, Result};
use crate::journal::{Entry, Event, Inbox, Journal, RunState};
use crate::model::{Checkpoint, ShardId, StageId};

/// The interval at which a process renews its lease and checks that it still holds the plan.
const KEEP: Duration = Duration::from_secs(2);

/// Appends events and passes them to the listener; shared by everything that works for the run.
#[derive(Clone)]
pub struct Recorder {
    journal: Arc<Mutex<Journal>>,
    listener: Arc<dyn Listener>,
}

impl Recorder {
    pub fn new(journal: Journal, listener: Arc<dyn Listener>) -> Self {
        Self { journal: Arc::new(Mutex::new(journal)), listener }
    }

    /// Appends an event, which is on disk when this returns.
    ///
    /// # Errors
    /// Any error of [`Journal::append`]; `Unexpected` for a checkpoint, which must go through [`Recorder::checkpoint`].
    pub fn record(&self, event: Event) -> Result<()> {
        if matches!(event, Event::Checkpointed { .. }) {
            return Err(Error::unexpected("a checkpoint was not acknowledged"));
        }
        self.append(event).map(drop)
    }

    /// Appends a checkpoint acknowledged by the pipeline.
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

    /// Checks that this process still holds the plan. Called before every effect on the world.
    ///
    /// # Errors
    /// `Locked` if it does not; nothing more may be done then.
    pub fn fence(&self) -> Result<()> {
        self.lock().keep_lock()
    }

    /// Returns [`Recorder::fence`] as a closure that can be kept: it holds neither the journal nor its lock, and always
    /// passes once the run is over.
    pub(super) fn fence_to_keep(&self) -> impl Fn() -> Result<()> + Send + Sync + 'static {
        let journal = Arc::downgrade(&self.journal);
        move || match journal.upgrade() {
            Some(journal) => journal.lock().unwrap_or_else(PoisonError::into_inner).keep_lock(),
            None => Ok(()),
        }
    }

    /// Awaits `work` while this process holds the plan, and abandons it if another process takes the plan over.
    ///
    /// # Errors
    /// Any error of [`Recorder::fence`], and any error of `work`.
    pub(super) async fn while_held<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let lost = async {
            loop {
                if let Err(error) = self.fence() {
                    return error;
                }
                tokio::time::sleep(KEEP).await;
            }
        };
        tokio::select! {
            result = work => result,
            error = lost => Err(error),
        }
    }

    /// Turns requests from the inbox into events.
    pub fn take_requests(&self) -> Result<()> {
        let inbox = Inbox::new(self.lock().paths());
        for (path, request) in inbox.waiting()? {
            self.append(request.into_event())?;
            inbox.remove(&path)?;
        }
        Ok(())
    }

    /// Calls `read` with the state.
    pub fn with_state<T>(&self, read: impl FnOnce(&RunState) -> T) -> T {
        read(self.lock().state())
    }

    /// Calls `act` with the journal itself.
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
