//! Reads every record that a namespace holds now.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::TryStreamExt;

use super::ids::{anew, restless};
use crate::copy::{Lists, pages_of};
use crate::error::Result;
use crate::model::{Contents, Cursor, Namespace, Record, Shard};
use crate::run::Context;
use crate::run::line::Line;
use crate::run::line::lists_of;
use crate::store::Source;
use crate::store::read::Reading;

/// What takes the records of a namespace.
#[async_trait]
pub(in crate::run) trait Take: Send {
    async fn take(&mut self, records: Vec<Record>) -> Result<()>;
}

/// Reads every record reached by `shards` of the source and passes it to `to`.
///
/// # Errors
/// `Refused` if the namespace changes meanwhile; `Interrupted`; any error of reading or of `to`.
pub(in crate::run) async fn walk(
    context: &Context,
    line: &Line,
    shards: &[Shard],
    to: &mut dyn Take,
) -> Result<Contents> {
    let mut contents = Contents::default();
    for shard in shards {
        let lists = lists_of(context, &line.copy, shard, &line.pipeline).await?;
        let source = &*line.pipeline.source;
        contents += walk_shard(context, source, (shard, lists), &line.reading, to).await?;
    }
    Ok(contents)
}

/// Reads every record that a namespace of either side holds, by shards that are found for it, and passes it to `to`.
/// `count` is its current record count.
///
/// # Errors
/// Those of [`walk`]; `Refused` if some ids cannot be found.
pub(in crate::run) async fn walk_anew(
    context: &Context,
    index: &Arc<dyn Source>,
    namespace: &Namespace,
    count: u64,
    reading: &Reading,
    to: &mut dyn Take,
) -> Result<Contents> {
    let mut contents = Contents::default();
    for shard in anew(context, index, namespace, namespace, count).await? {
        contents += walk_shard(context, &**index, (&shard, Lists::default()), reading, to).await?;
    }
    Ok(contents)
}

async fn walk_shard(
    context: &Context,
    index: &dyn Source,
    (shard, lists): (&Shard, Lists),
    reading: &Reading,
    to: &mut dyn Take,
) -> Result<Contents> {
    let mut contents = Contents::default();
    let pages = pages_of(index, shard, &Cursor::Start, lists, reading).await;
    let mut pages = pages.map_err(|error| restless(&shard.source, error))?;
    while let Some(mut page) = pages.try_next().await? {
        context.stop_if_cancelled()?;
        contents += page.contents;
        to.take(std::mem::take(&mut page.records)).await?;
    }
    Ok(contents)
}
