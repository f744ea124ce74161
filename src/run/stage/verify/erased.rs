//! Handles source namespaces from which data was erased on request since the copy.

use super::groups::Group;
use crate::error::Result;
use crate::model::{Enumeration, Side};
use crate::run::Context;
use crate::run::context::guard::counted;

/// Updates the expected counts of such namespaces' shards, which are read by their counts.
pub(super) async fn count_anew(context: &Context, groups: &mut [Group]) -> Result<()> {
    let source = &context.world.source;
    let mut counts = None;
    for group in groups {
        if !is_erased(context, group) {
            continue;
        }
        if counts.is_none() {
            counts = Some(counted(&**source).await?);
        }
        let scan = source.must_scan()?;
        let now = counts.clone().unwrap_or_default();
        for state in &mut group.shards {
            let shard = &mut state.shard;
            shard.expected = match &shard.enumeration {
                Enumeration::Scan(range) => scan.recount(&shard.source, range).await?,
                _ => None,
            }
            .unwrap_or_else(|| now.count(&shard.source));
        }
    }
    Ok(())
}

fn is_erased(context: &Context, group: &Group) -> bool {
    let sources = group.sources();
    let is_erased = |of| context.state.erased_of(Side::Source, of) > 0;
    sources.iter().any(is_erased)
}
