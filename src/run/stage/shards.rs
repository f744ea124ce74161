//! From a plan and the source's counts to shards, and to the pipeline that walks them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::copy::{Adaptive, DeadLetters, Mapping, Pipeline, Transform, choose, map_namespaces};
use crate::error::Result;
use crate::model::{IndexStats, Shard};
use crate::plan::Plan;
use crate::plan::file::{self, StageKind};
use crate::run::Context;

/// The plan's copy stage, or one with all defaults.
pub(super) fn copy_of(plan: &Plan) -> file::Copy {
    plan.file
        .stages
        .iter()
        .find_map(|stage| match &stage.kind {
            StageKind::Copy(copy) => Some(copy.clone()),
            _ => None,
        })
        .unwrap_or_default()
}

/// The namespaces the plan copies and their names on the other side.
pub(crate) fn mappings(plan: &Plan, stats: &IndexStats) -> Result<Vec<Mapping>> {
    let copy = copy_of(plan);
    let chosen = choose(stats, copy.namespaces.as_ref())?;
    map_namespaces(plan, chosen, copy.namespaces.as_ref())
}

/// The shards the copy stage recorded, in order; planned anew where it has not run.
pub(super) fn recorded(context: &Context) -> Vec<Shard> {
    context.recorder.with_state(|state| {
        let shards = state.stages.iter().flat_map(|stage| stage.shards.values());
        shards.map(|shard| shard.shard.clone()).collect()
    })
}

pub(super) fn mapping_of(shard: &Shard) -> Mapping {
    Mapping { source: shard.source.clone(), target: shard.target.clone(), records: shard.expected }
}

/// The changes the plan's copy stage makes to records.
pub(super) fn transform_of(context: &Context) -> Result<Transform> {
    Transform::new(&context.plan, &copy_of(&context.plan))
}

/// The pipeline of the plan's copy stage.
pub(super) async fn pipeline(context: &Context, dead_letters: PathBuf) -> Result<Pipeline> {
    let copy = copy_of(&context.plan);
    let dimension = context
        .world
        .source
        .describe()
        .await?
        .ok_or_else(|| super::audit::no_source(context))?
        .spec
        .dimension;
    let in_flight = copy.in_flight.unwrap_or(8) as usize;
    Ok(Pipeline {
        source: context.world.source.clone(),
        target: context.world.target.clone(),
        transform: Arc::new(transform_of(context)?),
        dead_letters: Arc::new(DeadLetters::new(dead_letters)),
        concurrency: Arc::new(Adaptive::new(in_flight)),
        chunks_in_flight: in_flight.div_ceil(2),
        dimension: dimension.unwrap_or(0) as usize,
        throttled: {
            let world = context.world.clone();
            Arc::new(move || world.throttled())
        },
        cancel: context.cancel.clone(),
    })
}
