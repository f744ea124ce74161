//! The only way for events to enter the journal while a run executes.
//!
//! What waits to be written is written together, and nothing that an event has to precede goes on before that. Only
//! checkpoints may wait for others where writing is slow: without the last ones a shard is copied from further back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::copy::Acked;
use crate::error::{Error, Result};
use crate::journal::{Entry, Event, RunState};
use crate::model::{Checkpoint, ShardId, StageId};
use crate::run::listener::{Listener, Progress};
use crate::state::{Appended, Events, Hold, Home, Journal};

/// Appends events and passes them to the listener; shared by everything that works for the run.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Inner>);

struct Inner {
    /// `None` once it is closed.
    journal: tokio::sync::Mutex<Option<Journal>>,
    /// Groups of events that are not durable yet.
    waiting: Mutex<Waiting>,
    /// The state of everything that is durable.
    state: RwLock<Arc<RunState>>,
    hold: Arc<dyn Hold>,
    home: Arc<dyn Home>,
    listener: Arc<dyn Listener>,
    /// The time that checkpoints may wait for others.
    linger: Duration,
}

#[derive(Default)]
struct Waiting {
    groups: VecDeque<Group>,
    /// Whether something will write the checkpoints that nobody waits for.
    is_due: bool,
    /// Why checkpoints that nobody waited for were not written.
    failed: Option<Error>,
}

/// Events to append together, and whoever waits for that.
struct Group {
    events: Events,
    done: Option<oneshot::Sender<Result<()>>>,
}

impl Recorder {
    pub fn new(journal: Journal, home: Arc<dyn Home>, listener: Arc<dyn Listener>) -> Self {
        Self(Arc::new(Inner {
            waiting: Mutex::default(),
            state: RwLock::new(Arc::new(journal.state().clone())),
            hold: journal.hold(),
            home,
            linger: journal.linger(),
            journal: tokio::sync::Mutex::new(Some(journal)),
            listener,
        }))
    }

    /// Appends events, which are durable when this returns, together with whatever else waits.
    ///
    /// # Errors
    /// Any error of [`Journal::append`]; `Unexpected` for a checkpoint, which must go through [`Recorder::checkpoint`].
    pub async fn append(&self, events: Vec<Event>) -> Result<()> {
        events.iter().try_for_each(refuse_checkpoint)?;
        self.append_group(events.into()).await
    }

    /// Appends a checkpoint acknowledged by the pipeline. It is durable when this returns, or, where checkpoints may wait for
    /// others, before anything that is appended later.
    ///
    /// # Errors
    /// As [`Recorder::append`], also for a checkpoint that waited.
    pub async fn checkpoint(
        &self,
        stage: &StageId,
        shard: &ShardId,
        acked: Acked<Checkpoint>,
    ) -> Result<()> {
        let (stage, shard, checkpoint) = (stage.clone(), shard.clone(), acked.into_inner());
        let events = vec![Event::Checkpointed { stage, shard, checkpoint }].into();
        if self.0.linger.is_zero() {
            return self.append_group(events).await;
        }
        let mut waiting = self.0.waiting();
        if let Some(error) = waiting.failed.take() {
            return Err(error);
        }
        waiting.groups.push_back(Group { events, done: None });
        if !std::mem::replace(&mut waiting.is_due, true) {
            let inner = self.0.clone();
            tokio::spawn(async move {
                tokio::time::sleep(inner.linger).await;
                inner.waiting().is_due = false;
                inner.flush().await;
            });
        }
        Ok(())
    }

    /// Returns what says whether this process still holds the plan: asked before every effect on the world. It does not hold the
    /// journal, and always passes once the run is over.
    pub(in crate::run) fn hold(&self) -> Arc<dyn Hold> {
        self.0.hold.clone()
    }

    /// Awaits `work` while this process holds the plan, abandons it if another process takes the plan over, and lets go of the
    /// plan in the end.
    ///
    /// # Errors
    /// `Locked` if the plan is lost, and any error of `work`.
    pub(in crate::run) async fn while_held<T>(
        &self,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let result = tokio::select! {
            result = work => result,
            error = self.0.hold.keep() => Err(error),
        };
        self.close().await;
        result
    }

    /// Lets go of the plan. What waits to be written is written before.
    pub async fn close(&self) {
        self.0.flush().await;
        if let Some(journal) = self.0.journal.lock().await.take() {
            journal.close().await;
        }
    }

    /// Turns letters from the inbox into events.
    pub async fn take_requests(&self) -> Result<()> {
        for waiting in self.0.home.letters().await? {
            let (is_answered, is_for_this) = self.with_state(|state| {
                let is_for_this = waiting.letter.run.as_ref().is_none_or(|run| *run == state.run);
                (state.answered.contains(&waiting.id), is_for_this)
            });
            if is_for_this && !is_answered {
                let answers = waiting.answers();
                let events = vec![waiting.letter.request.into_event()];
                self.append_group(Events { events, answers: Some(answers) }).await?;
            }
            self.0.home.answered(&waiting.id).await?;
        }
        Ok(())
    }

    /// Clears away the letters to an earlier run.
    pub async fn drop_requests(&self) -> Result<()> {
        for waiting in self.0.home.letters().await? {
            self.0.home.answered(&waiting.id).await?;
        }
        Ok(())
    }

    /// Returns the state of everything that is durable.
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
    pub async fn archive(&self) -> Result<()> {
        let mut journal = self.0.journal.lock().await;
        let journal = journal.as_mut().ok_or_else(closed)?;
        journal.archive().await?;
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

    async fn append_group(&self, events: Events) -> Result<()> {
        if events.events.is_empty() {
            return Ok(());
        }
        let (done, written) = oneshot::channel();
        self.0.waiting().groups.push_back(Group { events, done: Some(done) });
        let inner = self.0.clone();
        // Whoever comes first writes what waits; the others find nothing left to do. Whoever is abandoned does not take the
        // writing along.
        let flushed = tokio::spawn(async move { inner.flush().await }).await;
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
    async fn flush(&self) {
        let mut journal = self.journal.lock().await;
        let (groups, done): (Vec<_>, Vec<_>) =
            self.waiting().groups.drain(..).map(|group| (group.events, group.done)).unzip();
        if groups.is_empty() {
            return;
        }
        let written = match journal.as_mut() {
            Some(journal) => journal.append_all(groups).await,
            None => Err(closed()),
        };
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
            match done {
                // Whoever no longer waits has been abandoned.
                Some(done) => drop(done.send(result)),
                None => {
                    let mut waiting = self.waiting();
                    waiting.failed = result.err().or(waiting.failed.take());
                }
            }
        }
    }

    /// Adds events that are durable to the state, and passes them to the listener.
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

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> Error {
    Error::unexpected("the journal is closed")
}

fn refuse_checkpoint(event: &Event) -> Result<()> {
    match event {
        Event::Checkpointed { .. } => Err(Error::unexpected("a checkpoint was not acknowledged")),
        _ => Ok(()),
    }
}
