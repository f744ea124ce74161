//! How a journal comes from elsewhere: its files and segments first, and the head that names its run last.
//!
//! Until the head names it, nobody sees a run. Segments are the same bytes each time, under the epoch before the first, so that
//! a push which was cut off is repeated, and two at once write the same.

use super::asking::{Again, Asking, PATIENCE, Sent, Settled};
use super::chain::Chain;
use super::files::Files;
use super::head::{Head, Seen};
use super::layout::Layout;
use super::reader::Reader;
use super::take::Taker;
use super::told::unfinished;
use crate::error::Result;
use crate::journal::{Artifact, Entry};
use crate::state::{Pushed, another, new_id, rest_of};

/// The most events of a segment.
const AT_ONCE: usize = 1_000;
/// Who wrote what came from elsewhere, as segments name it.
const WRITER: &str = "push";

/// Brings a journal to a plan that has none, or the beginning of it.
#[derive(Debug)]
pub(super) struct Pusher<'a> {
    pub taker: Taker<'a>,
    pub files: &'a Files,
    pub run: &'a str,
    pub pushed: &'a [Entry],
    /// The files that it wrote.
    pub wrote: &'a [Artifact],
}

/// What is there of a run that is pushed.
struct There {
    chain: Chain,
    /// Whether the head names it, so that everybody sees it.
    is_named: bool,
}

impl Pusher<'_> {
    /// # Errors
    /// `Refused` where there is another run, or this one goes another way; `Locked` while somebody holds the plan.
    pub async fn push(&self) -> Result<Pushed> {
        let key = self.layout().head();
        let mut again = Again::within(&key, PATIENCE);
        let mut sent = Vec::new();
        loop {
            let seen = self.head().await?;
            let there = self.there(&seen).await?;
            if !sent.is_empty() && there.is_named && there.chain.entries.starts_with(self.pushed) {
                let there_before = match sent.contains(&seen.head.nonce) {
                    true => 0,
                    false => self.pushed.len(),
                };
                return self.done(there_before).await;
            }
            let rest = self.rest(&there.chain)?;
            if there.is_named && rest.is_empty() {
                return self.done(self.pushed.len()).await;
            }
            self.taker.refuse_believed(&seen).await?;
            self.files.push(self.run, there.chain.epoch).await?;
            self.files.push_elsewhere(self.run, self.wrote).await?;
            let went = match there.is_named {
                true => self.extend(&seen, &there.chain, rest).await?,
                false => self.begin(&seen, there.chain, &mut sent).await?,
            };
            match went {
                Sent::Known(there_before) => return self.done(there_before).await,
                Sent::Open(why) => again.wait(why).await?,
            }
        }
    }

    async fn done(&self, there_before: usize) -> Result<Pushed> {
        let missing = self.files.missing(self.run, self.wrote).await?;
        Ok(Pushed { there_before, missing })
    }

    /// Reads the head, or makes one without a run: what lies below it is nothing that anybody sees, and no damage.
    async fn head(&self) -> Result<Seen> {
        let key = self.layout().head();
        let mut again = Again::within(&key, PATIENCE);
        loop {
            if let Some(seen) = self.taker.head().await? {
                return Ok(seen);
            }
            self.taker.refuse_unfit().await?;
            let (terms, now) = (self.taker.terms, self.taker.clock.now());
            let head = Head { nonce: new_id(now), ..Head::first(terms.lease(), now) };
            let put = self.asking().create(&key, head.bytes()?, terms.renewal()).await?;
            if let Sent::Open(why) = Sent::from(put) {
                again.wait(why).await?;
            }
        }
    }

    async fn there(&self, seen: &Seen) -> Result<There> {
        let head = &seen.head;
        let reader = Reader::new(self.asking(), self.layout(), self.run);
        let is_named = head.run.as_deref() == Some(self.run);
        let mut chain = match is_named {
            true => reader.read(&head.extent).await?,
            false => Chain::new(self.run),
        };
        if !is_named {
            self.refuse_another(head).await?;
        }
        reader.go_on(&mut chain).await?;
        Ok(There { chain, is_named })
    }

    /// Refuses a plan that has a run. One without an event is none: whoever began it has to begin anew.
    async fn refuse_another(&self, head: &Head) -> Result<()> {
        let has_begun = match &head.run {
            Some(last) => Reader::new(self.asking(), self.layout(), last).has_begun().await?,
            None => false,
        };
        match has_begun || head.before.is_some() {
            true => Err(another(self.layout().plan())),
            false => Ok(()),
        }
    }

    /// Writes all segments, and then the head that names the run.
    async fn begin(
        &self,
        seen: &Seen,
        chain: Chain,
        sent: &mut Vec<String>,
    ) -> Result<Sent<usize>> {
        let Some(chain) = self.write(chain).await? else { return Ok(Sent::Open(None)) };
        let head = self.naming(&seen.head, &chain);
        sent.push(head.nonce.clone());
        let (key, within) = (self.layout().head(), self.taker.terms.renewal());
        let put = self.asking().replace(&key, head.bytes()?, &seen.version, within).await?;
        Ok(match Sent::from(put) {
            Sent::Known(_) => Sent::Known(0),
            Sent::Open(why) => Sent::Open(why),
        })
    }

    /// Writes the segments that are not there yet. Behind the end of a push of fewer events, which may be named at any time,
    /// everything is one segment: nobody sees a part of it. Returns `None` where it is a run that goes on by now.
    async fn write(&self, mut chain: Chain) -> Result<Option<Chain>> {
        loop {
            let rest = self.rest(&chain)?;
            if rest.is_empty() {
                return Ok(Some(chain));
            }
            // Another push has named the run, and somebody has taken it.
            if chain.epoch > 0 {
                return Ok(None);
            }
            let length = match chain.entries.len().is_multiple_of(AT_ONCE) {
                true => rest.len().min(AT_ONCE),
                false => rest.len(),
            };
            let header = chain.next(chain.epoch, WRITER);
            let bytes = header.with(&rest[..length])?;
            let key = self.layout().segment(self.run, header.segment);
            let there = match self.asking().settle(&key, &bytes, PATIENCE).await? {
                Settled::Ours => bytes,
                Settled::Another(there) => there.bytes,
            };
            chain.add(self.layout(), there)?;
        }
    }

    /// Writes what a run has more than what everybody sees of it, in one segment. Who takes the plan meanwhile is in the way
    /// with a fence, or reads it.
    async fn extend(&self, seen: &Seen, chain: &Chain, rest: &[Entry]) -> Result<Sent<usize>> {
        if let Some(view) = seen.lock() {
            return Err(unfinished(&view));
        }
        let header = chain.next(chain.epoch, WRITER);
        let bytes = header.with(rest)?;
        let key = self.layout().segment(self.run, header.segment);
        Ok(match self.asking().settle(&key, &bytes, PATIENCE).await? {
            Settled::Ours => Sent::Known(self.pushed.len() - rest.len()),
            Settled::Another(_) => Sent::Open(None),
        })
    }

    /// The head that names the run, which nobody holds.
    fn naming(&self, seen: &Head, chain: &Chain) -> Head {
        let now = self.taker.clock.now();
        Head {
            epoch: seen.epoch + 1,
            nonce: new_id(now),
            lock: None,
            holder: None,
            since: now,
            run: Some(self.run.to_owned()),
            extent: chain.extent(None),
            ..seen.clone()
        }
    }

    fn rest(&self, chain: &Chain) -> Result<&[Entry]> {
        rest_of(self.pushed, &chain.entries, self.layout().plan())
    }

    fn asking(&self) -> &Asking {
        self.taker.asking
    }

    fn layout(&self) -> &Layout {
        self.taker.layout
    }
}
