//! From a plan and the source's counts to shards, and to the pipeline that walks them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::manifest::manifest_of;
use crate::copy::{
    Adaptive, DeadLetters, Lists, Mapping, Pipeline, Transform, choose, map_namespaces,
};
use crate::error::Result;
use crate::model::{Enumeration, IndexStats, Namespace, Shard};
use crate::plan::Plan;
use crate::plan::file::{self, StageKind};
use crate::provider::Source;
use crate::run::Context;

/// The plan's copy stage, or one with all defaults.
pub(crate) fn copy_of(plan: &Plan) -> file::Copy {
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

/// The namespaces the copy stage recorded, in order, each once; empty where it has not run.
pub(crate) fn recorded_mappings(context: &Context) -> Vec<Mapping> {
    let mut all: BTreeMap<Namespace, Mapping> = BTreeMap::new();
    context.recorder.with_state(|state| {
        let states = state.stages.iter().flat_map(|stage| stage.shards.values());
        for Shard { source, target, expected, .. } in states.map(|state| &state.shard) {
            let (source, target) = (source.clone(), target.clone());
            let empty = Mapping { source: source.clone(), target, records: 0 };
            all.entry(source).or_insert(empty).records += expected;
        }
    });
    all.into_values().collect()
}

/// The changes the plan's copy stage makes to records.
pub(crate) fn transform_of(context: &Context) -> Result<Transform> {
    Transform::new(&context.plan, &copy_of(&context.plan))
}

/// The pipeline of the plan's copy stage.
pub(crate) async fn pipeline(context: &Context, dead_letters: PathBuf) -> Result<Pipeline> {
    let copy = copy_of(&context.plan);
    let dimension = context
        .world
        .source
        .describe()
        .await?
        .ok_or_else(|| crate::run::stage::audit::no_source(context))?
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
        staging: None,
        export: None,
        dimension: dimension.unwrap_or(0) as usize,
        throttled: {
            let world = context.world.clone();
            Arc::new(move || world.throttled())
        },
        cancel: context.cancel.clone(),
    })
}

/// What gives the ids of a shard where its source does not: a manifest, the staging index, or the target, which
/// after a copy holds every id.
pub(crate) fn lists_of(context: &Context, shard: &Shard, pipeline: &Pipeline) -> Result<Lists> {
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
    Ok(Lists { other, manifest: manifest_of(context, shard)?, dimension: pipeline.dimension })
}
