//! The world of one interleaving: the store, the clocks, what may not happen.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::super::store::Shelf;
use super::super::{start, texts};
use super::dice::{Dice, outage};
use super::truth::Truth;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::journal::{Entry, Event};
use crate::state::bucket::terms::Omit;

/// The longest time that an effect takes once it began: the grace of the lease.
const EFFECT: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub(super) struct World {
    pub truth: Arc<Mutex<Truth>>,
    pub shelf: Shelf,
    pub began: Instant,
    pub clocks: Arc<Mutex<Vec<(Clock, Duration)>>>,
    pub omit: Option<Omit>,
    /// A stretch of time in which the store answers nobody.
    pub outage: Option<(Duration, Duration)>,
}

impl World {
    pub fn new(rng: &mut Dice, omit: Option<Omit>) -> Self {
        let truth: Arc<Mutex<Truth>> = Arc::default();
        let seen = truth.clone();
        let shelf = Shelf::watched(move |key, bytes| locked(&seen).watch(key, bytes));
        let outage = rng.tenths(2).then(|| outage(rng));
        Self { truth, shelf, began: Instant::now(), clocks: Arc::default(), omit, outage }
    }

    pub fn truth(&self) -> MutexGuard<'_, Truth> {
        locked(&self.truth)
    }

    pub fn wrong(&self, what: String) {
        self.truth().wrong.get_or_insert(what);
    }

    /// Returns a machine's clock, up to a day off.
    pub fn clock(&self, rng: &mut Dice) -> Clock {
        let off = SignedDuration::from_secs(rng.within(0..172_800) as i64 - 86_400);
        let clock = Clock::test(start().saturating_add(off).unwrap());
        locked(&self.clocks).push((clock.clone(), self.began.elapsed()));
        clock
    }

    /// Lets all clocks go as far as the time has gone.
    pub fn tick(&self) {
        let now = self.began.elapsed();
        for (clock, at) in locked(&self.clocks).iter_mut() {
            clock.skip(now - *at);
            *at = now;
        }
    }

    /// An effect on the index begins here and now; returns how long it takes, whatever becomes of who began it.
    pub fn effect(&self, name: &str, rng: &mut Dice) -> Duration {
        let now = Instant::now();
        let lasts = Duration::from_millis(
            rng.within(EFFECT.as_millis() as u64 / 2..EFFECT.as_millis() as u64),
        );
        let mut truth = self.truth();
        let epoch = truth.epochs[name];
        let wrong = if truth.fenced > epoch {
            Some(format!("an effect of epoch {epoch} began behind a fence of {}", truth.fenced))
        } else if truth.effects > epoch {
            Some(format!("an effect of epoch {epoch} began after one of {}", truth.effects))
        } else {
            let other = truth.under_way.iter().find(|(of, end)| *of != epoch && *end > now);
            other.map(|(of, _)| format!("effects of {epoch} and {of} ran side by side"))
        };
        if let Some(wrong) = wrong {
            truth.wrong.get_or_insert(wrong);
        }
        truth.effects = truth.effects.max(epoch);
        truth.under_way.retain(|(_, end)| *end > now);
        truth.under_way.push((epoch, now + lasts));
        truth.played.effects += 1;
        lasts
    }

    pub fn acked(&self, run: &str, entries: &[Entry]) {
        let new = entries.iter().zip(texts(entries));
        self.truth().acked.extend(new.map(|(entry, text)| (run.to_owned(), entry.seq, text)));
    }

    /// Checks that a journal has the first `acked` events of those that were acknowledged, and nothing twice.
    pub fn check(&self, run: &str, entries: &[Entry], acked: usize) {
        let there = texts(entries);
        let wrong = {
            let truth = self.truth();
            let mut acked = truth.acked[..acked].iter().filter(|(of, ..)| of == run);
            let lost = acked.find(|(_, seq, text)| there.get(*seq as usize) != Some(text));
            lost.map(|(_, seq, text)| {
                format!("event {seq} of {run} was acknowledged as {text}: {there:?}")
            })
        };
        if let Some(wrong) = wrong {
            self.wrong(wrong);
        }
        if entries.iter().map(|entry| entry.seq).ne(0..entries.len() as u64) {
            self.wrong(format!("{run} has a gap: {there:?}"));
        }
        let different: BTreeSet<_> = there.iter().collect();
        if different.len() != there.len() {
            self.wrong(format!("an event of {run} is there twice: {there:?}"));
        }
    }

    /// Says whether an error is one that a runner may come to.
    pub fn judge(&self, name: &str, error: &Error) {
        match error.kind() {
            ErrorKind::Locked => {
                let mut truth = self.truth();
                let was_in = u64::from(truth.entered.contains(name));
                truth.played.fenced += was_in;
            }
            ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::RateLimited => {}
            _ => self.wrong(format!("{name} came to: {error}")),
        }
    }
}

/// Returns the run whose journal this is.
pub(super) fn run_of(entries: &[Entry]) -> Option<String> {
    match &entries.first()?.event {
        Event::RunStarted { run, .. } => Some(run.clone()),
        _ => None,
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
