//! What the shards of a copy go through, and what lists their ids.

use std::path::PathBuf;
use std::sync::Arc;

use super::manifest::manifest_of;
use super::staging;
use crate::copy::{DeadLetters, Lists, Pipeline};
use crate::error::Result;
use crate::journal::Route;
use crate::model::{Enumeration, Rate, Shard};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::route::recorded_route;
use crate::run::sides::{fields_of, no_source, transform};
use crate::store::Source;

/// Namespaces copied at once where the plan does not say: each lists its ids one page after the other.
pub(crate) const PARALLEL: u32 = 16;

/// Builds the pipeline of a copy stage.
///
/// # Errors
/// `NotFound` if the source or the staging index is gone; `Invalid` if the plan's changes to records cannot be made.
pub(crate) async fn pipeline(
    context: &Context,
    copy: &CopyStage,
    dead_letters: PathBuf,
) -> Result<Pipeline> {
    let source = context.world.source_of(&copy.id);
    let described = source.describe().await?.ok_or_else(|| no_source(context))?;
    let is_staged = recorded_route(context, copy) == Some(Route::Staging);
    let staging = match is_staged && is_open(context, copy) {
        true => Some(staging::open(context, copy).await?),
        false => None,
    };
    let target = context.world.target_of(&copy.id);
    let seen = target.describe().await?.map(|seen| seen.spec);
    let transform = transform(&context.plan, copy, &described.spec, seen.as_ref())?;
    let fields = fields_of(&context.plan, seen.as_ref()).unwrap_or_default();
    Ok(Pipeline {
        source,
        target,
        comparing: Arc::new(transform.places().comparing_kept(&fields)),
        transform: Arc::new(transform),
        dead_letters: Arc::new(DeadLetters::new(dead_letters)),
        staging,
        export: None,
        skip: None,
        dimension: described.spec.dimension.unwrap_or(0) as usize,
        rate: copy.asked.rate.map(|Rate(records)| records),
        room: context.world.room.clone(),
        cancel: context.cancel.clone(),
    })
}

/// Returns what lists the ids of a shard if the source does not: a manifest, the staging index, or the target, which
/// holds every id after a copy.
pub(crate) async fn lists_of(
    context: &Context,
    copy: &CopyStage,
    shard: &Shard,
    pipeline: &Pipeline,
) -> Result<Lists> {
    let other = match (&shard.enumeration, &pipeline.staging) {
        (Enumeration::Staging { .. }, Some(staging)) => {
            Some((staging.clone(), shard.source.clone()))
        }
        (Enumeration::Staging { .. } | Enumeration::Collection, _) => {
            let target: Arc<dyn Source> = pipeline.target.clone();
            Some((target, shard.target.clone()))
        }
        _ => None,
    };
    Ok(Lists { other, manifest: manifest_of(context, copy, shard).await? })
}

/// Returns whether a shard of the copy is left.
pub(crate) fn is_open(context: &Context, copy: &CopyStage) -> bool {
    context.state.stage(&copy.id).is_some_and(|stage| !stage.open.is_empty())
}
