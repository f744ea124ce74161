//! Where the records of a shard come from: the source reads them by itself, or their ids come from elsewhere and the source
//! is asked for them.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{Cursor, Enumeration, Namespace, RecordId, Shard};
use crate::store::read::{Given, Ids, Pages, Reading, pages_by_id};
use crate::store::{Fetch, Scope, Source};

/// Manifest ids of one namespace, in file order. A plain iterator, so that the file is read as it is consumed.
pub type Manifest = Box<dyn Iterator<Item = Result<RecordId>> + Send>;

/// Sources of ids for shards whose source does not find them.
#[derive(Default)]
pub struct Lists {
    /// A staging index or the target that lists the ids instead, and the namespace there.
    pub other: Option<(Arc<dyn Source>, Namespace)>,
    /// The ids from the system of record.
    pub manifest: Option<Manifest>,
}

/// All ids of a namespace, from a place on.
///
/// # Errors
/// `Unsupported` if the store cannot name them without counting.
pub async fn all_ids(store: &dyn Source, scope: Scope<'_>, after: &Cursor) -> Result<Box<dyn Ids>> {
    let scan = store.must_scan()?;
    let whole = scan.whole();
    let whole = whole.ok_or_else(|| Error::unsupported("this index cannot list its ids"))?;
    scan.ids(scope, &whole, after).await
}

/// The ids of a shard, from a place on.
///
/// # Errors
/// Any error of finding them; `Conflict` with the gap if fewer are found than were counted.
pub async fn ids_of(
    source: &dyn Source,
    shard: &Shard,
    after: &Cursor,
    lists: Lists,
) -> Result<Box<dyn Ids>> {
    match &shard.enumeration {
        Enumeration::Scan(range) => source.must_scan()?.ids(scope_of(shard), range, after).await,
        _ => other_ids(&source.must_fetch()?, shard, after, lists).await,
    }
}

/// The records of a shard, from a place on.
///
/// # Errors
/// Those of [`ids_of`].
pub async fn pages_of(
    source: &dyn Source,
    shard: &Shard,
    after: &Cursor,
    lists: Lists,
    reading: &Reading,
) -> Result<Pages> {
    match &shard.enumeration {
        Enumeration::Scan(range) => {
            source.must_scan()?.read(scope_of(shard), range, after, reading).await
        }
        _ => {
            let fetch = source.must_fetch()?;
            let ids = other_ids(&fetch, shard, after, lists).await?;
            Ok(pages_by_id(fetch, &shard.source, ids, reading))
        }
    }
}

fn scope_of(shard: &Shard) -> Scope<'_> {
    Scope { namespace: &shard.source, records: shard.expected }
}

/// The ids of a shard that the source does not find.
async fn other_ids(
    fetch: &Arc<dyn Fetch>,
    shard: &Shard,
    after: &Cursor,
    lists: Lists,
) -> Result<Box<dyn Ids>> {
    if let Enumeration::Manifest { .. } = &shard.enumeration {
        let rows = lists.manifest.ok_or_else(|| {
            Error::unexpected("a manifest shard was started without its manifest")
        })?;
        // A manifest knows texts alone.
        let fetch = fetch.clone();
        let rows = rows.map(move |id| id.map(|id| fetch.own_kind(id)));
        return Ok(Box::new(Given::behind(Box::new(rows), after)?));
    }
    let (store, namespace) = lists.other.ok_or_else(|| {
        Error::unexpected("a shard that another index lists was started without it")
    })?;
    let scope = Scope { namespace: &namespace, records: shard.expected };
    all_ids(&*store, scope, after).await
}
