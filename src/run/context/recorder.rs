//! The only way for events to enter the journal while a run executes.
//!
//! What waits to be written is written together, and nothing that an event has to precede goes on before that. Where writing
//! is slow, only events without which the next process does the same again may wait for others: without the last checkpoints
//! a shard is copied from further back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::copy::Acked;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Entry, Event, Request, RunState, request_words};
use crate::model::{Checkpoint, ShardId, StageId};
use crate::run::listener::{Listener, Progress};
use crate::state::{Events, Fold, Hold, Home, Journal, Writer};

/// How long what waits to be written is waited for where a run ends.
const LEAVE: Duration = Duration::from_secs(5);

/// How much longer than checkpoints, without which work is lost, other events may wait.
const PATIENCE: u32 = 3;

/// Appends events and passes them to the listener; shared by everything that works for the run.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Inner>);

struct Inner {
    front: Mutex<Front>,
    /// `None` once it is closed.
    writer: tokio::sync::Mutex<Option<Writer>>,
    /// The state of everything that is durable, which the listener is shown.
    written: Mutex<RunState>,
    hold: Arc<dyn Hold>,
    home: Arc<dyn Home>,
    listener: Arc<dyn Listener>,
    /// The time that checkpoints may wait for others.
    linger: Duration,
}

/// What is accepted, whether it is durable or not.
struct Front {
    fold: Fold,
    /// Groups that are not durable yet, in their order.
    waiting: Vec<Group>,
    /// After which times something will write the events that nobody waits for.
    due: Vec<Duration>,
    /// Why events that nobody waited for were not written.
    failed: Option<Error>,
}

/// Entries to write together, and whoever waits for that.
struct Group {
    entries: Vec<Entry>,
    done: Option<oneshot::Sender<Result<()>>>,
}

impl Recorder {
    pub fn new(journal: Journal, home: Arc<dyn Home>, listener: Arc<dyn Listener>) -> Self {
        let hold = journal.hold();
        let (fold, writer) = journal.split();
        Self(Arc::new(Inner {
            written: Mutex::new(RunState::clone(fold.state())),
            front: Mutex::new(Front { fold, waiting: Vec::new(), due: Vec::new(), failed: None }),
            hold,
            home,
            linger: writer.linger(),
            writer: tokio::sync::Mutex::new(Some(writer)),
            listener,
        }))
    }

    /// Appends events, which are durable when this returns, together with whatever else waits. Those that [may wait] for others,
    /// where writing is slow, are durable before anything that is appended later.
    ///
    /// [may wait]: Event::may_wait
    ///
    /// # Errors
    /// Any error of [`Journal::append`], also for events that waited; `Unexpected` for a checkpoint, which must go through
    /// [`Recorder::checkpoint`].
    pub async fn append(&self, events: Vec<Event>) -> Result<()> {
        events.iter().try_for_each(refuse_checkpoint)?;
        match events.iter().all(Event::may_wait) {
            true => self.append_in_time(events.into(), self.0.linger * PATIENCE).await,
            false => self.append_group(events.into()).await,
        }
    }

    /// Appends a checkpoint acknowledged by the pipeline. It is durable when this returns, or, where events may wait for
    /// others, before anything that is appended later.
    ///
    /// # Errors
    /// As [`Recorder::append`].
    pub async fn checkpoint(
        &self,
        stage: &StageId,
        shard: &ShardId,
        acked: Acked<Checkpoint>,
    ) -> Result<()> {
        let (stage, shard, checkpoint) = (stage.clone(), shard.clone(), acked.into_inner());
        let events = vec![Event::Checkpointed { stage, shard, checkpoint }].into();
        self.append_in_time(events, self.0.linger).await
    }

    /// Appends events that are durable in that time at the latest.
    async fn append_in_time(&self, events: Events, limit: Duration) -> Result<()> {
        if limit.is_zero() || events.events.is_empty() {
            return self.append_group(events).await;
        }
        let mut front = self.0.front();
        if let Some(error) = front.failed.take() {
            return Err(error);
        }
        front.accept(events, None)?;
        if !front.due.contains(&limit) {
            front.due.push(limit);
            let inner = self.0.clone();
            tokio::spawn(async move {
                tokio::time::sleep(limit).await;
                inner.front().due.retain(|due| *due != limit);
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

    /// Lets go of the plan. What waits to be written is written before, if that takes some seconds at most.
    pub async fn close(&self) {
        if tokio::time::timeout(LEAVE, self.0.flush()).await.is_err() {
            tracing::warn!("the last events were not written");
        }
        if let Some(error) = self.0.front().failed.take() {
            tracing::warn!(%error, "the last events were not written");
        }
        if let Some(writer) = self.0.writer.lock().await.take() {
            writer.close().await;
        }
    }

    /// Turns letters from the inbox into events. One that does not fit is answered with that: whoever may leave letters must
    /// not be able to stop a run with one. Nothing happens where the inbox cannot be looked at right now.
    pub async fn take_requests(&self) -> Result<()> {
        let letters = match self.0.home.letters().await {
            Err(error) if error.is_retryable() => {
                tracing::warn!(%error, "the inbox cannot be looked at");
                return Ok(());
            }
            letters => letters?,
        };
        for waiting in letters {
            let (is_answered, is_for_this) = self.with_state(|state| {
                let is_for_this = waiting.letter.run.as_ref().is_none_or(|run| *run == state.run);
                (state.answered.contains(&waiting.id), is_for_this)
            });
            if is_for_this && !is_answered && self.with_state(RunState::is_open) {
                let answers = Some(waiting.answers());
                let request = waiting.letter.request;
                let refused = |error: &Error| Event::RequestRefused {
                    what: request_words(&request),
                    reason: error.message().to_owned(),
                };
                let event = request.clone().into_event();
                let unasked = self.with_state(|state| unasked(state, &request));
                let event = match unasked.or_else(|| self.0.front().fold.refuses(&event)) {
                    Some(error) => refused(&error),
                    None => event,
                };
                self.append_group(Events { events: vec![event], answers }).await?;
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

    /// Returns the state of everything that is accepted. What is not durable yet will be before whatever follows from it.
    pub fn state(&self) -> Arc<RunState> {
        self.0.front().fold.state().clone()
    }

    /// Calls `read` with the state.
    pub fn with_state<T>(&self, read: impl FnOnce(&RunState) -> T) -> T {
        read(&self.state())
    }

    /// Sets the journal of an ended run aside, so that another run can start.
    ///
    /// # Errors
    /// Any error of [`Writer::archive`].
    pub async fn archive(&self) -> Result<()> {
        let mut writer = self.0.writer.lock().await;
        let writer = writer.as_mut().ok_or_else(closed)?;
        let run = self.state();
        writer.archive(&run).await?;
        self.0.front().fold.clear();
        *self.0.written() = RunState::default();
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
        let refused = self.0.front().accept(events, Some(done)).err();
        let inner = self.0.clone();
        // Whoever comes first writes what waits; the others find nothing left to do. Whoever is abandoned does not take the
        // writing along.
        let flushed = tokio::spawn(async move { inner.flush().await }).await;
        if let Err(cut_off) = flushed
            && let Ok(panic) = cut_off.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
        written.await.unwrap_or_else(|_| Err(Error::unexpected("an event was not written")))?;
        refused.map_or(Ok(()), Err)
    }
}

impl Front {
    /// Accepts a group up to the first event that cannot follow.
    ///
    /// # Errors
    /// `Conflict` for that event.
    fn accept(&mut self, events: Events, done: Option<oneshot::Sender<Result<()>>>) -> Result<()> {
        let (entries, refused) = self.fold.accept(events);
        self.waiting.push(Group { entries, done });
        refused.map_or(Ok(()), Err)
    }
}

impl Inner {
    /// Writes all groups that wait.
    async fn flush(&self) {
        let mut writer = self.writer.lock().await;
        let groups = std::mem::take(&mut self.front().waiting);
        if groups.is_empty() {
            return;
        }
        let (entries, done): (Vec<_>, Vec<_>) =
            groups.into_iter().map(|group| (group.entries, group.done)).unzip();
        let entries = entries.concat();
        let written = match writer.as_mut() {
            Some(writer) => writer.write(&entries).await,
            None => Err(closed()),
        };
        let mut error = written.and_then(|()| self.publish(&entries)).err();
        for done in done {
            let result = match error.take() {
                None => Ok(()),
                Some(first) => {
                    error = Some(first.again());
                    Err(first)
                }
            };
            match done {
                // Whoever no longer waits has been abandoned.
                Some(done) => drop(done.send(result)),
                None => {
                    let mut front = self.front();
                    front.failed = result.err().or(front.failed.take());
                }
            }
        }
    }

    /// Passes entries that are durable to the listener.
    fn publish(&self, entries: &[Entry]) -> Result<()> {
        let mut written = self.written();
        for entry in entries {
            written.apply(entry)?;
            self.listener.event(entry, &written);
        }
        Ok(())
    }

    fn front(&self) -> MutexGuard<'_, Front> {
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn written(&self) -> MutexGuard<'_, RunState> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns why an approval fits no gate of the plan; `None` for anything else.
fn unasked(state: &RunState, request: &Request) -> Option<Error> {
    match (request, &state.gates) {
        (Request::Approve { gate, .. }, Some(gates)) if !gates.contains(gate) => {
            Some(Error::new(ErrorKind::Refused, format!("the plan asks for no approval of {gate}")))
        }
        _ => None,
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
