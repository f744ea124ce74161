//! Every record of a namespace, held against a filter here.

use futures::stream::{self, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::interrupted;
use crate::error::{Error, Result};
use crate::model::{Namespace, RecordFilter, RecordId, Vector};
use crate::provider::{Admin, Filter, Query, Source};

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

/// What one query with a filter finds.
pub(super) struct Seen {
    /// The records that the index found, at most as many as a query answers.
    pub asked: usize,
    /// Those of them that pass here.
    pub passing: Vec<RecordId>,
}

/// Asks an index that cannot list its ids for the records that pass `asked`, and holds each against `filter`.
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

/// Those of the ids whose records pass.
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
    let pass = move |ids| passing(index, namespace, filter, ids);
    pages.map_ok(pass).try_buffered(PAGES)
}
