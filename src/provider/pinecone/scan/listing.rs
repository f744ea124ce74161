//! The ids that an index lists, in order, read ahead of whoever takes them.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc::{Receiver, channel};

use super::listing_walk::{Behind, Listed, Lister, Walk};
use super::way::Place;
use crate::error::{Error, Result};
use crate::model::{Cursor, Namespace, RecordId};
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
    /// Begins to list a namespace at once, with up to `lists` requests under way; `expected` is how many ids there are,
    /// about.
    pub fn start(
        index: Arc<dyn Lister>,
        namespace: Namespace,
        cursor: &Cursor,
        (lists, expected): (usize, u64),
    ) -> Result<Self> {
        let (sender, pages) = channel(AHEAD);
        let walk = Walk::new(index, namespace, cursor, (lists, expected))?;
        let page = Listed::default();
        Ok(Self { pages, page, last: None, is_over: false, _walk: begin(walk.run(sender)) })
    }

    /// Where to go on: with the next page, or with this one behind the last id that was given.
    fn place(&self) -> Cursor {
        let after = self.last.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default();
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

    use super::*;
    use crate::provider::pinecone::plane::IdPage;

    /// Ids in pages of a hundred, each 9 ms away.
    struct Far {
        ids: BTreeSet<RecordId>,
        lists: AtomicUsize,
    }

    #[async_trait]
    impl Lister for Far {
        async fn list(&self, _: &Namespace, prefix: &str, page: Option<&str>) -> Result<IdPage> {
            self.lists.fetch_add(1, SeqCst);
            tokio::time::sleep(Duration::from_millis(9)).await;
            let from = RecordId::from(page.unwrap_or(prefix));
            let behind = self.ids.range(from..).filter(|id| Some(id.as_str()) != page);
            let own = behind.take_while(|id| id.as_str().starts_with(prefix));
            let ids: Vec<RecordId> = own.take(101).cloned().collect();
            let next = (ids.len() > 100).then(|| ids[99].as_str().to_owned());
            Ok(IdPage { ids: ids.into_iter().take(100).collect(), next })
        }
    }

    /// All ids from a cursor on, and the cursor behind every thousand.
    async fn list(index: &Arc<Far>, from: &Cursor) -> (Vec<RecordId>, Vec<Cursor>) {
        let expected = index.ids.len() as u64;
        let mut listing = Listing::start(index.clone(), "a".into(), from, (8, expected)).unwrap();
        let (mut ids, mut cursors) = (Vec::new(), Vec::new());
        while let Some(chunk) = listing.next(1_000).await.unwrap() {
            ids.extend(chunk.ids);
            cursors.push(chunk.after);
        }
        (ids, cursors)
    }

    /// An index far away is listed in parts. Whatever its ids look like, each is found once and in order, from every
    /// place on, and for not many more requests than its pages.
    #[tokio::test]
    async fn ids_that_are_listed_in_parts_are_all_of_them() {
        let hexadecimal =
            (0..12_000u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let nested = (0..9_000).map(|n| match n % 3 {
            0 => format!("{n}"),
            1 => format!("{}#{n}", n % 7),
            _ => format!("~{}{n}", "z".repeat(n % 5)),
        });
        let worlds: [(&str, Vec<String>); 3] = [
            ("numbers", (0..40_000).map(|number| format!("rec-{number:06}")).collect()),
            ("hexadecimal", hexadecimal.collect()),
            ("all sorts", nested.collect()),
        ];
        for (name, ids) in worlds {
            let ids = ids.into_iter().map(RecordId::from).collect();
            let index = Arc::new(Far { ids, lists: AtomicUsize::new(0) });
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
}
