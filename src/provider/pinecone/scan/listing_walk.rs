//! The walk through the pages of a listing.
//!
//! A listing goes from page to page, each named by the one before: one request at a time, a hundred ids each, which over
//! 20 ms is 5,000 ids a second at best, and less than one namespace may be written at. So where whoever takes ids waits for
//! them, and no other listing has a use for the requests, a namespace is cut into parts by the beginnings of their ids, which
//! an index can list by themselves, and several parts are listed at once.
//!
//! Parts follow one another in the order of the ids and leave no gap: behind an id `x`, that is a part for every
//! character that could stand in place of each of its own and sorts behind it. Most of them are empty, and cost one
//! request each. The ids are given in order, as if they had been listed in one go, and are counted by whoever proves a
//! copy complete. Ids are ASCII (Pinecone, "Database limits", 2026).

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::{Permit, Sender};

use super::by::Place;
use super::listing_part::{Part, empty_parts, parts_behind};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Cursor, Namespace, RecordId};
use crate::provider::pinecone::plane::IdPage;
use crate::provider::pinecone::turns::{Counted, Turns};
use crate::store::read::{Task, begin};
use crate::text::named;

/// Ids of a page (Pinecone, "List record IDs", 2026).
const PAGE: usize = 100;

/// Pages after which a listing may be cut: whoever takes only a few ids is not served better by parts.
const SEEN: usize = 3;

/// Most parts that may turn out to be empty, for each page that is expected. Each costs a request.
const EMPTY: usize = 2;

/// What parts have to save of the time that is left, as a part of it.
const WORTH: (u32, u32) = (4, 5);

/// Pages of a part that is cut once more, where more follow. Parts of ten and of sixteen times fewer ids are left whole.
const LARGE: usize = 200;

/// Ids that all listings of an index hold together, beside the pages that wait to be taken.
const HELD: usize = 96_000;

/// Those of them up to a part with which that part is not listed further: what is taken first comes first.
const AHEAD: usize = 32_000;

/// What lists the ids of a namespace page by page.
#[async_trait]
pub(super) trait Lister: Send + Sync {
    /// One page of the ids that begin with `prefix`, in bytewise order.
    async fn list(&self, namespace: &Namespace, prefix: &str, page: Option<&str>)
    -> Result<IdPage>;
}

/// One page.
#[derive(Debug)]
pub(super) struct Listed {
    pub ids: VecDeque<RecordId>,
    /// What it was asked for with; `None` for the first.
    pub token: Option<String>,
    pub behind: Behind,
}

impl Default for Listed {
    fn default() -> Self {
        Self { ids: VecDeque::new(), token: None, behind: Behind::Parts }
    }
}

/// What follows a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Behind {
    End,
    /// The page of this token.
    Page(String),
    /// Parts of the namespace.
    Parts,
}

pub(super) struct Walk {
    index: Arc<dyn Lister>,
    namespace: Namespace,
    turns: Arc<Turns>,
    _counted: Counted,
    /// Ids that are left, about.
    left: u64,
    /// What is left, in order; ids are taken from the first.
    parts: VecDeque<Part>,
    /// Whether the namespace was cut: no page is at its end for certain.
    is_cut: bool,
    /// Whether a part was cut because it was waited for. While others are taken from, those behind them are listed as well,
    /// so that it happens to the first large one.
    is_ramped: bool,
    /// Ids up to this one were given before.
    skip: Option<RecordId>,
    last: Option<RecordId>,
    next_key: usize,
    under_way: FuturesUnordered<Task<(usize, Result<IdPage>)>>,
}

impl Walk {
    pub fn new(
        index: Arc<dyn Lister>,
        namespace: Namespace,
        cursor: &Cursor,
        (turns, expected): (Arc<Turns>, u64),
    ) -> Result<Self> {
        let pages = expected as usize / PAGE;
        let mut walk = Self {
            index,
            namespace,
            _counted: turns.begin(),
            turns,
            left: expected,
            parts: VecDeque::new(),
            is_cut: false,
            is_ramped: false,
            skip: None,
            last: None,
            next_key: 1,
            under_way: FuturesUnordered::new(),
        };
        match cursor.inside()? {
            // Where it is cut, nothing that was given is listed again.
            Some(Place::After(id)) if id.is_ascii() && empty_parts(&id, 0, id.len()) <= pages => {
                walk.is_cut = true;
                walk.skip = Some(RecordId::new(&id));
                let behind = parts_behind(&id, 0, id.len());
                walk.put(0, std::iter::once(id.clone()).chain(behind));
            }
            Some(Place::Page { token, after }) => {
                walk.skip = Some(RecordId::new(&after));
                walk.parts.push_back(Part::all(Some(token)));
            }
            Some(Place::After(id)) => {
                walk.skip = Some(RecordId::new(&id));
                walk.parts.push_back(Part::all(None));
            }
            None => walk.parts.push_back(Part::all(None)),
        }
        Ok(walk)
    }

    pub async fn run(mut self, to: Sender<Result<Listed>>) -> Result<()> {
        let mut page = None;
        loop {
            let arrived = match self.step(&mut page, &to).await {
                Ok(arrived) => arrived,
                Err(error) => {
                    // Who no longer listens does not need it.
                    let _ = to.send(Err(error)).await;
                    return Ok(());
                }
            };
            let Some(room) = arrived else { continue };
            let Some(page) = page.take() else { return Ok(()) };
            let is_last = page.behind == Behind::End;
            room.send(Ok(page));
            if is_last {
                return Ok(());
            }
        }
    }

    /// Takes what arrives while the next page waits for room: then there is room for it. None of both without a receiver.
    async fn step<'a>(
        &mut self,
        page: &mut Option<Listed>,
        to: &'a Sender<Result<Listed>>,
    ) -> Result<Option<Permit<'a, Result<Listed>>>> {
        if page.is_none() {
            *page = self.next()?;
        }
        self.ask();
        let has_page = page.is_some();
        tokio::select! {
            room = to.reserve(), if has_page => match room {
                Ok(room) => Ok(Some(room)),
                Err(_) => Err(Error::unexpected("nobody takes what is listed")),
            },
            Some(answer) = self.under_way.next(), if !self.under_way.is_empty() => {
                let (key, page) = answer?;
                let is_waited_for = !has_page && to.capacity() == to.max_capacity();
                self.take(key, page, is_waited_for)?;
                Ok(None)
            }
            else => Err(Error::unexpected("a listing stands still")),
        }
    }

    /// The next page in order; `None` where it did not arrive yet.
    fn next(&mut self) -> Result<Option<Listed>> {
        loop {
            let Some(first) = self.parts.front_mut() else {
                return Ok(Some(Listed { behind: Behind::End, ..Listed::default() }));
            };
            if let Some((token, page)) = first.pages.pop_front() {
                let behind = match page.next {
                    _ if self.is_cut => Behind::Parts,
                    Some(token) => Behind::Page(token),
                    None => Behind::End,
                };
                return Ok(Some(Listed { ids: self.checked(page.ids)?, token, behind }));
            }
            if !first.is_done {
                return Ok(None);
            }
            self.parts.pop_front();
        }
    }

    /// Asks for pages, those of the first parts first.
    fn ask(&mut self) {
        let (at_once, left) = (self.turns.at_once(), self.left);
        let held: usize = self.parts.iter().map(Part::ids).sum();
        let (is_full, enough) = (held >= self.turns.share(HELD), self.turns.share(AHEAD));
        let mut ahead = 0;
        for (place, part) in self.parts.iter_mut().enumerate() {
            ahead += part.ids();
            let is_waited_for = place == 0 && ahead == 0;
            let is_enough = ahead >= enough || is_full && !is_waited_for;
            if self.under_way.len() >= at_once || is_enough {
                return;
            }
            if part.is_done || part.is_asked {
                continue;
            }
            part.is_asked = true;
            let (index, namespace, key) = (self.index.clone(), self.namespace.clone(), part.key);
            let (prefix, token) = (part.listed.clone(), part.token.clone());
            let turns = self.turns.clone();
            self.under_way.push(begin(async move {
                let _turn = turns.take(left).await?;
                Ok((key, index.list(&namespace, &prefix, token.as_deref()).await))
            }));
        }
    }

    /// Takes a page that arrived.
    fn take(&mut self, key: usize, page: Result<IdPage>, is_waited_for: bool) -> Result<()> {
        let Some(place) = self.parts.iter().position(|part| part.key == key) else { return Ok(()) };
        let part = &mut self.parts[place];
        part.is_asked = false;
        match page {
            // A token the peer no longer knows: begin again; what was given is passed over.
            Err(error) if error.kind() == ErrorKind::Invalid && part.can_begin_again() => {
                part.begin_again();
                self.skip = self.last.take().or(self.skip.take());
                return Ok(());
            }
            page => self.left = self.left.saturating_sub(part.arrived(page?)),
        }
        let (pages, turns) = (self.left as usize / PAGE, self.turns.clone());
        let is_worth = |empty: usize| {
            let times = turns.compare(pages, pages + empty);
            times.is_some_and(|(chain, parts)| parts * WORTH.1 < chain * WORTH.0)
        };
        let is_first = place == 0 && is_waited_for;
        let behind = match self.is_cut {
            true if is_first && !self.is_ramped => {
                // As many pages follow, for all that is known.
                let seen = part.seen();
                let is_quicker = |(chain, parts)| parts < chain;
                part.cut(SEEN, |empty| turns.compare(seen, empty).is_some_and(is_quicker))
            }
            true => part.cut(LARGE, |_| true),
            false if is_waited_for => {
                part.cut(SEEN, |empty| empty <= pages * EMPTY && is_worth(empty))
            }
            false => Vec::new(),
        };
        if !behind.is_empty() {
            self.is_ramped |= self.is_cut;
            self.is_cut = true;
            self.put(place + 1, behind.into_iter());
        }
        Ok(())
    }

    fn put(&mut self, place: usize, prefixes: impl Iterator<Item = String>) {
        for (offset, prefix) in prefixes.enumerate() {
            self.parts.insert(place + offset, Part::under(prefix, self.next_key));
            self.next_key += 1;
        }
    }

    /// The ids of a page that were not given before; they rise.
    fn checked(&mut self, ids: Vec<RecordId>) -> Result<VecDeque<RecordId>> {
        let mut checked = VecDeque::with_capacity(ids.len());
        for id in ids {
            if self.last.is_none() && self.skip.as_ref().is_some_and(|skip| id <= *skip) {
                continue;
            }
            if self.last.as_ref().is_some_and(|last| id <= *last) {
                return Err(self.out_of_order(&id));
            }
            self.last = Some(id.clone());
            checked.push_back(id);
        }
        Ok(checked)
    }

    fn out_of_order(&self, id: &RecordId) -> Error {
        let last = self.last.as_ref().and_then(RecordId::as_text).unwrap_or_default();
        Error::new(
            ErrorKind::Protocol,
            format!(
                "the source lists `{}` after `{}`: ids of a listing rise bytewise",
                id.shown(),
                named(last)
            ),
        )
        .with_context("namespace", self.namespace.explicit())
    }
}
