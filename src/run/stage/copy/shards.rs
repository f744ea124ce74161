//! Builds the pipeline that walks the shards of a copy, and the sources of their ids.

use std::path::PathBuf;
use std::sync::Arc;

use super::manifest::manifest_of;
use crate::copy::{Adaptive, DeadLetters, Lists, Pipeline, Transform};
use crate::error::Result;
use crate::model::{Enumeration, Shard};
use crate::plan::CopyStage;
use crate::provider::Source;
use crate::run::Context;

/// Builds the pipeline of a copy stage.
pub(crate) async fn pipeline(
    context: &Context,
    copy: &CopyStage,
    dead_letters: PathBuf,
) -> Result<Pipeline> {
    let source = context.world.source_of(&copy.id);
    let described = source.describe().await?;
    let described = described.ok_or_else(|| crate::run::stage::audit::no_source(context))?;
    let in_flight = copy.asked.in_flight.unwrap_or(8) as usize;
    Ok(Pipeline {
        source,
        target: context.world.target.clone(),
        transform: Arc::new(Transform::new(&context.plan, &copy.asked)?),
        dead_letters: Arc::new(DeadLetters::new(dead_letters)),
        concurrency: Arc::new(Adaptive::new(in_flight)),
        chunks_in_flight: in_flight.div_ceil(2),
        staging: None,
        export: None,
        skip: None,
        dimension: described.spec.dimension.unwrap_or(0) as usize,
        throttled: {
            let world = context.world.clone();
            Arc::new(move || world.throttled())
        },
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
    Ok(Lists { other, manifest: manifest_of(context, copy, shard)?, dimension: pipeline.dimension })
}
