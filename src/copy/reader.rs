//! From the ids of a shard to pages of whole records, in order, several read at once.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::enumerate::Ids;
use super::listing::IdChunk;
use super::page_size::PageSize;
use super::room::{Held, Room};
use super::task::begin;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Contents, Cursor, Namespace, Record, RecordId};
use crate::provider::Source;

/// Pages of one shard that are read, or wait for their turn, at once. The room for their bytes is what bounds them.
const AHEAD: usize = 4;

/// Whole records of a shard, and the place behind them.
pub struct Page {
    pub records: Vec<Record>,
    /// What they hold.
    pub contents: Contents,
    /// Ids that were found, whether or not they were asked for.
    pub found: u64,
    /// Ids that were asked for; those that have no record are not in the source.
    pub asked: u64,
    pub after: Cursor,
    /// The room that they take, for as long as any of them is held.
    _held: Held,
}

impl Page {
    /// Ids that were asked for and that the source does not have.
    pub fn missing(&self) -> u64 {
        self.asked - self.records.len() as u64
    }
}

/// Which ids are asked for.
pub type Picks = Arc<dyn Fn(&RecordId) -> bool + Send + Sync>;

/// What reads the records of a source. Cloning shares its room.
#[derive(Clone)]
pub struct Reader {
    source: Arc<dyn Source>,
    room: Room,
    size: Arc<PageSize>,
    /// Records that are held for each that is read.
    weight: usize,
}

impl Reader {
    pub(super) fn new(source: Arc<dyn Source>, room: Room, size: PageSize) -> Self {
        Self { source, room, size: Arc::new(size), weight: 1 }
    }

    /// Takes room for another record beside each that is read, for what is compared with it.
    pub fn with_others(self) -> Self {
        Self { weight: 2, ..self }
    }

    pub(super) fn size(&self) -> &PageSize {
        &self.size
    }

    /// The records of `ids`, those that `picks` picks, page by page in the order of the ids.
    pub fn pages(
        &self,
        namespace: &Namespace,
        ids: Ids,
        picks: Option<Picks>,
    ) -> BoxStream<'static, Result<Page>> {
        let reader = Arc::new((self.clone(), namespace.clone()));
        let next = move |mut ids: Ids| {
            let (shared, picks) = (reader.clone(), picks.clone());
            async move {
                let reader = &shared.0;
                let most = reader.size.ids();
                let Some((found, chunk)) = picked(&mut ids, most, picks.as_ref()).await? else {
                    return Ok(None);
                };
                let bytes = chunk.ids.len() * reader.size.held() * reader.weight;
                let held = reader.room.take(bytes).await?;
                let page = async move { shared.0.read(&shared.1, found, chunk, held).await };
                Ok(Some((begin(page), ids)))
            }
        };
        stream::try_unfold(ids, next).try_buffered(AHEAD).boxed()
    }

    async fn read(
        &self,
        namespace: &Namespace,
        found: u64,
        chunk: IdChunk,
        mut held: Held,
    ) -> Result<Page> {
        let records = fetch_all(&*self.source, namespace, &chunk.ids).await?;
        let bytes = records.iter().map(Record::held_bytes).sum();
        self.size.read(records.len(), bytes);
        self.room.settle(&mut held, bytes * self.weight);
        Ok(Page {
            contents: Contents::of(&records),
            records,
            found,
            asked: chunk.ids.len() as u64,
            after: chunk.after,
            _held: held,
        })
    }
}

/// So many ids that are picked, or all that are left, and how many were found on the way.
async fn picked(
    ids: &mut Ids,
    most: usize,
    picks: Option<&Picks>,
) -> Result<Option<(u64, IdChunk)>> {
    let Some(mut chunk) = ids.next(most).await? else { return Ok(None) };
    let mut found = chunk.ids.len() as u64;
    let Some(picks) = picks else { return Ok(Some((found, chunk))) };
    chunk.ids.retain(|id| picks(id));
    while chunk.ids.len() < most
        && let Some(more) = ids.next(most - chunk.ids.len()).await?
    {
        found += more.ids.len() as u64;
        chunk.ids.extend(more.ids.into_iter().filter(|id| picks(id)));
        chunk.after = more.after;
    }
    Ok(Some((found, chunk)))
}

/// Records by id in as many requests as the source's limit asks for; each id at most once. What the source says is too
/// large an answer is asked for in halves.
///
/// # Errors
/// `Protocol` where the source answers with a record nobody asked for.
pub async fn fetch_all(
    source: &dyn Source,
    namespace: &Namespace,
    ids: &[RecordId],
) -> Result<Vec<Record>> {
    let mut records = Vec::with_capacity(ids.len());
    let most = source.capabilities().limits.fetch_ids.max(1);
    let mut parts: Vec<&[RecordId]> = ids.chunks(most).rev().collect();
    while let Some(part) = parts.pop() {
        let answer = match source.fetch(namespace, part).await {
            Err(error) if error.kind() == ErrorKind::TooLarge && part.len() > 1 => {
                let (left, right) = part.split_at(part.len() / 2);
                parts.extend([right, left]);
                continue;
            }
            answer => answer?,
        };
        let mut asked: std::collections::HashSet<&RecordId> = part.iter().collect();
        for record in &answer {
            if !asked.remove(&record.id) {
                let message =
                    format!("the source answered with `{}`, which was not asked for", record.id);
                return Err(
                    Error::new(ErrorKind::Protocol, message).with_context("namespace", namespace)
                );
            }
        }
        records.extend(answer);
    }
    Ok(records)
}
