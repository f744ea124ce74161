//! Walks every record of a namespace and tests it against a filter.

use futures::stream::{self, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::interrupted;
use crate::error::{Error, Result};
use crate::model::{Namespace, RecordFilter, RecordId, Vector};
use crate::provider::{Admin, Filter, Query, Source};

/// The number of pages fetched concurrently.
const PAGES: usize = 4;

/// Counts the records of `namespace` that match the filter.
pub(super) async fn count(
    index: &dyn Source,
    namespace: &Namespace,
    filter: &RecordFilter,
    cancel: &CancellationToken,
) -> Result<u64> {
    let matches = matching(index, namespace, filter, cancel);
    matches.try_fold(0, |sum, ids| async move { Ok(sum + ids.len() as u64) }).await
}

/// Deletes the records of `namespace` that match the filter.
pub(super) async fn delete(
    index: &dyn Admin,
    namespace: &Namespace,
    filter: &RecordFilter,
    cancel: &CancellationToken,
) -> Result<()> {
    let matches = matching(index, namespace, filter, cancel);
    matches.try_for_each(|ids| async move { delete_ids(index, namespace, &ids).await }).await
}

pub(super) async fn delete_ids(
    index: &dyn Admin,
    namespace: &Namespace,
    ids: &[RecordId],
) -> Result<()> {
    for part in ids.chunks(index.capabilities().limits.delete_ids.max(1)) {
        index.delete(namespace, part).await?;
    }
    Ok(())
}

/// The result of one query with a filter.
pub(super) struct Seen {
    /// The number of records the index returned, limited by the size of a query's answer.
    pub asked: usize,
    /// Those that match here, too.
    pub passing: Vec<RecordId>,
}

/// Queries an index that cannot list its ids for the records that match `asked`, and tests each against `filter`.
pub(super) async fn query(
    index: &dyn Source,
    namespace: &Namespace,
    asked: &Filter,
    filter: &RecordFilter,
) -> Result<Seen> {
    let dimension = index.stats().await?.dimension.unwrap_or(1);
    let query = Query {
        vector: Vector::from_values((0..dimension).map(|at| if at == 0 { 1.0 } else { 0.0 })),
        top_k: index.capabilities().limits.top_k,
        filter: Some(asked.clone()),
        ..Query::default()
    };
    let ids: Vec<_> = index.query(namespace, &query).await?.into_iter().map(|one| one.id).collect();
    Ok(Seen { asked: ids.len(), passing: passing(index, namespace, filter, ids).await? })
}

/// Returns the ids whose records match.
async fn passing(
    index: &dyn Source,
    namespace: &Namespace,
    filter: &RecordFilter,
    ids: Vec<RecordId>,
) -> Result<Vec<RecordId>> {
    let mut found = Vec::new();
    for part in ids.chunks(index.capabilities().limits.fetch_ids.max(1)) {
        let records = index.fetch(namespace, part).await?;
        let records = records.into_iter().filter(|record| filter.matches(&record.metadata));
        found.extend(records.map(|record| record.id));
    }
    Ok(found)
}

/// Returns the matching ids of each page.
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
        let answer = index.list(namespace, "", page.as_deref()).await?;
        Ok::<_, Error>(Some((answer.ids, answer.next.map(Some))))
    });
    let pass = move |ids| passing(index, namespace, filter, ids);
    pages.map_ok(pass).try_buffered(PAGES)
}
