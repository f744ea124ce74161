//! From ids to pages of whole records, in order, several read at once.

use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::ids::{IdChunk, Ids, picked};
use super::page::{Page, Pages, Reading};
use super::room::Held;
use super::task::begin;
use crate::error::Result;
use crate::model::{Contents, Namespace, Record};
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
    let next = move |mut ids: Box<dyn Ids>| {
        let reader = reader.clone();
        async move {
            let Reading { room, size, weight, picks, .. } = &reader.how;
            let Some((found, chunk)) = picked(&mut *ids, size.ids(), picks.as_ref()).await? else {
                return Ok(None);
            };
            let held = room.take(chunk.ids.len() * size.held() * weight).await?;
            let page = async move { reader.read(found, chunk, held).await };
            Ok(Some((begin(page), ids)))
        }
    };
    stream::try_unfold(ids, next).try_buffered(AHEAD).boxed()
}

struct Reader {
    fetch: Arc<dyn Fetch>,
    namespace: Namespace,
    how: Reading,
}

impl Reader {
    async fn read(&self, found: u64, chunk: IdChunk, mut held: Held) -> Result<Page> {
        let records = fetch_all(&*self.fetch, &self.namespace, &chunk.ids).await?;
        let bytes = records.iter().map(Record::held_bytes).sum();
        self.how.size.read(records.len(), bytes);
        self.how.room.settle(&mut held, bytes * self.how.weight);
        Ok(Page {
            contents: Contents::of(&records),
            records,
            found,
            asked: chunk.ids.len() as u64,
            after: chunk.after,
            held,
        })
    }
}
