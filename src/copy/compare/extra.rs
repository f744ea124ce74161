//! Finds records that the target holds and the source does not.

use std::collections::HashSet;
use std::sync::Arc;

use futures::stream::{StreamExt, TryStreamExt};

use crate::copy::difference::Difference;
use crate::copy::origin::all_ids;
use crate::copy::pipeline::Pipeline;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Cursor, Namespace, Record, RecordId};
use crate::store::read::{Picks, begin, chunks, record_guess};
use crate::store::{Scope, fetch_all};

/// Chunks of ids that are looked up concurrently.
const AT_ONCE: usize = 4;

/// Counts the ids of a target namespace selected by `is_chosen` that exist in none of its source namespaces, and passes
/// each to `found`. Returns `Ok(None)` if the target cannot list its ids.
///
/// # Errors
/// `Interrupted` if the pipeline was cancelled; any error of reading either side.
pub async fn count_extra(
    pipeline: &Pipeline,
    sources: &[Namespace],
    target: &Namespace,
    is_chosen: Picks,
    found: &mut (dyn FnMut(Difference) -> Result<()> + Send),
) -> Result<Option<u64>> {
    if pipeline.target.whole().is_none() {
        return Ok(None);
    }
    let (most, at_once) = match pipeline.source.ids_a_pass() {
        // A pass takes as long for one id as for all that are held of one pass.
        Some(most) => (most, 1),
        None => (pipeline.page_ids(), AT_ONCE),
    };
    let shared = Arc::new((pipeline.clone(), sources.to_vec()));
    let scope = Scope { namespace: target, records: 0 };
    let ids = all_ids(&*pipeline.target, scope, &Cursor::Start).await?;
    let mut strays = chunks(ids, most, is_chosen)
        .map_ok(move |chunk| {
            let shared = shared.clone();
            begin(async move { unknown(&shared.0, &shared.1, chunk.ids).await })
        })
        .try_buffered(at_once)
        .take_until(pipeline.cancel.clone().cancelled_owned())
        .boxed();
    let mut extra = 0;
    while let Some(ids) = strays.try_next().await? {
        for id in ids {
            extra += 1;
            let source = sources.first().unwrap_or(target);
            found(Difference::extra(source, target, &id))?;
        }
    }
    if pipeline.cancel.is_cancelled() {
        return Err(Error::new(ErrorKind::Interrupted, "interrupted while comparing"));
    }
    Ok(Some(extra))
}

/// Returns those of `ids` that exist in none of the source namespaces, or whose record the copy leaves out.
async fn unknown(
    pipeline: &Pipeline,
    sources: &[Namespace],
    mut ids: Vec<RecordId>,
) -> Result<Vec<RecordId>> {
    for namespace in sources {
        if ids.is_empty() {
            break;
        }
        let fetch = pipeline.source.must_fetch()?;
        let origin = |id| pipeline.transform.origin(id, &*fetch);
        let origins: Vec<RecordId> = ids.iter().filter_map(origin).collect();
        let here = known(pipeline, namespace, origins).await?;
        ids.retain(|id| !here.contains(id));
    }
    Ok(ids)
}

/// Returns the ids, as the target has them, of the records of a source namespace under `origins` that the copy takes.
async fn known(
    pipeline: &Pipeline,
    namespace: &Namespace,
    mut origins: Vec<RecordId>,
) -> Result<HashSet<RecordId>> {
    let fetch = pipeline.source.must_fetch()?;
    let mut here = HashSet::new();
    if let Some(passes) = fetch.passes() {
        let mut present = Vec::new();
        for some in origins.chunks(passes.most_ids().max(1)) {
            present.extend(passes.present(namespace, some).await?);
        }
        if !pipeline.transform.leaves_out() {
            let there = present.into_iter().map(|id| pipeline.transform.looked_for(id));
            return Ok(there.collect());
        }
        origins = present;
    }
    // A record that the copy leaves out does not belong in the target.
    let belongs =
        |record| pipeline.transform.expected(namespace, record).map(|record: Record| record.id);
    for some in origins.chunks(pipeline.page_ids()) {
        let _held = pipeline.room.take(some.len() * record_guess(pipeline.dimension)).await?;
        let records = fetch_all(&*fetch, namespace, some).await?;
        here.extend(records.into_iter().filter_map(belongs));
    }
    Ok(here)
}
