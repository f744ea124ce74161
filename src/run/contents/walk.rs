//! Reads every record that a source namespace holds now.

use async_trait::async_trait;
use futures::stream::TryStreamExt;

use super::ids::restless;
use super::lines::Line;
use crate::copy::{Ids, read_records};
use crate::error::Result;
use crate::model::{Contents, Cursor, Namespace, Record, Shard};
use crate::run::Context;
use crate::run::stage::lists_of;

/// The number of chunks of a namespace fetched concurrently.
const AT_ONCE: usize = 4;

/// A receiver of the records of a namespace.
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
        let source = line.pipeline.source.clone();
        let lists = lists_of(context, &line.copy, shard, &line.pipeline)?;
        let size = line.pipeline.chunk_ids();
        let ids = Ids::start(source.clone(), shard, &Cursor::Start, size, lists).await;
        let ids = ids.map_err(|error| restless(namespace, error))?;
        let mut chunks = read_records(source, namespace.clone(), ids, AT_ONCE);
        while let Some(records) = chunks.try_next().await? {
            context.stop_if_cancelled()?;
            contents += Contents::of(&records);
            to.take(records).await?;
        }
    }
    Ok(contents)
}
