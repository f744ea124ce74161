//! Every record of a namespace, held against a filter here.

use futures::stream::{self, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::interrupted;
use crate::error::{Error, Result};
use crate::model::{Namespace, RecordFilter, RecordId};
use crate::provider::{Admin, Source};

/// Pages that are looked at at once.
const PAGES: usize = 4;

/// How many records of `namespace` pass the filter.
pub(super) async fn count(
    index: &dyn Source,
    namespace: &Namespace,
    filter: &RecordFilter,
    cancel: &CancellationToken,
) -> Result<u64> {
    let matches = matching(index, namespace, filter, cancel);
    matches.try_fold(0, |sum, ids| async move { Ok(sum + ids.len() as u64) }).await
}

/// Deletes the records of `namespace` that pass the filter.
pub(super) async fn delete(
    index: &dyn Admin,
    namespace: &Namespace,
    filter: &RecordFilter,
    cancel: &CancellationToken,
) -> Result<()> {
    let most = index.capabilities().limits.delete_ids.max(1);
    let matches = matching(index, namespace, filter, cancel);
    matches
        .try_for_each(|ids| async move {
            for part in ids.chunks(most) {
                index.delete(namespace, part).await?;
            }
            Ok(())
        })
        .await
}

/// The ids of each page whose records pass.
fn matching<'a>(
    index: &'a dyn Source,
    namespace: &'a Namespace,
    filter: &'a RecordFilter,
    cancel: &'a CancellationToken,
) -> impl futures::Stream<Item = Result<Vec<RecordId>>> + 'a {
    let pages = stream::try_unfold(Some(None), move |page: Option<Option<String>>| async move {
        let Some(page) = page else { return Ok(None) };
        if cancel.is_cancelled() {
            return Err(interrupted());
        }
        let answer = index.list(namespace, page.as_deref()).await?;
        Ok::<_, Error>(Some((answer.ids, answer.next.map(Some))))
    });
    let pass = move |ids: Vec<RecordId>| async move {
        let mut found = Vec::new();
        for part in ids.chunks(index.capabilities().limits.fetch_ids.max(1)) {
            let records = index.fetch(namespace, part).await?;
            let records = records.into_iter().filter(|record| filter.matches(&record.metadata));
            found.extend(records.map(|record| record.id));
        }
        Ok(found)
    };
    pages.map_ok(pass).try_buffered(PAGES)
}
