//! The ids that an index lists, in order, read ahead of whoever takes them.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc::{Receiver, channel};

use super::by::Place;
use super::listing_walk::{Behind, Listed, Lister, Walk};
use crate::error::{Error, Result};
use crate::model::{Cursor, Namespace, RecordId};
use crate::provider::pinecone::turns::Turns;
use crate::store::read::{IdChunk, Ids, Task, begin};

/// Pages that wait to be taken.
const AHEAD: usize = 64;

/// A listing from a cursor on.
pub(super) struct Listing {
    pages: Receiver<Result<Listed>>,
    /// The page that ids are taken from.
    page: Listed,
    /// The last id that was given.
    last: Option<RecordId>,
    is_over: bool,
    _walk: Task<()>,
}

impl Listing {
    /// Begins to list a namespace at once; `expected` is how many ids there are, about.
    pub fn start(
        index: Arc<dyn Lister>,
        namespace: Namespace,
        cursor: &Cursor,
        (turns, expected): (Arc<Turns>, u64),
    ) -> Result<Self> {
        let (sender, pages) = channel(AHEAD);
        let walk = Walk::new(index, namespace, cursor, (turns, expected))?;
        let page = Listed::default();
        Ok(Self { pages, page, last: None, is_over: false, _walk: begin(walk.run(sender)) })
    }

    /// Where to go on: with the next page, or with this one behind the last id that was given.
    fn place(&self) -> Cursor {
        let after = self.last.as_ref().map(|id| id.to_string()).unwrap_or_default();
        let token = match (&self.page.behind, self.page.ids.is_empty()) {
            (Behind::Page(token), true) => Some(token),
            (Behind::Page(_) | Behind::End, false) => self.page.token.as_ref(),
            (Behind::Parts, _) | (Behind::End, true) => None,
        };
        match token {
            Some(token) => Cursor::at(&Place::Page { token: token.clone(), after }),
            None => Cursor::at(&Place::After(after)),
        }
    }
}

#[async_trait]
impl Ids for Listing {
    async fn next(&mut self, most: usize) -> Result<Option<IdChunk>> {
        if self.is_over {
            return Ok(None);
        }
        let most = most.max(1);
        let mut ids = Vec::new();
        loop {
            let count = self.page.ids.len().min(most - ids.len());
            ids.extend(self.page.ids.drain(..count));
            if self.page.ids.is_empty() && self.page.behind == Behind::End {
                self.is_over = true;
                return Ok(Some(IdChunk { ids, after: Cursor::End }));
            }
            if ids.len() == most {
                self.last = ids.last().cloned();
                return Ok(Some(IdChunk { ids, after: self.place() }));
            }
            let page = self.pages.recv().await;
            self.page = page.unwrap_or_else(|| Err(Error::unexpected("a listing broke off")))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    use futures::future::FutureExt;

    use super::*;
    use crate::clock::Stopwatch;
    use crate::provider::pinecone::plane::IdPage;
    use crate::store::calls::{CallOptions, Calls, Due, Operation, Request};

    /// Ids in pages of a hundred, each a round trip away, within a limit on lists.
    struct Far {
        ids: BTreeSet<RecordId>,
        lists: AtomicUsize,
        given: AtomicUsize,
        turns: Arc<Turns>,
        calls: Calls,
    }

    const ROUND_TRIP: Duration = Duration::from_millis(20);

    impl Far {
        fn new(ids: impl Iterator<Item = String>) -> Self {
            let ids = ids.map(RecordId::from).collect();
            let (lists, given) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let calls = Calls::new(CallOptions::within_rates());
            Self { ids, lists, given, turns: Turns::new(Some(RATE)), calls }
        }

        async fn page(&self, prefix: &str, page: Option<&str>) -> Result<IdPage> {
            self.lists.fetch_add(1, SeqCst);
            tokio::time::sleep(ROUND_TRIP).await;
            self.turns.took(ROUND_TRIP);
            let from = RecordId::from(page.unwrap_or(prefix));
            let behind = self.ids.range(from..).filter(|id| id.as_text() != page);
            let own = behind.take_while(|id| id.text().starts_with(prefix));
            let ids: Vec<RecordId> = own.take(101).cloned().collect();
            let next = (ids.len() > 100).then(|| ids[99].to_string());
            let ids: Vec<RecordId> = ids.into_iter().take(100).collect();
            self.given.fetch_add(ids.len(), SeqCst);
            Ok(IdPage { ids, next })
        }
    }

    /// Lists a second.
    const RATE: f64 = 200.0;

    #[async_trait]
    impl Lister for Far {
        async fn list(&self, _: &Namespace, prefix: &str, page: Option<&str>) -> Result<IdPage> {
            let due =
                || vec![Due { what: "list", rate: RATE, is_per_namespace: false, tokens: 1.0 }];
            let make = || self.page(prefix, page).boxed();
            self.calls.call(Operation::new(Request::List).using(&due), &make).await
        }
    }

    fn start(index: &Arc<Far>, from: &Cursor, expected: usize) -> Listing {
        let expected = (index.turns.clone(), expected as u64);
        Listing::start(index.clone(), "a".into(), from, expected).unwrap()
    }

    /// All ids from a cursor on, and the cursor behind every thousand.
    async fn list(index: &Arc<Far>, from: &Cursor) -> (Vec<RecordId>, Vec<Cursor>) {
        let mut listing = start(index, from, index.ids.len());
        let (mut ids, mut cursors) = (Vec::new(), Vec::new());
        while let Some(chunk) = listing.next(1_000).await.unwrap() {
            ids.extend(chunk.ids);
            cursors.push(chunk.after);
        }
        (ids, cursors)
    }

    fn numbered(count: usize) -> impl Iterator<Item = String> {
        (0..count).map(|number| format!("rec-{number:06}"))
    }

    fn hexadecimal(count: u64) -> impl Iterator<Item = String> {
        (0..count).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// An index far away is listed in parts. Whatever its ids look like, each is found once and in order, from every
    /// place on, and for not many more requests than its pages.
    #[tokio::test(start_paused = true)]
    async fn ids_that_are_listed_in_parts_are_all_of_them() {
        let nested = (0..30_000).map(|n| match n % 3 {
            0 => format!("{n}"),
            1 => format!("{}#{n}", n % 7),
            _ => format!("~{}{n}", "z".repeat(n % 5)),
        });
        let worlds = [
            ("numbers", Far::new(numbered(60_000))),
            ("hexadecimal", Far::new(hexadecimal(30_000))),
            ("all sorts", Far::new(nested)),
        ];
        for (name, index) in worlds {
            let index = Arc::new(index);
            let all: Vec<RecordId> = index.ids.iter().cloned().collect();
            let (found, cursors) = list(&index, &Cursor::Start).await;
            assert_eq!(found, all, "{name}");
            let (lists, pages) = (index.lists.load(SeqCst), all.len() / 100);
            assert!(lists <= pages * 5 / 2 + 100, "{name}: {lists} lists of {pages} pages");
            for (at, cursor) in cursors.into_iter().enumerate().step_by(7) {
                if cursor != Cursor::End {
                    let (found, _) = list(&index, &cursor).await;
                    assert_eq!(found, all[(at + 1) * 1_000..], "{name}: behind {at}");
                }
            }
        }
    }

    /// What is listed and waits is bounded, whoever takes it how slowly.
    #[tokio::test(start_paused = true)]
    async fn ids_that_nobody_takes_are_not_listed_without_end() {
        for taken in [0, 1_000, 20_000] {
            let index = Arc::new(Far::new(numbered(150_000)));
            let mut listing = start(&index, &Cursor::Start, index.ids.len());
            if taken > 0 {
                listing.next(taken).await.unwrap();
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
            let waiting = index.given.load(SeqCst) - taken;
            assert!((6_400..=6_400 + 96_000 + 600).contains(&waiting), "{taken}: {waiting} ids");
        }
    }

    /// Ids a second over 20 ms within 200 lists a second: of one namespace in parts, of some side by side, and of many
    /// that end together.
    #[tokio::test(start_paused = true)]
    async fn the_limit_on_lists_is_used_whatever_namespaces_there_are() {
        let falling: Vec<usize> =
            (1..=16).map(|n| (45_000.0 / f64::from(n).sqrt()) as usize).collect();
        for (sizes, least) in
            [(vec![80_000], 11_000.0), (vec![40_000; 3], 14_000.0), (falling, 19_000.0)]
        {
            let index = Arc::new(Far::new(numbered(0)));
            let begun = Stopwatch::start();
            let all = sizes.iter().map(|size| {
                let own = Far {
                    calls: index.calls.clone(),
                    turns: index.turns.clone(),
                    ..Far::new(numbered(*size))
                };
                async move { list(&Arc::new(own), &Cursor::Start).await.0.len() }
            });
            let found: usize = futures::future::join_all(all).await.into_iter().sum();
            assert_eq!(found, sizes.iter().sum::<usize>());
            let rate = found as f64 / begun.elapsed().as_secs_f64();
            assert!((least..20_000.0).contains(&rate), "{sizes:?}: {rate} ids a second");
        }
    }
}
