//! Merges several namespaces into one, provided that no two of them share an id.

use futures::FutureExt;

use crate::copy::{Mapping, merged, prove_disjoint};
use crate::error::{Error, Result};
use crate::journal::ShardState;
use crate::model::{Cursor, Namespace, Shard};
use crate::plan::CopyStage;
use crate::run::line::artifacts::dead_letters;
use crate::run::line::{lists_of, pipeline};
use crate::run::selection::recorded_mappings;
use crate::run::{Context, Progress};

/// Proves that the ids of merged namespaces are disjoint before anything is copied into their target. Every attempt
/// that still copies into it proves it again.
///
/// # Errors
/// `Refused` with the first ids that collide.
pub(super) async fn prove_merges(context: &Context, copy: &CopyStage) -> Result<()> {
    let states = &context.stage_state()?.shards;
    let mappings: Vec<Mapping> = recorded_mappings(context, &copy.id);
    let is_open = |target: &Namespace| {
        let is_written = |state: &ShardState| state.checkpoint.cursor != Cursor::End;
        states.values().any(|state| &state.shard.target == target && is_written(state))
    };
    let targets: Vec<&Namespace> =
        merged(&mappings).into_iter().filter(|target| is_open(target)).collect();
    let shards: Vec<Shard> = states
        .values()
        .map(|state| state.shard.clone())
        .filter(|shard| targets.contains(&&shard.target))
        .collect();
    if shards.is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(&context.artifacts).map_err(|error| {
        Error::io(format!("cannot make {}", context.artifacts.display()), error)
    })?;
    let pipeline = &pipeline(context, copy, dead_letters(context, copy)).await?;
    let total = shards.iter().map(|shard| shard.expected).sum();
    prove_disjoint(
        context.world.source.clone(),
        &shards,
        &|shard| lists_of(context, copy, shard, pipeline).boxed(),
        &context.artifacts,
        &mut |walked| {
            context.progress(&Progress {
                stage: context.id(),
                unit: "ids of merged namespaces",
                done: walked,
                total: walked.max(total),
                note: context.world.waiting(),
            });
            context.stop_if_cancelled()
        },
    )
    .await
}
