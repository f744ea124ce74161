//! How a plan is taken: the head by its version, then the log by a segment behind its last one.

use std::sync::Arc;

use super::asking::{Again, Asking, PATIENCE, Sent, Settled};
use super::chain::Chain;
use super::head::{Head, Seen};
use super::json::damaged;
use super::layout::{Layout, Place};
use super::lease::{Known, Lease, Moment};
use super::reader::Reader;
use super::segment::sum;
#[cfg(test)]
use super::terms::Omit;
use super::terms::Terms;
use super::told::locked;
use crate::clock::{Clock, until};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Holder;
use crate::state::new_id;

/// Takes a plan for a holder.
#[derive(Debug)]
pub(super) struct Taker<'a> {
    pub asking: &'a Asking,
    pub layout: &'a Layout,
    pub terms: Terms,
    pub clock: &'a Clock,
    pub holder: &'a Holder,
    /// The name of this take, which no other has.
    pub id: String,
}

/// A plan that was taken, and the log of its last run.
#[derive(Debug)]
pub(super) struct Held {
    pub lease: Arc<Lease>,
    /// `None` if there was no run yet.
    pub chain: Option<Chain>,
    /// The last segment of the newest tail.
    pub tail: Option<u64>,
}

impl Taker<'_> {
    /// # Errors
    /// `Locked`, naming who holds the plan; those of its journal, after which nobody holds it.
    pub async fn take(&self) -> Result<Held> {
        let (known, renewed) = self.win().await?;
        let (run, extent) = (known.head.run.clone(), known.head.extent.clone());
        let kept = (self.terms, self.clock.clone());
        let (asking, layout) = (self.asking.clone(), self.layout.clone());
        let lease = Arc::new(Lease::new(asking, layout, kept, known, renewed));
        // A plan without a run has no log that somebody could still write to: beginning one goes by the head.
        let Some(run) = run else { return Ok(Held { lease, chain: None, tail: None }) };
        let reader = Reader::new(self.asking, self.layout, &run);
        let entered: Result<Chain> = async {
            let (mut chain, missing) = reader.read_whole(&extent).await?;
            self.fence(&reader, &mut chain, &lease).await?;
            self.look(&lease).await?;
            // Whoever should have written them had no time.
            for (pack, bytes) in missing {
                lease.pack(self.layout.pack(&run, pack), bytes);
            }
            Ok(chain)
        }
        .await;
        match entered {
            Ok(chain) => {
                lease.reaches(&run, chain.extent(extent.tail));
                Ok(Held { lease, chain: Some(chain), tail: extent.tail })
            }
            Err(error) => {
                if error.kind() != ErrorKind::Locked {
                    lease.let_go().await;
                }
                Err(error)
            }
        }
    }

    /// Writes itself into the head. The lease runs from before the first attempt: a lost one may be what is there.
    async fn win(&self) -> Result<(Known, Moment)> {
        let key = self.layout.head();
        let mut started = None;
        let mut again = Again::within(&key, PATIENCE);
        loop {
            let seen = self.head().await?;
            match &seen {
                Some(Seen { head, version, .. }) if self.is_this(head) => {
                    let known = Known { head: head.clone(), version: version.clone() };
                    return Ok((known, started.unwrap_or_else(|| Moment::now(self.clock))));
                }
                Some(seen) => self.refuse_believed(seen).await?,
                None => self.refuse_unfit().await?,
            }
            let head = self.taken(seen.as_ref().map(|seen| &seen.head));
            let started = *started.get_or_insert_with(|| Moment::now(self.clock));
            let (bytes, within) = (head.bytes()?, self.terms.renewal());
            let put = match &seen {
                Some(seen) => self.asking.replace(&key, bytes, &seen.version, within).await?,
                None => self.asking.create(&key, bytes, within).await?,
            };
            match Sent::from(put) {
                Sent::Known(version) => return Ok((Known { head, version }, started)),
                Sent::Open(why) => again.wait(why).await?,
            }
        }
    }

    /// Refuses a place for the first head of a plan that is somebody else's, or does not keep its conditions.
    ///
    /// # Errors
    /// Those of [`refuse_strangers`] and of the probe.
    pub async fn refuse_unfit(&self) -> Result<()> {
        refuse_strangers(self.asking, self.layout).await?;
        self.asking.probe(&self.layout.probes()).await?;
        Ok(())
    }

    fn taken(&self, seen: Option<&Head>) -> Head {
        let (lease, now) = (self.terms.lease(), self.clock.now());
        let before = seen.cloned().unwrap_or_else(|| Head::first(lease, now));
        let epoch = before.epoch + 1;
        Head {
            epoch,
            nonce: new_id(now),
            lock: Some(self.lock(epoch)),
            holder: Some(self.holder.clone()),
            since: now,
            lease_s: lease.as_secs(),
            ..before
        }
    }

    fn lock(&self, epoch: u64) -> String {
        format!("{epoch}-{}", self.id)
    }

    fn is_this(&self, head: &Head) -> bool {
        head.lock == Some(self.lock(head.epoch))
    }

    pub async fn head(&self) -> Result<Option<Seen>> {
        let key = self.layout.head();
        self.asking.read(&key).await?.map(|read| Seen::parse(read, &key)).transpose()
    }

    /// Refuses a plan whose holder may be at work. The age of its lease is a difference of two times of the store.
    ///
    /// # Errors
    /// `Locked`, naming the holder.
    pub async fn refuse_believed(&self, seen: &Seen) -> Result<()> {
        let Some(view) = seen.lock() else { return Ok(()) };
        let mark = self.layout.probe(&new_id(self.clock.now()));
        let mut again = Again::within(&mark, PATIENCE);
        let now = loop {
            let put = self.asking.create(&mark, "{}\n".into(), self.terms.renewal()).await?;
            if let Some(there) = self.asking.read(&mark).await? {
                break there.modified;
            }
            let why = match Sent::from(put) {
                Sent::Known(_) => None,
                Sent::Open(why) => why,
            };
            again.wait(why).await?;
        };
        let age = until(seen.modified, now);
        match age >= self.terms.ended(seen.head.lease()) {
            true => Ok(()),
            false => Err(locked(&view, age)),
        }
    }

    /// Puts an empty segment behind the last one: whoever held the plan before, and has not noticed, finds it in the way.
    async fn fence(&self, reader: &Reader<'_>, chain: &mut Chain, lease: &Lease) -> Result<()> {
        #[cfg(test)]
        if self.terms.omits(Omit::Fence) {
            return reader.go_on(chain).await;
        }
        loop {
            if chain.epoch > lease.epoch() {
                return Err(lease.fenced().await);
            }
            let header = chain.next(lease.epoch(), &self.id);
            let bytes = header.with(&[])?;
            let key = self.layout.segment(chain.run(), header.segment);
            match self.asking.settle(&key, &bytes, PATIENCE).await? {
                Settled::Ours => {
                    chain.link(header.epoch, 0, sum(&bytes), bytes);
                    return Ok(());
                }
                Settled::Another(there) => chain.add(self.layout, there.bytes)?,
            }
            reader.go_on(chain).await?;
        }
    }

    async fn look(&self, lease: &Lease) -> Result<()> {
        #[cfg(test)]
        if self.terms.omits(Omit::Look) {
            return Ok(());
        }
        lease.look().await
    }
}

/// Refuses to begin where there is no head although there are runs, or where the folder is somebody else's.
///
/// # Errors
/// `Conflict` for the one, `Refused` for the other.
pub(super) async fn refuse_strangers(asking: &Asking, layout: &Layout) -> Result<()> {
    let listed = asking.list(layout.plan()).await?;
    let first = |place| listed.iter().find(|found| layout.place(&found.key) == place);
    // It was made between two requests.
    if first(Place::Head).is_some() {
        return Ok(());
    }
    if let Some(run) = first(Place::Run)
        && asking.read(&layout.head()).await?.is_none()
    {
        let message = format!("`{}` is gone, but there is `{}`", layout.head(), run.key);
        return Err(damaged(message));
    }
    if let Some(stranger) = first(Place::Stranger) {
        let message = format!("`{}` is nothing of vecshift's: the folder is in use", stranger.key);
        return Err(Error::new(ErrorKind::Refused, message).with_hint(
            "give the state a place of its own with --state, or the plan another name",
        ));
    }
    Ok(())
}
