//! Counts records that reached the target without passing through the pipeline.

use super::acked::{Acked, Keep};
use super::origin::all_ids;
use super::pipeline::{Pipeline, ShardEnd};
use crate::error::Result;
use crate::model::{Checkpoint, Cursor, Shard};
use crate::store::Scope;

/// The number of ids that one checkpoint settles.
const CHUNK: usize = 10_000;

/// Settles the ids of a shard that the target lists. The target was made from a collection of the source, so it holds
/// whatever it lists. `checkpoints` are given every part, in order.
///
/// # Errors
/// Any error of listing.
pub async fn adopt(
    pipeline: &Pipeline,
    shard: &Shard,
    from: &Checkpoint,
    checkpoints: &mut dyn Keep,
) -> Result<ShardEnd> {
    let scope = Scope { namespace: &shard.target, records: shard.expected };
    let mut ids = all_ids(&*pipeline.target, scope, &from.cursor).await?;
    let mut tally = from.tally;
    while let Some(chunk) = ids.next(CHUNK).await? {
        if pipeline.cancel.is_cancelled() {
            return Ok(ShardEnd::Interrupted);
        }
        tally.enumerated += chunk.ids.len() as u64;
        tally.copied += chunk.ids.len() as u64;
        let is_end = chunk.after == Cursor::End;
        let at = Checkpoint { cursor: chunk.after, tally, token: None, contents: None };
        checkpoints.keep(Acked::new(at)).await?;
        if is_end {
            break;
        }
    }
    Ok(ShardEnd::Complete(tally))
}
