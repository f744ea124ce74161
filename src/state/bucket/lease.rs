//! The lease of a plan as its holder keeps it: renewed in time, and proof of nothing once it is too old.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::asking::{Again, Asking, OUTAGE, PATIENCE, Sent};
use super::head::{Before, Extent, Head, Seen};
use super::json::damaged;
use super::layout::Layout;
use super::terms::Terms;
use super::told::lost;
use crate::clock::{Clock, Stopwatch, until};
use crate::error::{Error, ErrorKind, Result};
use crate::state::{Hold, new_id};
use crate::storage::objects::{Put, Read, Version};

/// How long a process waits for an answer when it lets go of a plan.
const LEAVE: Duration = Duration::from_secs(5);
/// Packs that wait to be written. Those that are one too many are left out.
const PACKS: usize = 8;

/// A plan that this process took.
#[derive(Debug)]
pub(super) struct Lease {
    asking: Asking,
    layout: Layout,
    terms: Terms,
    clock: Clock,
    epoch: u64,
    /// The lock's name, by which the head says that it is still this one.
    lock: String,
    /// The head as it was last seen. Whoever has it writes the head, and nobody else does.
    known: tokio::sync::Mutex<Known>,
    /// The start of the last renewal that is known to have succeeded.
    renewed: Mutex<Moment>,
    /// How far the log of a run reaches.
    reach: Mutex<Option<(String, Extent)>>,
    /// Why the plan is lost.
    lost: Mutex<Option<Error>>,
    /// True once the log is gone.
    is_gone: AtomicBool,
    packs: Mutex<VecDeque<(String, Bytes)>>,
    has_packs: Notify,
}

#[derive(Clone, Debug)]
pub(super) struct Known {
    pub head: Head,
    pub version: Version,
}

/// An instant by two clocks: the one stands still while a machine sleeps, the other may be set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    watch: Stopwatch,
    at: Timestamp,
}

impl Moment {
    pub fn now(clock: &Clock) -> Self {
        Self { watch: Stopwatch::start(), at: clock.now() }
    }

    /// Returns the time since then by the clock on which more has passed.
    fn elapsed(&self, clock: &Clock) -> Duration {
        self.watch.elapsed().max(until(self.at, clock.now()))
    }
}

/// What a write of the head is for.
enum Change {
    Renew,
    /// The run that begins, and the one that was set aside for it.
    Begin(String, Option<Before>),
    LetGo,
}

impl Lease {
    /// Keeps a lease whose head was written at `renewed` or later.
    pub fn new(
        asking: Asking,
        layout: Layout,
        (terms, clock): (Terms, Clock),
        known: Known,
        renewed: Moment,
    ) -> Self {
        Self {
            asking,
            layout,
            terms,
            clock,
            epoch: known.head.epoch,
            lock: known.head.lock.clone().unwrap_or_default(),
            reach: Mutex::default(),
            known: tokio::sync::Mutex::new(known),
            renewed: Mutex::new(renewed),
            lost: Mutex::default(),
            is_gone: AtomicBool::new(false),
            packs: Mutex::default(),
            has_packs: Notify::new(),
        }
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Takes down how far the log of a run reaches, for the next write of the head.
    pub fn reaches(&self, run: &str, extent: Extent) {
        *guard(&self.reach) = Some((run.to_owned(), extent));
    }

    /// Hands over a pack to be written when there is time.
    pub fn pack(&self, key: String, bytes: Bytes) {
        let mut packs = guard(&self.packs);
        packs.push_back((key, bytes));
        if packs.len() > PACKS {
            packs.pop_front();
        }
        self.has_packs.notify_one();
    }

    /// Returns the packs that still wait.
    pub fn packs(&self) -> Vec<(String, Bytes)> {
        guard(&self.packs).drain(..).collect()
    }

    /// Looks whether the plan is still this process's.
    ///
    /// # Errors
    /// `Locked` if it is not.
    pub async fn look(&self) -> Result<()> {
        let mut known = self.known.lock().await;
        let key = self.layout.head();
        let there = self.asking.read(&key).await?;
        let there = there.map(|read| Seen::parse(read, &key)).transpose()?;
        self.adopt(&mut known, there)
    }

    /// Makes `run` the last run of the plan, in place of one that has ended, which is `None` where none was set aside.
    ///
    /// # Errors
    /// `Locked` if the plan is lost; `Unavailable` where nobody can tell for long.
    pub async fn begin(&self, run: &str, ended: Option<Before>) -> Result<()> {
        let mut known = self.known.lock().await;
        self.write(&mut known, &Change::Begin(run.to_owned(), ended), OUTAGE).await
    }

    /// Lets go of the plan, in a few seconds or not at all.
    pub async fn let_go(&self) {
        let leaving = async {
            let mut known = self.known.lock().await;
            self.write(&mut known, &Change::LetGo, LEAVE).await
        };
        let left = tokio::time::timeout(LEAVE, leaving).await;
        if let Ok(Err(error)) = left
            && error.kind() != ErrorKind::Locked
        {
            tracing::warn!(%error, "the plan is free when its lease ends");
        }
        self.end();
    }

    /// Says that the log is gone: what passes now is nothing of the run's.
    pub fn end(&self) {
        self.is_gone.store(true, Ordering::SeqCst);
    }

    /// Returns why nothing may be written any more, by what is in the head.
    pub async fn fenced(&self) -> Error {
        match self.look().await {
            Err(error) if matches!(error.kind(), ErrorKind::Locked | ErrorKind::Conflict) => error,
            Err(error) => {
                let message = "this run no longer holds its plan: another writes its journal";
                self.lose(Error::new(ErrorKind::Locked, message).with_source(error))
            }
            // Nobody writes under a later epoch before it is in the head.
            Ok(()) => damaged(format!(
                "somebody writes to the journal of `{}` under a later epoch than its head has",
                self.layout.plan()
            )),
        }
    }

    /// Returns whether effects may begin now.
    fn is_open(&self) -> bool {
        self.since_renewed() < self.terms.open()
    }

    fn since_renewed(&self) -> Duration {
        guard(&self.renewed).elapsed(&self.clock)
    }

    /// # Errors
    /// Why the plan is lost, if that is known.
    pub fn refuse_lost(&self) -> Result<()> {
        guard(&self.lost).as_ref().map_or(Ok(()), |lost| Err(lost.again()))
    }

    fn lose(&self, error: Error) -> Error {
        guard(&self.lost).get_or_insert(error.again());
        error
    }

    /// Renews the lease if `is_due` still says so when it is this one's turn.
    async fn renew(&self, is_due: impl Fn() -> bool) -> Result<()> {
        let mut known = self.known.lock().await;
        self.refuse_lost()?;
        match is_due() && !self.is_gone() {
            true => {
                let limit = (self.terms.open() + OUTAGE).saturating_sub(self.since_renewed());
                // A machine that slept may need a while until it has a network.
                let renewed = self.write(&mut known, &Change::Renew, limit.max(PATIENCE)).await;
                renewed.map_err(|error| match error.kind() {
                    // Everybody who waits gives up together.
                    ErrorKind::Unavailable => self.lose(error),
                    _ => error,
                })
            }
            false => Ok(()),
        }
    }

    fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }

    /// Replaces the head. An answer that was lost is read back; an earlier write that arrives late is this process's too.
    async fn write(&self, known: &mut Known, change: &Change, limit: Duration) -> Result<()> {
        let key = self.layout.head();
        let within = self.terms.renewal();
        let mut again = Again::within(&key, limit);
        loop {
            self.refuse_lost()?;
            let head = self.changed(&known.head, change);
            let started = Moment::now(&self.clock);
            let put = self.asking.replace(&key, head.bytes()?, &known.version, within).await?;
            let written = match Sent::from(put) {
                Sent::Known(version) => Sent::Known(version),
                Sent::Open(why) => match self.asking.read_back(&key, within).await? {
                    Sent::Known(there) => self.found(known, &head, there, why)?,
                    Sent::Open(error) => Sent::Open(error),
                },
            };
            match written {
                Sent::Known(version) => {
                    *known = Known { head, version };
                    *guard(&self.renewed) = started;
                    return Ok(());
                }
                Sent::Open(why) => again.wait(why).await?,
            }
        }
    }

    /// Says whether the head that is there is the one that was sent; if not, goes on from it.
    fn found(
        &self,
        known: &mut Known,
        sent: &Head,
        there: Option<Read>,
        why: Option<Error>,
    ) -> Result<Sent<Version>> {
        let there = there.map(|read| Seen::parse(read, &self.layout.head())).transpose()?;
        match there {
            Some(seen) if seen.head.nonce == sent.nonce => Ok(Sent::Known(seen.version)),
            there => self.adopt(known, there).map(|()| Sent::Open(why)),
        }
    }

    fn changed(&self, head: &Head, change: &Change) -> Head {
        let nonce = new_id(self.clock.now());
        let reach = guard(&self.reach).clone().filter(|(run, _)| head.run.as_ref() == Some(run));
        let extent = reach.map_or_else(|| head.extent.clone(), |(_, extent)| extent);
        let head = Head { nonce, extent, lease_s: self.terms.lease().as_secs(), ..head.clone() };
        match change {
            Change::Renew => head,
            // A run without an event hides none that has some.
            Change::Begin(run, ended) => {
                let before = ended.clone().or(head.before);
                Head { run: Some(run.clone()), extent: Extent::default(), before, ..head }
            }
            Change::LetGo => Head { holder: None, lock: None, ..head },
        }
    }

    /// Goes on from the head that is there if it is this process's.
    fn adopt(&self, known: &mut Known, there: Option<Seen>) -> Result<()> {
        let Some(Seen { head, version, .. }) = there else {
            let message = format!("`{}` was removed while this run held it", self.layout.head());
            return Err(self.lose(damaged(message)));
        };
        if head.lock.as_deref() != Some(&self.lock) {
            return Err(self.lose(lost(&head)));
        }
        *known = Known { head, version };
        Ok(())
    }

    /// Writes a pack if one waits. Readers do without those that cannot be written.
    async fn write_pack(&self) {
        let Some((key, bytes)) = guard(&self.packs).pop_front() else { return };
        match self.asking.create(&key, bytes, self.terms.renewal() / 4).await {
            Ok(Put::Done(_) | Put::Refused) => self.has_packs.notify_one(),
            Ok(Put::Unknown(error)) | Err(error) => {
                tracing::debug!(%error, key, "a pack was not written");
                guard(&self.packs).clear();
            }
        }
    }
}

#[async_trait]
impl Hold for Lease {
    async fn pass(&self) -> Result<()> {
        loop {
            self.refuse_lost()?;
            if self.is_gone() || self.is_open() {
                return Ok(());
            }
            self.renew(|| !self.is_open()).await?;
        }
    }

    async fn keep(&self) -> Error {
        let is_due = || self.since_renewed() >= self.terms.renewal();
        loop {
            let rest = self.terms.renewal().saturating_sub(self.since_renewed());
            tokio::select! {
                biased;
                () = tokio::time::sleep(rest) => {}
                () = self.has_packs.notified() => self.write_pack().await,
            }
            match self.renew(is_due).await {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Locked | ErrorKind::Conflict) => {
                    return error;
                }
                // A right that was taken away may be given back, or a key be renewed, while the lease lasts.
                Err(_) if self.is_open() => tokio::time::sleep(self.terms.renewal() / 10).await,
                Err(error) => return error,
            }
            if self.is_gone() {
                std::future::pending::<()>().await;
            }
        }
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
