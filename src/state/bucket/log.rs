//! The journal of a plan as its holder writes it: each append is one segment, and one request.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{OptionFuture, join, join_all};

use super::asking::{Asking, OUTAGE, Settled};
use super::chain::Chain;
use super::current::Current;
use super::files::Files;
use super::head::Before;
use super::json::damaged;
use super::layout::Layout;
use super::lease::Lease;
use super::packs::{Pack, SMALL, begin, completed};
use super::segment::{Header, sum};
use crate::error::{Error, Result};
use crate::journal::{Entry, Event};
use crate::state::{Hold, Log};
use crate::storage::objects::Put;

/// How long checkpoints wait for others, so that all shards together make one request.
const LINGER: Duration = Duration::from_secs(5);
/// Segments that a reader is spared for which a tail is worth its request.
const WORTH: u64 = 3;
/// The longest time to write packs: whoever lets go of a plan has little.
const LEAVE: Duration = Duration::from_millis(1500);

/// The journal of a plan that was taken.
#[derive(Debug)]
pub(super) struct BucketLog {
    asking: Asking,
    layout: Layout,
    lease: Arc<Lease>,
    /// The take, as segments name it.
    writer: String,
    /// The last run as far as it is written; `None` before the first one and after one was set aside.
    chain: Option<Chain>,
    /// The last segment of the newest tail.
    tail: Option<u64>,
    /// The run that was set aside, until another begins.
    ended: Option<Before>,
    current: Current,
    files: Arc<Files>,
}

impl BucketLog {
    pub fn new(
        asking: Asking,
        layout: Layout,
        (lease, writer): (Arc<Lease>, String),
        (chain, tail): (Option<Chain>, Option<u64>),
        (current, files): (Current, Arc<Files>),
    ) -> Self {
        Self { asking, layout, lease, writer, chain, tail, ended: None, current, files }
    }

    /// Begins the log of a new run: first the head names it, so that nobody else can begin another. The head names the one
    /// before, too, which is what there is to see until the new one has an event.
    async fn begin(&mut self, entries: &[Entry]) -> Result<()> {
        let run = match (entries.first().map(|entry| &entry.event), &self.chain) {
            (Some(Event::RunStarted { run, .. }), chain)
                if chain.as_ref().is_none_or(|chain| chain.next_seq() == 0) =>
            {
                run
            }
            (_, Some(_)) => return Ok(()),
            _ => return Err(Error::unexpected("an event of no run was to be written")),
        };
        self.lease.begin(run, self.ended.take()).await?;
        (self.chain, self.tail) = (Some(Chain::new(run)), None);
        self.current.set(run);
        Ok(())
    }

    /// Says whose the segment is that was in the way of the next one.
    async fn collided(&self, key: &str, there: &Bytes) -> Error {
        match Header::read(there, key) {
            Ok(header) if header.epoch > self.lease.epoch() => self.lease.fenced().await,
            Ok(header) => damaged(format!(
                "`{key}` was written by somebody else, under epoch {}, while this run held the plan under {}",
                header.epoch,
                self.lease.epoch()
            )),
            Err(error) => error,
        }
    }

    /// Hands over the packs that the last segment completed.
    fn pack(&self) {
        let Some(chain) = &self.chain else { return };
        for pack in completed(chain.number) {
            let length = match pack {
                Pack::Small(_) => SMALL as usize,
                Pack::Large(_) | Pack::Tail(_) => chain.behind.len(),
            };
            let segments = &chain.behind[chain.behind.len().saturating_sub(length)..];
            self.lease.pack(self.layout.pack(chain.run(), pack), segments.concat().into());
        }
    }

    /// Returns what is behind the last large pack in one object, where that spares readers enough.
    fn tail(&self) -> Option<(String, Bytes)> {
        let chain = self.chain.as_ref().filter(|chain| chain.number > 0)?;
        let from = begin(chain.number).max(self.tail.map_or(1, |tail| tail + 1));
        let is_worth = chain.number + 1 - from >= WORTH;
        let key = self.layout.pack(chain.run(), Pack::Tail(chain.number));
        is_worth.then(|| (key, chain.behind.concat().into()))
    }

    /// Writes the packs that wait and the tail, all at once and in little time.
    async fn write_packs(&mut self) {
        let write = async |(key, bytes): (String, Bytes)| {
            matches!(self.asking.create(&key, bytes, LEAVE).await, Ok(Put::Done(_)))
        };
        let others = join_all(self.lease.packs().into_iter().map(write));
        let tail = OptionFuture::from(self.tail().map(write));
        let (_, is_written) = join(others, tail).await;
        if let Some(chain) = &self.chain
            && is_written == Some(true)
        {
            self.tail = Some(chain.number);
            self.lease.reaches(chain.run(), chain.extent(self.tail));
        }
    }
}

#[async_trait]
impl Log for BucketLog {
    async fn append(&mut self, entries: &[Entry]) -> Result<()> {
        self.lease.refuse_lost()?;
        self.begin(entries).await?;
        let Some(chain) = &mut self.chain else {
            return Err(Error::unexpected("a journal without a run was to be written"));
        };
        // What an event counts or names is there before the event.
        self.files.keep_new(chain.run(), self.lease.epoch()).await?;
        let header = chain.next(self.lease.epoch(), &self.writer);
        let bytes = header.with(entries)?;
        let key = self.layout.segment(chain.run(), header.segment);
        match self.asking.settle(&key, &bytes, OUTAGE).await? {
            Settled::Ours => {}
            Settled::Another(there) => return Err(self.collided(&key, &there.bytes).await),
        }
        chain.link(header.epoch, entries.len(), sum(&bytes), bytes);
        self.lease.reaches(chain.run(), chain.extent(self.tail));
        self.pack();
        // An intent is followed by its effect, which nothing may begin whose lease may have ended.
        self.lease.pass().await
    }

    /// The head still names a run that was set aside until the next one begins: who only reads sees the run that has ended.
    async fn archive(&mut self, run: &str) -> Result<()> {
        self.lease.refuse_lost()?;
        match self.chain.take_if(|chain| chain.run() == run) {
            Some(chain) => {
                let extent = chain.extent(self.tail);
                self.ended = Some(Before { run: run.to_owned(), extent });
                Ok(())
            }
            None => Err(Error::unexpected(format!("the run {run} is not the one that is open"))),
        }
    }

    fn linger(&self) -> Duration {
        LINGER
    }

    fn hold(&self) -> Arc<dyn Hold> {
        self.lease.clone()
    }

    async fn release(mut self: Box<Self>) {
        // Whoever lost the plan writes nothing more.
        if self.lease.refuse_lost().is_ok() {
            self.write_packs().await;
        }
        self.lease.let_go().await;
    }
}

impl Drop for BucketLog {
    fn drop(&mut self) {
        self.lease.end();
        self.current.forget();
    }
}
