//! The ids that an index lists, in order, read ahead of whoever takes them.

use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, channel};

use super::listing_walk::{Behind, Listed, Walk};
use super::task::{Task, begin};
use crate::error::{Error, Result};
use crate::model::{Cursor, Namespace, RecordId};
use crate::provider::Source;

/// Pages that wait to be taken.
const AHEAD: usize = 64;

/// Some ids and the cursor after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdChunk {
    pub ids: Vec<RecordId>,
    pub after: Cursor,
}

/// A listing from a cursor on.
pub(super) struct Listing {
    pages: Receiver<Result<Listed>>,
    /// The page that ids are taken from.
    page: Listed,
    /// The last id that was given.
    last: Option<RecordId>,
    _walk: Task<()>,
}

impl Listing {
    /// Begins to list a namespace at once, with up to `lists` requests under way; `expected` is how many ids there are,
    /// about.
    pub fn start(
        index: Arc<dyn Source>,
        namespace: Namespace,
        cursor: &Cursor,
        (lists, expected): (usize, u64),
    ) -> Self {
        let (sender, pages) = channel(AHEAD);
        let walk = Walk::new(index, namespace, cursor, (lists, expected));
        Self { pages, page: Listed::default(), last: None, _walk: begin(walk.run(sender)) }
    }

    /// So many ids, or all that are left, and the cursor behind them.
    pub async fn next(&mut self, most: usize) -> Result<IdChunk> {
        let mut ids = Vec::new();
        loop {
            let count = self.page.ids.len().min(most - ids.len());
            ids.extend(self.page.ids.drain(..count));
            if self.page.ids.is_empty() && self.page.behind == Behind::End {
                return Ok(IdChunk { ids, after: Cursor::End });
            }
            if ids.len() == most {
                self.last = ids.last().cloned();
                return Ok(IdChunk { ids, after: self.place() });
            }
            let page = self.pages.recv().await;
            self.page = page.unwrap_or_else(|| Err(Error::unexpected("a listing broke off")))?;
        }
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
            Some(token) => Cursor::Page { token: token.clone(), after },
            None => Cursor::After(after),
        }
    }
}
