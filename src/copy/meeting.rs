//! Compares all that a copy would write with what the target already holds, several pages at once.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use super::existing::{Met, meet_records};
use super::origin::{Lists, pages_of};
use super::pipeline::Pipeline;
use super::transform::Transform;
use crate::error::Result;
use crate::model::{Cursor, Namespace, RecordId, Shard};
use crate::store::Fetch;
use crate::store::read::{IdChunk, Ids, Page, Pages, begin, pages_by_id};

/// Pages that are compared with the target concurrently.
const MEETING: usize = 4;

/// Ids of the source that those of the target come from.
struct Origins {
    of: Box<dyn Ids>,
    transform: Arc<Transform>,
    source: Arc<dyn Fetch>,
}

#[async_trait]
impl Ids for Origins {
    async fn next(&mut self, most: usize) -> Result<Option<IdChunk>> {
        let Some(IdChunk { ids, after }) = self.of.next(most).await? else { return Ok(None) };
        let origin = |id: &RecordId| self.transform.origin(id, &*self.source);
        Ok(Some(IdChunk { ids: ids.iter().filter_map(origin).collect(), after }))
    }
}

impl Pipeline {
    /// Turns ids of the target into those of the source that they come from.
    ///
    /// # Errors
    /// `Unsupported` if the source cannot be read by id.
    pub fn origins(&self, of: Box<dyn Ids>) -> Result<Box<dyn Ids>> {
        let (transform, source) = (self.transform.clone(), self.source.must_fetch()?);
        Ok(Box::new(Origins { of, transform, source }))
    }

    /// Compares what this copy would write of the records under the source's `ids` with what the target holds under them.
    ///
    /// # Errors
    /// `Unsupported` if the source cannot be read by id.
    pub fn meet_ids(
        &self,
        (from, to): (&Namespace, &Namespace),
        ids: Box<dyn Ids>,
    ) -> Result<BoxStream<'static, Result<Met>>> {
        let fetch = self.source.must_fetch()?;
        let pages = pages_by_id(fetch, from, ids, &self.reading().with_others());
        Ok(self.meet((from, to), pages))
    }

    /// Compares what this copy would write of a shard with what the target holds under the same ids.
    ///
    /// # Errors
    /// Those of beginning to read the shard.
    pub async fn meet_shard(
        &self,
        shard: &Shard,
        lists: Lists,
    ) -> Result<BoxStream<'static, Result<Met>>> {
        let reading = self.reading().with_others();
        let pages = pages_of(&*self.source, shard, &Cursor::Start, lists, &reading).await?;
        Ok(self.meet((&shard.source, &shard.target), pages))
    }

    fn meet(
        &self,
        (from, to): (&Namespace, &Namespace),
        pages: Pages,
    ) -> BoxStream<'static, Result<Met>> {
        let shared = Arc::new((self.clone(), from.clone(), to.clone()));
        let met = pages
            .map_ok(move |page| {
                let shared = shared.clone();
                begin(async move {
                    let (pipeline, from, to) = &*shared;
                    pipeline.meet_page(from, to, page).await
                })
            })
            .try_buffered(MEETING);
        met.boxed()
    }

    async fn meet_page(&self, from: &Namespace, to: &Namespace, mut page: Page) -> Result<Met> {
        let records = std::mem::take(&mut page.records).into_iter();
        let kept = records.filter_map(|record| self.transform.change(from, record).kept());
        let kept: Vec<_> = kept.collect();
        let met = meet_records(&*self.target, to, &kept, &self.comparing).await?;
        Ok(Met { looked_at: page.found, ..met })
    }
}
