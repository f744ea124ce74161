//! A walk through the rows of a namespace in the order of the table's key, within a view if there is one.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::future::FutureExt;
use futures::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};

use super::peer::Peer;
use super::range::{Cursor as Behind, Range as Keys, order};
use super::row::Parts;
use super::scan::{Budget, Page as Found, Reader, Scope as Rows};
use super::snapshot::View;
use super::within::Within;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{self, Cursor, Namespace, Range, Record};
use crate::plan::file::NamedEnumeration;
use crate::store::calls::{Calls, Operation, Request};
use crate::store::read::{IdChunk, Ids, Pages, Reading};
use crate::store::{Asked, Scope, Split, Splitting};

/// Rows of a range that is worth a walk of its own.
const RANGE_ROWS: u64 = 100_000;

/// The most ranges of a namespace.
const MOST_RANGES: u64 = 16;

/// A range as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Way {
    Keys(Keys),
}

/// A place as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Place {
    Behind(Behind),
}

/// All rows of a namespace.
pub(super) fn whole() -> Range {
    Range::new(&Way::Keys(Keys::default()))
}

/// Reads a range that was split off here.
///
/// # Errors
/// `Invalid` if another store made it.
pub(super) fn keys_of(range: &Range) -> Result<Keys> {
    let Way::Keys(keys) = range.inside().ok_or_else(|| {
        Error::invalid("a range is not one of a table").with_context("range", range.name())
    })?;
    Ok(keys)
}

/// A walk, and where it is.
pub(super) struct Walk {
    peer: Arc<Peer>,
    calls: Calls,
    /// The table that is read; `None` if the namespace has none.
    within: Option<Within>,
    namespace: Namespace,
    keys: Keys,
    parts: Parts,
    view: View,
    /// The session that reads, unless it is in use or was lost.
    reader: Mutex<Option<Reader>>,
    place: Option<Behind>,
    is_over: bool,
}

impl Walk {
    /// Begins behind `after`.
    ///
    /// # Errors
    /// `Invalid` for a range or a place of another store; `Refused` if the table has no key; those of the connection.
    pub async fn begin(
        (peer, calls): (Arc<Peer>, Calls),
        namespace: &Namespace,
        range: &Range,
        after: &Cursor,
        (parts, view): (Parts, Option<&model::View>),
    ) -> Result<Self> {
        let keys = keys_of(range)?;
        let place = after.inside()?.map(|Place::Behind(behind)| behind);
        let begin = || peer.within(namespace).boxed();
        let within = calls.call(Operation::new(Request::Describe), &begin).await?;
        Ok(Self {
            peer,
            calls,
            is_over: *after == Cursor::End || within.is_none(),
            within,
            namespace: namespace.clone(),
            keys,
            parts,
            view: view.map_or(View::Live, View::of),
            reader: Mutex::default(),
            place,
        })
    }

    /// Reads so many rows, or what is left; `None` at the end. It goes on where the last success was.
    async fn page(&mut self, most: usize) -> Result<Option<(Found, Cursor)>> {
        if self.is_over {
            return Ok(None);
        }
        let this = &*self;
        let read = || this.attempt(most).boxed();
        let operation = Operation::new(Request::Read).within(&this.namespace).of(most);
        let found = this.calls.call(operation, &read).await?;
        self.is_over = found.next.is_none();
        let after = match &found.next {
            None => Cursor::End,
            Some(behind) => {
                self.place = Some(behind.clone());
                Cursor::at(&Place::Behind(behind.clone()))
            }
        };
        Ok(Some((found, after)))
    }

    async fn attempt(&self, most: usize) -> Result<Found> {
        let Some(within) = &self.within else { return Ok(Found { records: vec![], next: None }) };
        let mut reader = match self.idle().filter(|reader| !reader.session().is_closed()) {
            Some(reader) => reader,
            None => self.open(within).await?,
        };
        let budget = Budget { records: most.max(1), bytes: usize::MAX };
        let page = reader.page(&self.keys, self.place.as_ref(), budget).await?;
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(reader);
        Ok(page)
    }

    fn idle(&self) -> Option<Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn open(&self, within: &Within) -> Result<Reader> {
        let rows = Rows { partition: Some(within.namespace.clone()), filter: None };
        let (peer, mapping) = (&self.peer, within.seen.mapping.clone());
        Reader::open(&peer.address, peer.settings, &self.view, mapping, rows, self.parts).await
    }

    /// The rest, page by page.
    pub fn pages(self, how: &Reading) -> Pages {
        let how = how.clone();
        let next = move |mut walk: Self| {
            let how = how.clone();
            async move {
                let most = how.size.ids();
                let held = how.room.take(most * how.size.held() * how.weight).await?;
                let Some((found, after)) = walk.page(most).await? else { return Ok(None) };
                let count = found.records.len() as u64;
                let picked = found.records.into_iter().filter(|record| match &how.picks {
                    None => true,
                    Some(picks) => picks(&record.id),
                });
                let records: Vec<Record> = picked.collect();
                let counts = (count, records.len() as u64);
                Ok(Some((how.page(records, counts, after, held), walk)))
            }
        };
        stream::try_unfold(self, next).boxed()
    }
}

#[async_trait]
impl Ids for Walk {
    async fn next(&mut self, most: usize) -> Result<Option<IdChunk>> {
        let Some((found, after)) = self.page(most).await? else { return Ok(None) };
        let id = |record: &Record| record.id.clone();
        Ok(Some(IdChunk { ids: found.records.iter().map(id).collect(), after }))
    }
}

/// Splits a namespace into ranges of its key, each with its count.
///
/// # Errors
/// `Refused` if the table has no key, or is to be read by anything else.
pub(super) async fn split(
    (peer, calls): (&Peer, &Calls),
    scope: Scope<'_>,
    asked: Asked<'_>,
) -> Result<Split> {
    if !matches!(asked.by, NamedEnumeration::Auto | NamedEnumeration::List) {
        let message = "a table is read in the order of its key, and no other way";
        return Err(Error::new(ErrorKind::Refused, message)
            .with_hint("leave `enumerate` out of the copy stage"));
    }
    let look = || peer.known().boxed();
    order(&calls.call(Operation::new(Request::Describe), &look).await?.mapping)?;
    let why = "a table is read in the order of its key";
    let want = (scope.records / RANGE_ROWS).min(MOST_RANGES);
    if want < 2 {
        return Ok(Split::whole(whole(), scope.records, "keys", why));
    }
    let view = asked.view.map_or(View::Live, View::of);
    let cut = || cut(peer, &view, scope.namespace, want as usize).boxed();
    let ranges = calls.call(counting(scope.namespace), &cut).await?;
    let detail = Some(format!("{} ranges of the key", ranges.len()));
    Ok(Split { ranges, name: "keys", why, detail, gap: None })
}

async fn cut(
    peer: &Peer,
    view: &View,
    namespace: &Namespace,
    want: usize,
) -> Result<Vec<Splitting>> {
    let Some(reader) = keys_in(peer, view, namespace).await? else { return Ok(Vec::new()) };
    let mut ranges = Vec::new();
    for keys in reader.split(want).await? {
        let records = reader.count(&keys).await?;
        ranges.push(Splitting { range: Range::new(&Way::Keys(keys)), records });
    }
    Ok(ranges)
}

/// Counts the rows of a range; `None` for a whole namespace.
///
/// # Errors
/// Those of [`Walk::begin`].
pub(super) async fn recount(
    (peer, calls): (&Peer, &Calls),
    namespace: &Namespace,
    range: &Range,
) -> Result<Option<u64>> {
    if !is_part(range) {
        return Ok(None);
    }
    let keys = keys_of(range)?;
    let count = || {
        let keys = keys.clone();
        async move {
            match keys_in(peer, &View::Live, namespace).await? {
                Some(reader) => reader.count(&keys).await,
                None => Ok(0),
            }
        }
        .boxed()
    };
    calls.call(counting(namespace), &count).await.map(Some)
}

/// It reads every row.
fn counting(namespace: &Namespace) -> Operation<'_> {
    Operation::new(Request::Stats).within(namespace).without_deadline()
}

/// Returns whether a range is less than its namespace.
pub(super) fn is_part(range: &Range) -> bool {
    keys_of(range).is_ok_and(|keys| keys != Keys::default())
}

/// Begins to read the keys of a namespace in a view; `None` if nothing holds it.
async fn keys_in(peer: &Peer, view: &View, namespace: &Namespace) -> Result<Option<Reader>> {
    let Some(Within { seen, namespace }) = peer.within(namespace).await? else { return Ok(None) };
    let rows = Rows { partition: Some(namespace), filter: None };
    let (address, mapping) = (&peer.address, seen.mapping.clone());
    Reader::open(address, peer.settings, view, mapping, rows, Parts::IDS).await.map(Some)
}
