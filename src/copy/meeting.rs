//! Compares all that a copy would write with what the target already holds, several pages at once.

use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use super::existing::{Met, meet_records};
use super::pipeline::Pipeline;
use crate::error::Result;
use crate::model::Namespace;
use crate::store::read::{Ids, Page, begin, pages_by_id};

/// Pages that are compared with the target concurrently.
const MEETING: usize = 4;

impl Pipeline {
    /// Compares what this copy would write under `ids` with what the target holds under them, page by page.
    pub fn meet(
        &self,
        (from, to): (&Namespace, &Namespace),
        ids: Box<dyn Ids>,
    ) -> Result<BoxStream<'static, Result<Met>>> {
        let fetch = self.source.must_fetch()?;
        let shared = Arc::new((self.clone(), from.clone(), to.clone()));
        let pages = pages_by_id(fetch, from, ids, &self.reading().with_others());
        let met = pages
            .map_ok(move |page| {
                let shared = shared.clone();
                begin(async move {
                    let (pipeline, from, to) = &*shared;
                    pipeline.meet_page(from, to, page).await
                })
            })
            .try_buffered(MEETING);
        Ok(met.boxed())
    }

    async fn meet_page(&self, from: &Namespace, to: &Namespace, mut page: Page) -> Result<Met> {
        let records = std::mem::take(&mut page.records).into_iter();
        let kept = records.filter_map(|record| self.transform.change(from, record).kept());
        let met = meet_records(&*self.target, to, &kept.collect::<Vec<_>>(), self.likeness).await?;
        Ok(Met { looked_at: page.found, ..met })
    }
}
