//! Reads the records of a shard as the source holds them now.

use std::sync::Arc;

use futures::future::FutureExt;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use super::enumerate::Ids;
use super::pipeline::fetch_all;
use crate::error::Result;
use crate::model::{Namespace, Record};
use crate::provider::Source;

/// Fetches the records of `ids` from a source namespace, up to `at_once` chunks at a time, and yields them in the order
/// of the chunks. Ids that the source does not have are left out.
pub fn read_records(
    source: Arc<dyn Source>,
    namespace: Namespace,
    ids: Ids,
    at_once: usize,
) -> BoxStream<'static, Result<Vec<Record>>> {
    let fetch = move |ids: Vec<_>| {
        let (source, namespace) = (source.clone(), namespace.clone());
        async move { fetch_all(&*source, &namespace, &ids).await }.boxed()
    };
    ids.into_stream().map_ok(move |chunk| fetch(chunk.ids)).try_buffered(at_once.max(1)).boxed()
}
