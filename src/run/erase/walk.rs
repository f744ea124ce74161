//! Walks every record of a namespace and tests it against a filter.

use futures::future::TryFutureExt;
use futures::stream::TryStreamExt;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Cursor, Filter, Namespace, RecordId, Vector, Vectors};
use crate::store::read::{PAGE_BYTES, PageSize, Reading, Room};
use crate::store::{Query, Scope, Store, fetch_all};

/// Counts the records of `namespace` that match the filter.
pub(super) async fn count(
    index: &dyn Store,
    namespace: &Namespace,
    filter: &Filter,
    cancel: &CancellationToken,
) -> Result<u64> {
    let matches = matching(index, namespace, filter, cancel);
    matches.try_fold(0, |sum, ids| async move { Ok(sum + ids.len() as u64) }).await
}

/// Deletes the records of `namespace` that match the filter.
pub(super) async fn delete(
    index: &dyn Store,
    namespace: &Namespace,
    filter: &Filter,
    cancel: &CancellationToken,
) -> Result<()> {
    let matches = matching(index, namespace, filter, cancel);
    matches.try_for_each(|ids| async move { delete_ids(index, namespace, &ids).await }).await
}

pub(super) async fn delete_ids(
    index: &dyn Store,
    namespace: &Namespace,
    ids: &[RecordId],
) -> Result<()> {
    let remove = index.must_remove()?;
    for part in ids.chunks(index.limits().delete_ids.max(1)) {
        remove.delete(namespace, part).await?;
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
    index: &dyn Store,
    namespace: &Namespace,
    asked: &Filter,
    filter: &Filter,
) -> Result<Seen> {
    let dimension = index.stats().await?.dimension.unwrap_or(1);
    let vector = Vector::from_values((0..dimension).map(|at| if at == 0 { 1.0 } else { 0.0 }));
    let query = Query {
        vectors: Vectors::plain(vector, None),
        limit: index.limits().matches,
        filter: Some(asked.clone()),
    };
    let search = index.must_search()?;
    let ids: Vec<_> =
        search.query(namespace, &query).await?.into_iter().map(|one| one.id).collect();
    Ok(Seen { asked: ids.len(), passing: passing(index, namespace, filter, ids).await? })
}

/// Returns the ids whose records match.
async fn passing(
    index: &dyn Store,
    namespace: &Namespace,
    filter: &Filter,
    ids: Vec<RecordId>,
) -> Result<Vec<RecordId>> {
    let fetch = index.must_fetch()?;
    let records = fetch_all(&*fetch, namespace, &ids).await?;
    let records = records.into_iter().filter(|record| filter.matches(&record.metadata));
    Ok(records.map(|record| record.id).collect())
}

/// Returns the matching ids of each page.
fn matching<'a>(
    index: &'a dyn Store,
    namespace: &'a Namespace,
    filter: &'a Filter,
    cancel: &'a CancellationToken,
) -> impl futures::Stream<Item = Result<Vec<RecordId>>> + 'a {
    let pages = async move {
        let scan = index.must_scan()?;
        let whole =
            scan.whole().ok_or_else(|| Error::unsupported("this index cannot list its ids"))?;
        let size = PageSize::new(index.limits().fetch_ids, PAGE_BYTES, 0);
        let reading = Reading::new(Room::default(), size);
        let scope = Scope { namespace, records: 0 };
        scan.read(scope, &whole, &Cursor::Start, &reading).await
    };
    pages.try_flatten_stream().and_then(move |page| {
        let matches = page.records.iter().filter(|record| filter.matches(&record.metadata));
        let ids: Vec<RecordId> = matches.map(|record| record.id.clone()).collect();
        let result = if cancel.is_cancelled() { Err(interrupted()) } else { Ok(ids) };
        std::future::ready(result)
    })
}

pub(super) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted; what was deleted stays deleted")
        .with_hint("run the same command again to delete the rest")
}
