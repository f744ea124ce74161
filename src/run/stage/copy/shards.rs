//! Copies shards side by side.

use async_trait::async_trait;

use super::due::Due;
use super::existing::left_alone;
use super::import::Imported;
use super::retries::note_retries;
use super::view;
use crate::copy::{Acked, Keep, ShardEnd, adopt};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::ShardState;
use crate::model::{Checkpoint, Cursor, Enumeration, ShardId};
use crate::plan::CopyStage;
use crate::run::context::copying::{Copying, Gauge};
use crate::run::line::artifacts::dead_letters;
use crate::run::line::{lists_of, pipeline};
use crate::run::{Context, Progress};

async fn open(context: &Context, copy: &CopyStage) -> Result<Copying> {
    let mut pipeline = pipeline(context, copy, dead_letters(context, copy)).await?;
    pipeline.export = Imported::of(context, copy).await?.map(|imported| imported.export);
    pipeline.skip = left_alone(context, copy).await?;
    let view = view::known(context, copy)?;
    let copier = pipeline.copier(view)?;
    let own = context.state.stage(&copy.id).into_iter();
    let gauge = Gauge::new(own.flat_map(|stage| stage.shards.values()));
    Ok(Copying { copier, gauge })
}

/// Copies a shard from its last checkpoint to its end. Whatever comes first opens what the shards share.
///
/// # Errors
/// Those of reading and writing; `Interrupted` if the run is to stop. The last checkpoint is valid.
pub(super) async fn copy_shard(context: &Context, copy: &CopyStage, id: &ShardId) -> Result<()> {
    let copying = context.copying.or_open(open(context, copy)).await?;
    let ShardState { shard, checkpoint, .. } = context
        .stage_state()?
        .shards
        .get(id)
        .ok_or_else(|| Error::unexpected(format!("`{id}` is not planned")))?;
    if shard.is_scanned() {
        view::renew(context, copy, copying.copier.view()).await?;
    }
    let pipeline = copying.copier.pipeline();
    let mut kept = Kept { context, id, gauge: &copying.gauge, due: Due::default() };
    let end = match shard.enumeration {
        Enumeration::Collection => adopt(pipeline, shard, checkpoint, &mut kept).await,
        _ => {
            let lists = lists_of(context, copy, shard, pipeline).await?;
            copying.copier.copy(shard, checkpoint, lists, &mut kept).await
        }
    };
    note_retries(context)?;
    match end.map_err(|error| error.with_context("namespace", id.source.explicit()))? {
        ShardEnd::Complete(_) => Ok(()),
        ShardEnd::Interrupted => {
            Err(Error::new(ErrorKind::Interrupted, "interrupted while copying"))
        }
    }
}

/// Puts the checkpoints of a shard into the journal, and how far the copy is before the reader's eyes.
struct Kept<'a> {
    context: &'a Context,
    id: &'a ShardId,
    gauge: &'a Gauge,
    due: Due,
}

#[async_trait]
impl Keep for Kept<'_> {
    async fn keep(&mut self, acked: Acked<Checkpoint>) -> Result<()> {
        let checkpoint = acked.get();
        let (done, total) = self.gauge.update(self.id, checkpoint.tally);
        self.context.progress(&Progress {
            stage: self.context.id(),
            unit: "records",
            done,
            total,
            note: self.context.world.waiting(),
        });
        if !self.due.is_due() && checkpoint.cursor != Cursor::End {
            return Ok(());
        }
        self.context.checkpoint(self.id, acked).await
    }
}
