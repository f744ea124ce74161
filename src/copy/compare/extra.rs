//! Finds records that the target holds and the source does not.

use std::collections::HashSet;

use super::difference::Difference;
use crate::copy::pipeline::{Pipeline, fetch_all};
use crate::copy::transform::Changed;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Namespace, Record, RecordId};

/// Counts the ids of a target namespace selected by `is_chosen` that exist in none of its source namespaces, and passes
/// each to `found`. Returns `Ok(None)` if the target cannot list its ids.
///
/// # Errors
/// `Interrupted` if the pipeline was cancelled; any error of reading either side.
pub async fn count_extra(
    pipeline: &Pipeline,
    sources: &[Namespace],
    target: &Namespace,
    is_chosen: &(dyn Fn(&RecordId) -> bool + Send + Sync),
    found: &mut (dyn FnMut(Difference) -> Result<()> + Send),
) -> Result<Option<u64>> {
    if !pipeline.target.capabilities().list {
        return Ok(None);
    }
    let size = pipeline.chunk_ids();
    let (mut extra, mut page, mut ids) = (0, None, Vec::new());
    loop {
        if pipeline.cancel.is_cancelled() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted while comparing"));
        }
        let answer = pipeline.target.list(target, page.as_deref()).await?;
        ids.extend(answer.ids.into_iter().filter(|id| is_chosen(id)));
        page = answer.next;
        if ids.len() >= size || page.is_none() {
            for id in unknown(pipeline, sources, std::mem::take(&mut ids)).await? {
                extra += 1;
                let source = sources.first().unwrap_or(target);
                found(Difference::extra(source, target, &id))?;
            }
        }
        if page.is_none() {
            return Ok(Some(extra));
        }
    }
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
        let belongs = |record: Record| {
            let id = record.id.clone();
            match pipeline.transform.change(namespace, record) {
                // A record that the copy leaves out does not belong in the target.
                Changed::LeftOut => None,
                Changed::Kept(_) | Changed::Refused(..) => Some(id),
            }
        };
        let records = fetch_all(&*pipeline.source, namespace, &ids).await?;
        let here: HashSet<RecordId> = records.into_iter().filter_map(belongs).collect();
        ids.retain(|id| !here.contains(id));
    }
    Ok(ids)
}
