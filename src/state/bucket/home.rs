//! What is kept of one plan in a bucket.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::asking::{Again, Asking, PATIENCE, Sent};
use super::chain::Chain;
use super::current::Current;
use super::files::Files;
use super::head::{Extent, Head, Seen};
use super::inbox::Inbox;
use super::json::damaged;
use super::layout::{Layout, is_run, number_of};
use super::log::BucketLog;
use super::push::Pusher;
use super::reader::Reader;
use super::take::{Held, Taker, refuse_strangers};
use super::terms::Terms;
use crate::clock::{Clock, after};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Artifact, Entry, Holder, Letter, LockView, Waiting};
use crate::state::{Home, Pushed, Taken, is_of_run, new_id, refuse_other_plan, run_of};

/// The folder of a plan in a bucket.
#[derive(Debug)]
pub(super) struct BucketHome {
    asking: Asking,
    layout: Layout,
    terms: Terms,
    clock: Clock,
    folder: PathBuf,
    inbox: Inbox,
    files: Arc<Files>,
    current: Current,
}

impl BucketHome {
    pub fn new(asking: Asking, plan: &str, terms: Terms, clock: Clock, folder: PathBuf) -> Self {
        let layout = Layout::new(plan);
        let inbox = Inbox::new(asking.clone(), layout.clone());
        let files =
            Arc::new(Files::new(asking.clone(), layout.clone(), folder.clone(), clock.clone()));
        Self { asking, layout, terms, clock, folder, inbox, files, current: Current::default() }
    }

    async fn head(&self) -> Result<Option<Seen>> {
        let key = self.layout.head();
        self.asking.read(&key).await?.map(|read| Seen::parse(read, &key)).transpose()
    }

    /// Reads a run up to its end.
    async fn read(&self, run: &str, extent: &Extent) -> Result<Vec<Entry>> {
        self.checked(self.chain(run, extent).await?)
    }

    async fn chain(&self, run: &str, extent: &Extent) -> Result<Chain> {
        let reader = Reader::new(&self.asking, &self.layout, run);
        let mut chain = reader.read(extent).await?;
        reader.go_on(&mut chain).await?;
        Ok(chain)
    }

    fn taker<'a>(&'a self, holder: &'a Holder) -> Taker<'a> {
        Taker {
            asking: &self.asking,
            layout: &self.layout,
            terms: self.terms,
            clock: &self.clock,
            holder,
            id: new_id(self.clock.now()),
        }
    }

    fn checked(&self, chain: Chain) -> Result<Vec<Entry>> {
        let key = self.layout.segment(chain.run(), 1);
        if !chain.entries.is_empty() && !is_of_run(&chain.entries, chain.run()) {
            return Err(damaged(format!("`{key}` is the beginning of another run")));
        }
        refuse_other_plan(&chain.entries, &format!("`{key}`"), self.layout.plan())?;
        Ok(chain.entries)
    }

    /// Returns the run that letters are for.
    async fn run(&self) -> Result<Option<String>> {
        if let Some(run) = self.current.run() {
            return Ok(Some(run));
        }
        let Some(Seen { head, .. }) = self.head().await? else { return Ok(None) };
        match (head.run, head.before) {
            (Some(run), Some(before)) => {
                let has_begun = Reader::new(&self.asking, &self.layout, &run).has_begun().await?;
                Ok(Some(if has_begun { run } else { before.run }))
            }
            (run, _) => Ok(run),
        }
    }

    /// Returns when a run began, by the store's clock.
    async fn began(&self, run: &str) -> Result<Option<jiff::Timestamp>> {
        if let Some(began) = self.current.began(run) {
            return Ok(Some(began));
        }
        let began = self.asking.read(&self.layout.segment(run, 1)).await?.map(|read| read.modified);
        if let Some(began) = began {
            self.current.set_began(run, began);
        }
        Ok(began)
    }
}

#[async_trait]
impl Home for BucketHome {
    fn shown(&self) -> String {
        format!("{}/{}", self.asking.uri().trim_end_matches('/'), self.layout.plan())
    }

    async fn entries(&self) -> Result<Vec<Entry>> {
        let Some(Seen { head, .. }) = self.head().await? else {
            refuse_strangers(&self.asking, &self.layout).await?;
            return Ok(Vec::new());
        };
        let entries = match &head.run {
            Some(run) => self.read(run, &head.extent).await?,
            None => Vec::new(),
        };
        match head.before {
            Some(before) if entries.is_empty() => self.read(&before.run, &before.extent).await,
            _ => Ok(entries),
        }
    }

    async fn entries_of(&self, run: &str) -> Result<Option<Vec<Entry>>> {
        if !is_run(run) {
            return Ok(None);
        }
        let head = self.head().await?.map(|seen| seen.head);
        let extent = match head.as_ref().and_then(|head| head.extent_of(run)) {
            Some(extent) => extent.clone(),
            None => {
                let listed = self.asking.list(&self.layout.log(run)).await?;
                let last = listed.iter().filter_map(|found| number_of(&found.key)).max();
                Extent { last_segment: last.unwrap_or(0), ..Extent::default() }
            }
        };
        let chain = self.chain(run, &extent).await?;
        // What came from elsewhere is no run before a head names it, after which whoever takes it leaves a fence.
        if chain.epoch == 0 && head.is_some_and(|head| head.extent_of(run).is_none()) {
            return Ok(None);
        }
        let entries = self.checked(chain)?;
        Ok(Some(entries).filter(|entries| !entries.is_empty()))
    }

    /// A holder is believed until its lease and what it may be late have passed by this machine's clock, which may be wrong:
    /// only [`Home::take`] decides.
    async fn holder(&self) -> Result<Option<LockView>> {
        let Some(seen) = self.head().await? else { return Ok(None) };
        let ends = after(seen.modified, self.terms.believed(seen.head.lease()));
        Ok(seen.lock().filter(|_| self.clock.now() < ends))
    }

    async fn lock(&self) -> Result<Option<LockView>> {
        Ok(self.head().await?.and_then(|seen| seen.lock()))
    }

    /// A holder lists the inbox every few seconds, between steps and requests of its own.
    fn notices_within(&self) -> Duration {
        Duration::from_secs(20)
    }

    /// A holder that is at work loses the plan too: it finds that out before it writes another event, and at its next renewal
    /// at the latest. Until then it may do what it has already said that it will.
    async fn unlock(&self, id: &str) -> Result<()> {
        let key = self.layout.head();
        let mut sent = Vec::new();
        let mut again = Again::within(&key, PATIENCE);
        loop {
            let seen = match self.head().await? {
                Some(seen) if sent.contains(&seen.head.nonce) => return Ok(()),
                Some(seen) if seen.head.lock.as_deref() == Some(id) => seen,
                // Somebody took it since.
                _ if !sent.is_empty() => return Ok(()),
                _ => {
                    let message = format!("there is no lock `{id}`");
                    return Err(Error::new(ErrorKind::NotFound, message)
                        .with_hint("`vecshift lock show` prints the lock that is there"));
                }
            };
            let nonce = new_id(self.clock.now());
            sent.push(nonce.clone());
            let epoch = seen.head.epoch + 1;
            let head = Head { epoch, nonce, lock: None, holder: None, ..seen.head };
            let within = self.terms.renewal();
            let put = self.asking.replace(&key, head.bytes()?, &seen.version, within).await?;
            match Sent::from(put) {
                Sent::Known(_) => return Ok(()),
                Sent::Open(why) => again.wait(why).await?,
            }
        }
    }

    async fn take(&self, holder: &Holder) -> Result<Taken> {
        let (asking, layout) = (self.asking.clone(), self.layout.clone());
        let taker = self.taker(holder);
        let Held { lease, mut chain, tail } = taker.take().await?;
        let entries = match &mut chain {
            Some(chain) => {
                self.current.set(chain.run());
                std::mem::take(&mut chain.entries)
            }
            None => Vec::new(),
        };
        let log = BucketLog::new(
            asking,
            layout,
            (lease, taker.id),
            (chain, tail),
            (self.current.clone(), self.files.clone()),
        );
        Ok(Taken { log: Box::new(log), entries })
    }

    async fn push(&self, holder: &Holder, pushed: &[Entry]) -> Result<Pushed> {
        let (run, wrote) = run_of(pushed)?;
        let (taker, files) = (self.taker(holder), &self.files);
        Pusher { taker, files, run: &run, pushed, wrote: &wrote }.push().await
    }

    async fn ask(&self, letter: &Letter) -> Result<String> {
        let id = new_id(self.clock.now());
        self.inbox.put(&id, letter).await?;
        Ok(id)
    }

    /// Letters stay where they are. Those to other runs, and those to whatever run was open that are older than this one, are
    /// not for it.
    async fn letters(&self) -> Result<Vec<Waiting>> {
        let letters = match self.current.run() {
            // A run looks before each of its steps.
            Some(_) => self.inbox.letters_of_late().await?,
            None => self.inbox.letters().await?,
        };
        if letters.is_empty() {
            return Ok(Vec::new());
        }
        let Some(run) = self.run().await? else {
            return Ok(letters.into_iter().map(|left| left.waiting).collect());
        };
        let is_to_any = letters.iter().any(|left| left.waiting.letter.run.is_none());
        let began = if is_to_any { self.began(&run).await? } else { None };
        let is_for_it = |left: &super::inbox::Left| match &left.waiting.letter.run {
            Some(of) => *of == run,
            None => began.is_none_or(|began| left.at >= began),
        };
        Ok(letters.into_iter().filter(is_for_it).map(|left| left.waiting).collect())
    }

    async fn withdraw(&self, id: &str) -> Result<()> {
        self.inbox.withdraw(id).await
    }

    async fn answered(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn restore(&self, run: &str) -> Result<()> {
        self.files.restore(run).await
    }

    async fn keep(&self, run: &str, path: &Path) -> Result<Option<String>> {
        self.files.keep(run, path).await
    }

    async fn fetch(&self, run: &str, artifact: &Artifact, to: &Path) -> Result<()> {
        self.files.fetch(run, artifact, to).await
    }

    fn folder(&self) -> PathBuf {
        self.folder.clone()
    }
}
