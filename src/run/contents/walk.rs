//! Reads every record that a source namespace holds now.

use async_trait::async_trait;
use futures::stream::TryStreamExt;

use super::ids::restless;
use crate::copy::pages_of;
use crate::error::Result;
use crate::model::{Contents, Cursor, Namespace, Record, Shard};
use crate::run::Context;
use crate::run::line::Line;
use crate::run::line::lists_of;

/// What takes the records of a namespace.
#[async_trait]
pub(in crate::run) trait Take: Send {
    async fn take(&mut self, records: Vec<Record>) -> Result<()>;
}

/// Reads every record reached by `shards` and passes it to `to`.
///
/// # Errors
/// `Refused` if the namespace changes meanwhile; `Interrupted`; any error of reading or of `to`.
pub(in crate::run) async fn walk(
    context: &Context,
    line: &Line,
    namespace: &Namespace,
    shards: &[Shard],
    to: &mut dyn Take,
) -> Result<Contents> {
    let mut contents = Contents::default();
    for shard in shards {
        let lists = lists_of(context, &line.copy, shard, &line.pipeline).await?;
        let source = &*line.pipeline.source;
        let pages = pages_of(source, shard, &Cursor::Start, lists, &line.reading).await;
        let mut pages = pages.map_err(|error| restless(namespace, error))?;
        while let Some(mut page) = pages.try_next().await? {
            context.stop_if_cancelled()?;
            contents += page.contents;
            to.take(std::mem::take(&mut page.records)).await?;
        }
    }
    Ok(contents)
}
