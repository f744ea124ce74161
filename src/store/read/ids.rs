//! Ids of records, chunk by chunk, each with the place behind it.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{Cursor, RecordId};

/// Some ids and the cursor after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdChunk {
    pub ids: Vec<RecordId>,
    pub after: Cursor,
}

/// Which records are read, by their ids.
pub type Picks = Arc<dyn Fn(&RecordId) -> bool + Send + Sync>;

/// What gives ids, one chunk after the other.
#[async_trait]
pub trait Ids: Send {
    /// The next ids, as many as are asked for; `None` at the end. The last chunk has fewer and the cursor [`Cursor::End`].
    async fn next(&mut self, most: usize) -> Result<Option<IdChunk>>;
}

/// Those of the rest that are picked as a stream of chunks of so many.
pub fn chunks(ids: Box<dyn Ids>, most: usize, picks: Picks) -> BoxStream<'static, Result<IdChunk>> {
    let step = move |mut ids: Box<dyn Ids>| {
        let picks = picks.clone();
        async move {
            let some = picked(&mut *ids, most, Some(&picks)).await?;
            Ok(some.map(|(_, chunk)| (chunk, ids)))
        }
    };
    stream::try_unfold(ids, step).boxed()
}

/// So many ids that are picked, or all that are left, and how many were found on the way.
pub(super) async fn picked(
    ids: &mut dyn Ids,
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

/// No ids: what is behind the end.
pub struct NoIds;

#[async_trait]
impl Ids for NoIds {
    async fn next(&mut self, _: usize) -> Result<Option<IdChunk>> {
        Ok(None)
    }
}

/// Ids that are given, in the order in which they are given. A plain iterator, so that a file is read as it is consumed.
pub struct Given {
    ids: Box<dyn Iterator<Item = Result<RecordId>> + Send>,
    row: u64,
    is_over: bool,
}

/// A place among given ids.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// The number of ids that are done.
    Row(u64),
}

impl Given {
    /// Passes over the ids before `after`.
    ///
    /// # Errors
    /// Any error of the ids.
    pub fn behind(
        mut ids: Box<dyn Iterator<Item = Result<RecordId>> + Send>,
        after: &Cursor,
    ) -> Result<Self> {
        let row = after.inside()?.map_or(0, |Place::Row(row)| row);
        for _ in 0..row {
            ids.next().transpose()?;
        }
        Ok(Self { ids, row, is_over: *after == Cursor::End })
    }
}

#[async_trait]
impl Ids for Given {
    async fn next(&mut self, most: usize) -> Result<Option<IdChunk>> {
        if self.is_over {
            return Ok(None);
        }
        let most = most.max(1);
        let ids = self.ids.by_ref().take(most).collect::<Result<Vec<_>>>()?;
        self.row += ids.len() as u64;
        self.is_over = ids.len() < most;
        let after = if self.is_over { Cursor::End } else { Cursor::at(&Place::Row(self.row)) };
        Ok(Some(IdChunk { ids, after }))
    }
}
