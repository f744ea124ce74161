//! Waiting until the target shows what was written to it.

use std::time::Duration;

use super::shards::mapping_of;
use crate::clock::after;
use crate::copy::{Mapping, expected_by_target};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::ShardState;
use crate::run::Context;

const PAUSE: Duration = Duration::from_millis(200);

/// Waits until every shard's last write is readable: by log sequence number where the target tells it, and by
/// its counts.
///
/// # Errors
/// `Timeout` with the namespaces that lag.
pub(super) async fn catch_up(
    context: &Context,
    shards: &[ShardState],
    limit: Duration,
) -> Result<()> {
    let deadline = after(context.clock.now(), limit);
    loop {
        let behind = behind(context, shards).await?;
        if behind.is_empty() {
            return Ok(());
        }
        if context.clock.now() >= deadline {
            let message = format!(
                "the target does not show everything that was written after {}: {}",
                crate::model::Span(limit),
                behind.join("; ")
            );
            return Err(Error::new(ErrorKind::Timeout, message)
                .with_hint("run the same command again; give it longer with `catch_up`"));
        }
        context.sleep(PAUSE).await?;
    }
}

async fn behind(context: &Context, shards: &[ShardState]) -> Result<Vec<String>> {
    let target = &context.world.target;
    let counts = target.stats().await?;
    let mut behind = Vec::new();
    let copied = |state: &ShardState| Mapping {
        records: state.checkpoint.tally.copied,
        ..mapping_of(&state.shard)
    };
    for (namespace, written) in expected_by_target(&shards.iter().map(copied).collect::<Vec<_>>()) {
        let count = counts.count(&namespace);
        if count < written {
            behind.push(format!("`{namespace}` shows {count} of {written} records"));
        }
    }
    for state in shards {
        let namespace = &state.shard.target;
        if let Some(lsn) = state.checkpoint.lsn
            && target.is_visible(namespace, lsn).await? == Some(false)
        {
            behind.push(format!("`{namespace}` has not reached sequence number {lsn}"));
        }
    }
    Ok(behind)
}
