//! The only way for events to enter the journal while a run executes.
//!
//! What waits to be written goes to disk together: one write and one sync, on a thread that serves no network. Nothing
//! that an event has to precede goes on before that.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::blocking::blocking;
use crate::copy::Acked;
use crate::error::{Error, Result};
use crate::journal::{Appended, Entry, Event, Held, Inbox, Journal, RunState};
use crate::model::{Checkpoint, ShardId, StageId};
use crate::run::listener::{Listener, Progress};

/// The interval at which a process renews its lease and checks that it still holds the plan.
const KEEP: Duration = Duration::from_secs(2);

/// Appends events and passes them to the listener; shared by everything that works for the run.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Inner>);

struct Inner {
    journal: Mutex<Journal>,
    /// Groups of events that are not on disk yet.
    waiting: Mutex<VecDeque<Group>>,
    /// The state of everything that is on disk.
    state: RwLock<Arc<RunState>>,
    held: Held,
    inbox: Inbox,
    listener: Arc<dyn Listener>,
}

/// Events to append together, and whoever waits for that.
struct Group {
    events: Vec<Event>,
    done: oneshot::Sender<Result<()>>,
}

impl Recorder {
    pub fn new(journal: Journal, listener: Arc<dyn Listener>) -> Self {
        Self(Arc::new(Inner {
            waiting: Mutex::default(),
            state: RwLock::new(Arc::new(journal.state().clone())),
            held: journal.held(),
            inbox: Inbox::new(journal.paths()),
            journal: Mutex::new(journal),
            listener,
        }))
    }

    /// Appends an event, which is on disk when this returns.
    ///
    /// # Errors
    /// Any error of [`Journal::append`]; `Unexpected` for a checkpoint, which must go through [`Recorder::checkpoint`].
    pub fn record(&self, event: Event) -> Result<()> {
        refuse_checkpoint(&event)?;
        self.0.append_at_once(event)
    }

    /// Appends events, which are on disk when this returns, together with whatever else waits.
    ///
    /// # Errors
    /// As [`Recorder::record`].
    pub async fn append(&self, events: Vec<Event>) -> Result<()> {
        events.iter().try_for_each(refuse_checkpoint)?;
        self.append_group(events).await
    }

    /// Appends a checkpoint acknowledged by the pipeline, which is on disk when this returns.
    ///
    /// # Errors
    /// As [`Recorder::record`].
    pub async fn checkpoint(
        &self,
        stage: &StageId,
        shard: &ShardId,
        acked: Acked<Checkpoint>,
    ) -> Result<()> {
        let (stage, shard, checkpoint) = (stage.clone(), shard.clone(), acked.into_inner());
        self.append_group(vec![Event::Checkpointed { stage, shard, checkpoint }]).await
    }

    /// Checks that this process still holds the plan. Called before every effect on the world.
    ///
    /// # Errors
    /// `Locked` if it does not; nothing more may be done then.
    pub fn fence(&self) -> Result<()> {
        self.0.held.keep()
    }

    /// Returns [`Recorder::fence`] as a closure that can be kept: it holds neither the journal nor its lock, and always
    /// passes once the run is over.
    pub(in crate::run) fn fence_to_keep(&self) -> impl Fn() -> Result<()> + Send + Sync + 'static {
        let held = self.0.held.clone();
        move || held.keep()
    }

    /// Awaits `work` while this process holds the plan, and abandons it if another process takes the plan over.
    ///
    /// # Errors
    /// Any error of [`Recorder::fence`], and any error of `work`.
    pub(in crate::run) async fn while_held<T>(
        &self,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
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
    pub async fn take_requests(&self) -> Result<()> {
        let inbox = self.0.inbox.clone();
        for (path, request) in blocking(move || inbox.waiting()).await? {
            self.append(vec![request.into_event()]).await?;
            let inbox = self.0.inbox.clone();
            blocking(move || inbox.remove(&path)).await?;
        }
        Ok(())
    }

    /// Returns the state of everything that is on disk.
    pub fn state(&self) -> Arc<RunState> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Calls `read` with the state.
    pub fn with_state<T>(&self, read: impl FnOnce(&RunState) -> T) -> T {
        read(&self.0.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets the journal of an ended run aside, so that another run can start.
    ///
    /// # Errors
    /// Any error of [`Journal::archive`].
    pub fn archive(&self) -> Result<()> {
        let mut journal = self.0.journal();
        journal.archive()?;
        *self.0.state.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(journal.state().clone());
        Ok(())
    }

    /// Passes a step that is about to be taken to the listener.
    pub(in crate::run) fn step(&self, step: &dyn std::fmt::Debug) {
        self.0.listener.step(step);
    }

    pub fn progress(&self, progress: &Progress) {
        self.0.listener.progress(progress);
    }

    async fn append_group(&self, events: Vec<Event>) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let (done, written) = oneshot::channel();
        self.0.waiting().push_back(Group { events, done });
        let inner = self.0.clone();
        // Whoever comes first writes what waits; the others find nothing left to do.
        let flushed = tokio::task::spawn_blocking(move || inner.flush()).await;
        if let Err(cut_off) = flushed
            && let Ok(panic) = cut_off.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
        written.await.unwrap_or_else(|_| Err(Error::unexpected("an event was not written")))
    }
}

impl Inner {
    /// Writes all groups that wait.
    fn flush(&self) {
        let mut journal = self.journal();
        let (groups, done): (Vec<_>, Vec<_>) =
            self.waiting().drain(..).map(|group| (group.events, group.done)).unzip();
        if groups.is_empty() {
            return;
        }
        let written = journal.append_all(groups);
        let mut results: Vec<Result<()>> = done.iter().map(|_| Ok(())).collect();
        match written {
            Ok(Appended { entries, refused }) => {
                for (number, error) in refused {
                    results[number] = Err(error);
                }
                self.publish(&entries, &mut results);
            }
            Err(error) => {
                for result in results.iter_mut().skip(1) {
                    *result = Err(Error::new(error.kind(), error.to_string()));
                }
                results[0] = Err(error);
            }
        }
        for (done, result) in done.into_iter().zip(results) {
            // Whoever no longer waits has been abandoned.
            let _ = done.send(result);
        }
    }

    fn append_at_once(&self, event: Event) -> Result<()> {
        let mut journal = self.journal();
        let entry = journal.append(event)?;
        let mut results = [Ok(())];
        self.publish(&[entry], &mut results);
        let [result] = results;
        result
    }

    /// Adds events that are on disk to the state, and passes them to the listener.
    fn publish(&self, entries: &[Entry], results: &mut [Result<()>]) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            if let Err(error) = Arc::make_mut(&mut state).apply(entry) {
                results[0] = Err(error);
                return;
            }
            self.listener.event(entry, &state);
        }
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Group>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuse_checkpoint(event: &Event) -> Result<()> {
    match event {
        Event::Checkpointed { .. } => Err(Error::unexpected("a checkpoint was not acknowledged")),
        _ => Ok(()),
    }
}
