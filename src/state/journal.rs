//! A journal: the log of a plan, and the state that its events fold to.

use std::sync::Arc;
use std::time::Duration;

use super::{Hold, Home, Log, Taken};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Answers, Entry, Event, FORMAT, Holder, RunState};

/// The journal of a plan, open for appending. Holding one means holding the plan.
#[derive(Debug)]
pub struct Journal {
    fold: Fold,
    writer: Writer,
    found: Vec<Entry>,
}

/// The state to which the events of a journal fold, those that are accepted and not written yet among them.
#[derive(Debug)]
pub struct Fold {
    state: Arc<RunState>,
    clock: Clock,
}

/// Writes what a fold has accepted, in that order.
#[derive(Debug)]
pub struct Writer {
    log: Box<dyn Log>,
    /// Why a write failed: nobody knows what is there, so nothing more is written.
    broken: Option<Error>,
    shown: String,
}

/// Events that are appended together, and the letter that they answer.
#[derive(Debug, Default)]
pub struct Events {
    pub events: Vec<Event>,
    pub answers: Option<Answers>,
}

impl From<Vec<Event>> for Events {
    fn from(events: Vec<Event>) -> Self {
        Self { events, answers: None }
    }
}

impl Journal {
    /// Takes a plan and folds its journal. If there is none, the first event makes it.
    ///
    /// # Errors
    /// `Locked` if another process has the plan; `Refused` for a newer format, an unknown last event or another plan,
    /// `Conflict` for a damaged journal, which is left as it was.
    pub async fn open(home: &dyn Home, holder: &Holder, clock: Clock) -> Result<Self> {
        let Taken { log, entries } = home.take(holder).await?;
        let shown = home.shown();
        match RunState::fold(&entries) {
            Ok(state) => Ok(Self {
                fold: Fold { state: Arc::new(state), clock },
                writer: Writer { log, broken: None, shown },
                found: entries,
            }),
            Err(error) => {
                log.release().await;
                Err(error.with_context("journal", shown))
            }
        }
    }

    pub fn state(&self) -> &RunState {
        &self.fold.state
    }

    /// Hands over the events that were there when it was opened, once.
    pub fn take_found(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.found)
    }

    /// Appends one event, which is durable when this returns.
    ///
    /// # Errors
    /// `Locked` if the plan was lost; `Conflict` if the event cannot follow the journal or somebody else wrote to it; `Io` if it
    /// could not be written, after which the journal accepts nothing more.
    pub async fn append(&mut self, event: Event) -> Result<Entry> {
        let Appended { entries, mut refused } = self.append_all(vec![vec![event].into()]).await?;
        match (entries.into_iter().next(), refused.pop()) {
            (Some(entry), None) => Ok(entry),
            (_, Some((_, error))) => Err(error),
            (None, None) => Err(Error::unexpected("an event was neither written nor refused")),
        }
    }

    /// Appends groups of events, which are durable together when this returns. A group with an event that cannot follow ends
    /// before that event; the other groups do not suffer from it.
    ///
    /// # Errors
    /// Those of [`Journal::append`], for all groups; an event that cannot follow is in the result.
    pub async fn append_all(&mut self, groups: Vec<Events>) -> Result<Appended> {
        self.writer.refuse_broken()?;
        let mut appended = Appended::default();
        for (number, group) in groups.into_iter().enumerate() {
            let (entries, refused) = self.fold.accept(group);
            appended.entries.extend(entries);
            appended.refused.extend(refused.map(|error| (number, error)));
        }
        self.writer.write(&appended.entries).await?;
        Ok(appended)
    }

    /// Returns what says whether this process still holds the plan, even while the journal is being written.
    pub fn hold(&self) -> Arc<dyn Hold> {
        self.writer.log.hold()
    }

    /// Returns its two halves: what is accepted is what has to be written, in that order.
    pub fn split(self) -> (Fold, Writer) {
        (self.fold, self.writer)
    }

    /// Lets go of the plan.
    pub async fn close(self) {
        self.writer.close().await;
    }
}

impl Fold {
    pub fn state(&self) -> &Arc<RunState> {
        &self.state
    }

    /// Returns why an event cannot come next; `None` if it can.
    pub fn refuses(&self, event: &Event) -> Option<Error> {
        let (seq, at) = (self.state.events, self.clock.now());
        let entry = Entry { v: FORMAT, seq, at, answers: None, event: event.clone() };
        self.state.check(&entry).err()
    }

    /// Folds a group up to the first event that cannot follow. Returns its entries, and why that one cannot.
    pub fn accept(&mut self, group: Events) -> (Vec<Entry>, Option<Error>) {
        let Events { events, mut answers } = group;
        let mut entries = Vec::new();
        for event in events {
            let (seq, at) = (self.state.events, self.clock.now());
            let entry = Entry { v: FORMAT, seq, at, answers: answers.take(), event };
            if let Err(error) = Arc::make_mut(&mut self.state).apply(&entry) {
                return (entries, Some(error));
            }
            entries.push(entry);
        }
        (entries, None)
    }

    /// Begins anew, as for another run.
    pub fn clear(&mut self) {
        self.state = Arc::default();
    }
}

impl Writer {
    /// Returns how long checkpoints may wait for others, to be written together.
    pub fn linger(&self) -> Duration {
        self.log.linger()
    }

    /// Writes entries, which are durable when this returns.
    ///
    /// # Errors
    /// Those of [`Journal::append`] but for an event that cannot follow.
    pub async fn write(&mut self, entries: &[Entry]) -> Result<()> {
        self.refuse_broken()?;
        if entries.is_empty() {
            return Ok(());
        }
        // Whoever stops waiting does not know what came of it either.
        let message = format!("{} cannot be written: an earlier write was cut off", self.shown);
        self.broken = Some(
            Error::new(ErrorKind::Io, message)
                .with_hint("see to its place, then run the same command again"),
        );
        match self.log.append(entries).await {
            Ok(()) => {
                self.broken = None;
                Ok(())
            }
            Err(error) => {
                self.broken = Some(error.again());
                Err(error)
            }
        }
    }

    fn refuse_broken(&self) -> Result<()> {
        self.broken.as_ref().map_or(Ok(()), |error| Err(error.again()))
    }

    /// Sets the journal of an ended run, whose state this is, aside, so that another run can start.
    ///
    /// # Errors
    /// `Conflict` while the run is still open; those of the place.
    pub async fn archive(&mut self, state: &RunState) -> Result<()> {
        if state.is_open() {
            return Err(Error::new(ErrorKind::Conflict, "the run has not ended"));
        }
        self.log.archive(&state.run).await
    }

    /// Lets go of the plan.
    pub async fn close(self) {
        self.log.release().await;
    }
}

/// What became of events that were to be appended.
#[derive(Debug, Default)]
pub struct Appended {
    /// The events that are durable now.
    pub entries: Vec<Entry>,
    /// The numbers of the groups that hold an event which cannot follow, each with the reason.
    pub refused: Vec<(usize, Error)>,
}
