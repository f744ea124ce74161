//! A walk through the rows of a namespace, row group by row group in the order of the files.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::future::FutureExt;
use futures::stream::{self, StreamExt};

use super::census::Held;
use super::lookup::Listed;
use super::shelf::Shelf;
use super::span::{Place, Way};
use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Cursor, Namespace, Record, RecordId};
use crate::provider::parquet::{BATCH_ROWS, Chosen, GroupRows, Part, RowReader};
use crate::store::calls::{Calls, Operation, Request};
use crate::store::read::{IdChunk, Ids, Pages, Picks, Reading};

/// A row group of which less than one row in so many is read: its rows are looked for by their ids and namespaces first,
/// so that pages of vectors without any are passed over.
const SPARSE: u64 = 8;

/// Rows that are passed over before a page is given that holds what was picked of them.
const PASSED: u64 = 65_536;

/// What is read, and of which rows.
struct Of {
    namespace: Namespace,
    groups: Vec<GroupOf>,
    picks: Option<Picks>,
}

/// A row group of the walk.
struct GroupOf {
    held: Held,
    reader: Arc<RowReader>,
    path: Arc<str>,
    /// Rows of the namespace in the groups before it.
    before: u64,
}

/// How far a walk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Behind {
    /// The group, as the walk counts them, and how many of its rows are done.
    group: usize,
    rows: u64,
    /// Rows of the namespace that are done.
    done: u64,
}

/// What a walk begins with.
pub(super) struct Start<'a> {
    pub namespace: &'a Namespace,
    pub way: Way,
    pub after: &'a Cursor,
    pub picks: Option<Picks>,
}

/// A walk, and where it is.
pub(super) struct Walk<T> {
    calls: Calls,
    listed: Arc<Listed>,
    of: Arc<Of>,
    /// Rows of the namespace in all groups.
    all: u64,
    /// What has been decoded and is not given yet, unless it is in use or was lost.
    hand: Mutex<Option<Hand<T>>>,
    behind: Behind,
    is_over: bool,
}

impl<T: Part> Walk<T> {
    /// Begins behind a place.
    ///
    /// # Errors
    /// `Invalid` for a place of another store; `Conflict` for one that is not in the files; those of opening them.
    pub async fn begin(
        (shelf, listed, calls): (&Shelf, Arc<Listed>, Calls),
        Start { namespace, way, after, picks }: Start<'_>,
    ) -> Result<Self> {
        let place = Place::of(after)?;
        let (files, census) = (shelf.files().await?, shelf.census().await?);
        let mut all = 0;
        let group = |held: Held| {
            let (before, file) = (all, held.of(files));
            all += held.rows;
            GroupOf { held, reader: file.rows.clone(), path: file.path.clone(), before }
        };
        let groups = census.within(namespace, &way, files).into_iter().map(group).collect();
        let of = Arc::new(Of { namespace: namespace.clone(), groups, picks });
        let behind = match place {
            None => Behind { group: 0, rows: 0, done: 0 },
            Some(place) => {
                let of = of.clone();
                blocking(move || of.find(&place)).await?
            }
        };
        let is_over = *after == Cursor::End;
        Ok(Self { calls, listed, of, all, hand: Mutex::default(), behind, is_over })
    }

    /// Reads so many rows, or what is left, and how many were passed on the way; `None` at the end. It goes on where the
    /// last success was.
    async fn page(&mut self, most: usize, request: Request) -> Result<Option<Taken<T>>> {
        if self.is_over {
            return Ok(None);
        }
        let this = &*self;
        let operation = Operation::new(request).within(&this.of.namespace).of(most);
        let taken = this.calls.call(operation, &|| this.attempt(most).boxed()).await?;
        self.is_over = taken.after == Cursor::End;
        self.behind = taken.behind;
        Ok(Some(taken))
    }

    async fn attempt(&self, most: usize) -> Result<Taken<T>> {
        let held = self.hand.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut hand = held.unwrap_or_else(|| Hand::at(self.behind));
        let of = self.of.clone();
        let take = move || {
            let (parts, behind) = hand.take(&of, most.max(1))?;
            Ok((hand, parts, behind))
        };
        let (hand, parts, behind) = blocking(take).await?;
        *self.hand.lock().unwrap_or_else(PoisonError::into_inner) = Some(hand);
        let after = match self.of.groups.get(behind.group) {
            Some(group) if behind.done < self.all => {
                let (file, group) = (group.path.to_string(), group.held.group as usize);
                Place { file, group, rows: behind.rows }.cursor()
            }
            _ => Cursor::End,
        };
        Ok(Taken { parts, found: behind.done - self.behind.done, behind, after })
    }
}

/// What was taken of a walk.
struct Taken<T> {
    parts: Vec<Ready<T>>,
    /// Rows of the namespace that were passed.
    found: u64,
    behind: Behind,
    after: Cursor,
}

impl Walk<Record> {
    /// The rest, page by page. What comes next is decoded while a page is on its way.
    pub fn pages(self, how: &Reading) -> Pages {
        let how = how.clone();
        let next = move |mut walk: Self| {
            let how = how.clone();
            async move {
                let most = how.size.ids();
                let held = how.room.take(most * how.size.held() * how.weight).await?;
                let Some(taken) = walk.page(most, Request::Read).await? else { return Ok(None) };
                let records: Vec<Record> =
                    taken.parts.into_iter().map(|ready| ready.part).collect();
                let counts = (taken.found, records.len() as u64);
                Ok(Some((how.page(records, counts, taken.after, held), walk)))
            }
        };
        stream::try_unfold(self, next).boxed()
    }
}

#[async_trait]
impl Ids for Walk<RecordId> {
    async fn next(&mut self, most: usize) -> Result<Option<IdChunk>> {
        let Some(taken) = self.page(most, Request::List).await? else { return Ok(None) };
        let is_of_one = |a: &Ready<_>, b: &Ready<_>| a.behind.group == b.behind.group;
        for some in taken.parts.chunk_by(is_of_one) {
            let group = some.first().and_then(|first| self.of.groups.get(first.behind.group));
            if let Some(group) = group {
                let rows = some.iter().map(|ready| (ready.behind.rows - 1, &ready.part));
                self.listed.remember(&self.of.namespace, group.held, rows);
            }
        }
        let ids = taken.parts.into_iter().map(|ready| ready.part).collect();
        Ok(Some(IdChunk { ids, after: taken.after }))
    }
}

impl Of {
    fn is_wanted(&self, namespace: &str) -> bool {
        Namespace::canonical(namespace) == self.namespace.as_str()
    }

    /// Rows of the namespace up to the end of a group, as the walk counts them.
    fn done_with(&self, group: usize) -> u64 {
        self.groups.get(group).map_or(0, |of| of.before + of.held.rows)
    }

    fn short(&self, done: u64, expected: u64) -> Error {
        let message = format!("{done} of {expected} rows of `{}` could be read", self.namespace);
        Error::new(ErrorKind::Conflict, message)
    }

    /// Finds a place among the groups.
    fn find(&self, place: &Place) -> Result<Behind> {
        let is_it = |of: &GroupOf| *of.path == *place.file && of.held.group as usize == place.group;
        let found = self.groups.iter().position(is_it);
        let found = found.and_then(|at| Some((at, self.groups.get(at)?)));
        let (group, of) = found.ok_or_else(|| lost(place))?;
        let mut done = of.before;
        match of.reader.namespace() {
            Some(_) => done += place.rows,
            None => {
                for names in of.reader.names(place.group)? {
                    for row in names?.rows() {
                        let (row, namespace, _) = row?;
                        done += u64::from(row < place.rows && self.is_wanted(namespace));
                    }
                }
            }
        }
        if done > self.done_with(group) {
            return Err(lost(place));
        }
        Ok(Behind { group, rows: place.rows, done })
    }
}

fn lost(place: &Place) -> Error {
    let message = format!(
        "the files are not those that were read: there is no row {} of row group {} in {} any more",
        place.rows, place.group, place.file
    );
    Error::new(ErrorKind::Conflict, message)
        .with_hint("run the same command again: what is left of the namespace is planned anew")
}

/// What of a walk has been decoded and not given yet.
struct Hand<T> {
    /// Behind what was decoded.
    at: Behind,
    rows: Option<Open<T>>,
    ready: VecDeque<Ready<T>>,
}

/// The row group that is being read.
struct Open<T> {
    rows: GroupRows<T>,
    /// How many rows of the namespace are done with each row that is read, if that is not every one.
    done: Option<VecDeque<u64>>,
}

/// What was read of a row, and the place behind it.
struct Ready<T> {
    behind: Behind,
    part: T,
}

impl<T: Part> Hand<T> {
    fn at(behind: Behind) -> Self {
        Self { at: behind, rows: None, ready: VecDeque::new() }
    }

    /// Decodes until there are so many, or no more; returns them, and the place behind them.
    fn take(&mut self, of: &Of, most: usize) -> Result<(Vec<Ready<T>>, Behind)> {
        let from = self.at.done;
        while self.ready.len() < most && self.at.done - from < PASSED {
            let Some(group) = of.groups.get(self.at.group) else { break };
            if self.at.done == of.done_with(self.at.group) && self.rows.is_none() {
                self.at = Behind { group: self.at.group + 1, rows: 0, ..self.at };
                continue;
            }
            match &mut self.rows {
                None => self.rows = Some(Open::at(of, group, self.at, most)?),
                Some(_) => self.decode(of)?,
            }
        }
        let given: Vec<_> = self.ready.drain(..most.min(self.ready.len())).collect();
        let behind = match (self.ready.is_empty(), given.last()) {
            (false, Some(last)) => last.behind,
            _ => self.at,
        };
        Ok((given, behind))
    }

    /// Decodes the next batch of the open group, or closes it at its end.
    fn decode(&mut self, of: &Of) -> Result<()> {
        let Some(open) = &mut self.rows else { return Ok(()) };
        let Some(batch) = open.rows.next(&|namespace| of.is_wanted(namespace))? else {
            let expected = of.done_with(self.at.group);
            // Where rows were chosen, those that were not were counted with them.
            if open.done.is_none() && self.at.done != expected {
                return Err(of.short(self.at.done, expected));
            }
            self.at = Behind { group: self.at.group + 1, rows: 0, done: expected };
            self.rows = None;
            return Ok(());
        };
        for (row, part) in batch {
            let done = match &mut open.done {
                Some(known) => known.pop_front().unwrap_or(self.at.done),
                None => self.at.done + 1,
            };
            self.at = Behind { rows: row + 1, done, ..self.at };
            let is_picked =
                open.done.is_some() || of.picks.as_ref().is_none_or(|picks| picks(part.id()));
            if is_picked {
                self.ready.push_back(Ready { behind: self.at, part });
            }
        }
        Ok(())
    }
}

impl<T: Part> Open<T> {
    /// Opens a group behind some of its rows.
    fn at(of: &Of, group: &GroupOf, at: Behind, most: usize) -> Result<Self> {
        let number = group.held.group as usize;
        let some = if T::IS_LARGE { sparse(of, group, at)? } else { None };
        let (chosen, done) = match some {
            Some((rows, done)) => (Chosen::Only(rows), Some(done)),
            None => (Chosen::From(at.rows), None),
        };
        let rows = GroupRows::open(group.reader.clone(), number, chosen, most.min(BATCH_ROWS))?;
        Ok(Self { rows, done })
    }
}

/// Returns the rows of a group that are read, with how many rows of the namespace are done with each, if they are few.
fn sparse(of: &Of, group: &GroupOf, at: Behind) -> Result<Option<(Vec<u64>, VecDeque<u64>)>> {
    let number = group.held.group as usize;
    let all = group.reader.group(number);
    let all = all.end - all.start;
    if of.picks.is_none() && group.held.rows * SPARSE > all {
        return Ok(None);
    }
    let (mut rows, mut dones, mut done) = (Vec::new(), VecDeque::new(), at.done);
    for names in group.reader.names(number)? {
        for row in names?.rows() {
            let (row, namespace, id) = row?;
            if row < at.rows || !of.is_wanted(namespace) {
                continue;
            }
            done += 1;
            if of.picks.as_ref().is_none_or(|picks| picks(&group.reader.id(id))) {
                rows.push(row);
                dones.push_back(done);
            }
        }
        if rows.len() as u64 * SPARSE > all {
            return Ok(None);
        }
    }
    let expected = group.before + group.held.rows;
    if done != expected {
        return Err(of.short(done, expected));
    }
    Ok(Some((rows, dones)))
}
