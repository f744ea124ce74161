//! The inbox of a plan: letters are created and never changed. One that is taken back has a mark beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::asking::{Asking, may_come_back};
use super::json;
use super::layout::{Layout, letter_of, withdrawn_of};
use crate::clock::Stopwatch;
use crate::error::{ErrorKind, Result};
use crate::journal::{Letter, Waiting};

/// The time between two lists for a run, which costs a request each.
const EVERY: Duration = Duration::from_secs(6);

/// Letters that are read at once.
const SIDE_BY_SIDE: usize = 32;

/// The letters to the runs of a plan. Each is read once.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    asking: Asking,
    layout: Layout,
    /// `None` for one that cannot be understood.
    read: Arc<Mutex<BTreeMap<String, Option<Letter>>>>,
    /// The letters as they were last listed.
    listed: Arc<Mutex<Option<Listing>>>,
}

/// The largest letter that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What an inbox held, and since when that is known.
type Listing = (Stopwatch, Vec<Left>);

/// A letter, and the time at which it was left by the store's clock.
#[derive(Clone, Debug)]
pub(super) struct Left {
    pub waiting: Waiting,
    pub at: Timestamp,
}

impl Inbox {
    pub fn new(asking: Asking, layout: Layout) -> Self {
        Self { asking, layout, read: Arc::default(), listed: Arc::default() }
    }

    pub async fn put(&self, id: &str, letter: &Letter) -> Result<()> {
        let bytes = json::line(letter)?;
        self.asking.put_own(&self.layout.letter(id), bytes.into()).await
    }

    pub async fn withdraw(&self, id: &str) -> Result<()> {
        let key = self.layout.withdrawn(id);
        // Whoever left the mark said the same.
        self.asking.put_own(&key, Bytes::from_static(b"{}\n")).await
    }

    /// Returns the same as [`Inbox::letters`], as it was some seconds ago at most, or before the bucket went away: a run that
    /// holds its plan waits for nothing here.
    pub async fn letters_of_late(&self) -> Result<Vec<Left>> {
        let known = self.listed().clone();
        if let Some((at, letters)) = &known
            && at.elapsed() < EVERY
        {
            return Ok(letters.clone());
        }
        let letters = tokio::time::timeout(EVERY, self.letters()).await;
        match letters {
            // A name that is none is somebody else's doing, and no reason to stop.
            Ok(Err(error)) if !may_come_back(&error) && error.kind() != ErrorKind::Invalid => {
                Err(error)
            }
            Ok(Ok(letters)) => Ok(letters),
            _ => {
                tracing::warn!("the inbox does not answer");
                let letters = known.map(|(_, letters)| letters).unwrap_or_default();
                *self.listed() = Some((Stopwatch::start(), letters.clone()));
                Ok(letters)
            }
        }
    }

    /// Returns whether a key is directly in the inbox.
    fn is_in(&self, key: &str) -> bool {
        let below =
            key.strip_prefix(&self.layout.inbox()).map(|below| below.trim_start_matches('/'));
        below.is_some_and(|name| !name.contains('/'))
    }

    /// Returns the letters that were not taken back, oldest first. The clocks of those who wrote them differ, the store's
    /// does not; where it says the same, their names decide.
    pub async fn letters(&self) -> Result<Vec<Left>> {
        let began = Stopwatch::start();
        let listed = self.asking.list(&self.layout.inbox()).await?;
        let withdrawn: BTreeSet<_> =
            listed.iter().filter_map(|found| withdrawn_of(&found.key)).collect();
        let mut letters: Vec<_> = listed
            .iter()
            .filter(|found| found.bytes <= LARGEST && self.is_in(&found.key))
            .filter_map(|found| Some((found.modified, letter_of(&found.key)?)))
            .filter(|(_, id)| !withdrawn.contains(id))
            .collect();
        letters.sort_unstable();
        self.read_new(letters.iter().map(|(_, id)| *id)).await?;
        let read = self.read();
        let left = |(at, id): (Timestamp, &str)| {
            let letter = read.get(id)?.clone()?;
            Some(Left { waiting: Waiting { id: id.to_owned(), letter }, at })
        };
        let letters: Vec<_> = letters.into_iter().filter_map(left).collect();
        drop(read);
        *self.listed() = Some((began, letters.clone()));
        Ok(letters)
    }

    /// Reads the letters that were not read before.
    async fn read_new(&self, ids: impl Iterator<Item = &str>) -> Result<()> {
        let new: Vec<String> = {
            let read = self.read();
            ids.filter(|id| !read.contains_key(*id)).map(str::to_owned).collect()
        };
        let fetch = async |id: String| -> Result<_> {
            let found = self.asking.read(&self.layout.letter(&id)).await?;
            Ok((id, found))
        };
        let found: Vec<_> =
            stream::iter(new).map(fetch).buffered(SIDE_BY_SIDE).try_collect().await?;
        for (id, found) in found {
            let Some(found) = found else { continue };
            let letter = serde_json::from_slice(&found.bytes);
            if let Err(error) = &letter {
                tracing::warn!(%error, id, "a letter in the inbox cannot be understood");
            }
            self.read().insert(id, letter.ok());
        }
        Ok(())
    }

    fn listed(&self) -> MutexGuard<'_, Option<Listing>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> MutexGuard<'_, BTreeMap<String, Option<Letter>>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
