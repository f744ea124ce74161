//! Whether both sides count the same.

use super::VerifyWork;
use crate::assertion::Measured;
use crate::error::Result;
use crate::journal::ShardState;
use crate::model::Observed;
use crate::run::Context;

impl VerifyWork {
    /// Differences of the two sides' own counts, namespace by namespace.
    pub(super) async fn count(
        &self,
        context: &Context,
        shards: &[ShardState],
        target: &mut Measured,
    ) -> Result<()> {
        let ours = context.world.source.stats().await?;
        let theirs = context.world.target.stats().await?;
        let mut delta = 0;
        for state in shards {
            let (a, b) = (ours.count(&state.shard.source), theirs.count(&state.shard.target));
            delta += a.abs_diff(b);
            if a != b {
                context.note(format!(
                    "`{}` has {a} records, `{}` has {b}",
                    state.shard.source, state.shard.target
                ))?;
            }
        }
        target.set("count_delta", Observed::count(delta), shards.len() as u64);
        Ok(())
    }
}
