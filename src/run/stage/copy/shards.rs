//! Builds the pipeline that walks the shards of a copy, and the sources of their ids.

use std::path::PathBuf;
use std::sync::Arc;

use super::manifest::manifest_of;
use crate::copy::{DeadLetters, Lists, Pipeline, Transform};
use crate::error::Result;
use crate::model::{Enumeration, Rate, Shard};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::sides::no_source;
use crate::store::Source;

/// Builds the pipeline of a copy stage.
pub(crate) async fn pipeline(
    context: &Context,
    copy: &CopyStage,
    dead_letters: PathBuf,
) -> Result<Pipeline> {
    let source = context.world.source_of(&copy.id);
    let described = source.describe().await?;
    let described = described.ok_or_else(|| no_source(context))?;
    Ok(Pipeline {
        source,
        target: context.world.target_of(&copy.id),
        transform: Arc::new(Transform::new(&context.plan, &copy.asked)?),
        dead_letters: Arc::new(DeadLetters::new(dead_letters)),
        staging: None,
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
pub(crate) fn lists_of(
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
    Ok(Lists { other, manifest: manifest_of(context, copy, shard)? })
}
