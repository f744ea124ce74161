//! From ids to pages of whole records, in order, several read at once.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::ids::{IdChunk, Ids, picked};
use super::page::{Page, Pages, Reading};
use super::room::Held;
use super::task::begin;
use crate::error::Result;
use crate::model::{Cursor, Namespace, RecordId};
use crate::store::{Fetch, fetch_all};

/// Pages of one range that are read, or wait for their turn, at once. The room for their bytes is what bounds them.
const AHEAD: usize = 4;

/// The records of `ids`, page by page in the order of the ids.
pub fn pages_by_id(
    fetch: Arc<dyn Fetch>,
    namespace: &Namespace,
    ids: Box<dyn Ids>,
    reading: &Reading,
) -> Pages {
    let reader = Arc::new(Reader { fetch, namespace: namespace.clone(), how: reading.clone() });
    let next = move |mut left: Left| {
        let reader = reader.clone();
        async move {
            let Some(part) = left.next(&reader).await? else { return Ok(None) };
            let Reading { room, size, weight, .. } = &reader.how;
            let held = room.take(part.ids.len() * size.held() * weight).await?;
            let page = async move { reader.read(part, held).await };
            Ok(Some((begin(page), left)))
        }
    };
    let left = Left { ids, parts: VecDeque::new(), is_over: false };
    stream::try_unfold(left, next).try_buffered(AHEAD).boxed()
}

/// The ids that have not been read yet.
struct Left {
    ids: Box<dyn Ids>,
    parts: VecDeque<Part>,
    is_over: bool,
}

/// The ids of a page.
struct Part {
    found: u64,
    asked: u64,
    /// Those that were asked for, without any that are known not to be there.
    ids: Vec<RecordId>,
    after: Cursor,
}

impl Left {
    async fn next(&mut self, reader: &Reader) -> Result<Option<Part>> {
        if self.parts.is_empty() && !self.is_over {
            self.gather(reader).await?;
        }
        Ok(self.parts.pop_front())
    }

    /// Gathers the ids of the next page, or of as many pages as the store finds in one pass.
    async fn gather(&mut self, reader: &Reader) -> Result<()> {
        let Some(passes) = reader.fetch.passes() else {
            return self.take(reader, usize::MAX).await;
        };
        let mut room = passes.most_ids().max(1);
        while room > 0 && !self.is_over {
            self.take(reader, room).await?;
            room -= self.parts.back().map_or(0, |part| part.ids.len().min(room));
        }
        let ids: Vec<RecordId> = self.parts.iter().flat_map(|part| &part.ids).cloned().collect();
        let there = passes.present(&reader.namespace, &ids).await?;
        for part in &mut self.parts {
            part.ids.retain(|id| there.contains(id));
        }
        Ok(())
    }

    /// Takes the ids of one page more, of so many at most.
    async fn take(&mut self, reader: &Reader, most: usize) -> Result<()> {
        let Reading { size, picks, .. } = &reader.how;
        match picked(&mut *self.ids, size.ids().min(most), picks.as_ref()).await? {
            None => self.is_over = true,
            Some((found, IdChunk { ids, after })) => {
                self.is_over = after == Cursor::End;
                self.parts.push_back(Part { found, asked: ids.len() as u64, ids, after });
            }
        }
        Ok(())
    }
}

struct Reader {
    fetch: Arc<dyn Fetch>,
    namespace: Namespace,
    how: Reading,
}

impl Reader {
    async fn read(&self, part: Part, held: Held) -> Result<Page> {
        let Part { found, asked, ids, after } = part;
        let records = fetch_all(&*self.fetch, &self.namespace, &ids).await?;
        Ok(self.how.page(records, (found, asked), after, held))
    }
}
