//! Copies every record of the selected namespaces and proves that it did.
//!
//! `plan` records the shards, and `shards` builds the pipeline that walks them. `manifest` sorts ids given by the user
//! (or `printed` by a command), `merge` proves that merged namespaces share no id, and `existing` handles ids the
//! target already holds. `import` has the target import what was written as files, and `finish`
//! has it make what is only worth making once the records are there. `prove` compares what was settled
//! with the source's own counts, and `mapping` writes the names for the application.

mod existing;
mod finish;
mod import;
mod manifest;
mod mapping;
mod merge;
mod plan;
mod printed;
mod progress;
mod prove;
mod shards;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};

pub use existing::Held;
pub(crate) use existing::{kept_by, look};
use existing::{prepare_existing, skipped_path};
use import::Imported;
pub(crate) use manifest::check_manifest;
use manifest::{forget_ids, prepare_ids};
use mapping::write_mapping;
use merge::prove_merges;
use progress::Gauge;
pub(crate) use shards::{lists_of, pipeline};

use super::resource::{remove_all, words};
use super::{Acted, Work};
use crate::assertion::{Measured, judge_once};
use crate::copy::{Acked, Copier, Pipeline, ShardEnd, adopt, refusals};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Route, RunState, ShardState};
use crate::model::{Checkpoint, Cursor, Enumeration, Observed, Tally, Verdict};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::context::guard;
use crate::run::route::{recorded_route, route_of};
use crate::run::selection::recorded_mappings;
use crate::store::Source;

pub(super) struct CopyWork(pub CopyStage);

#[async_trait]
impl Work for CopyWork {
    async fn act(&self, context: &Context) -> Result<Acted> {
        let copy = &self.0;
        note_inventory(context).await?;
        let path = artifact(context, copy, "dead-letters.jsonl");
        let route = route_of(context, copy).await?;
        let staging = plan::plan_shards(context, copy, route).await?;
        let imported = Imported::of(context, copy, route).await?;
        if !imported.as_ref().is_some_and(|imported| imported.has_begun) {
            plan::plan_again(context, copy, route, &path).await?;
        }
        prepare_ids(context, copy, &recorded_mappings(context, &copy.id)).await?;
        let before = context.state()?;
        let retried = before.figures.get("retries").map_or(0, |retries| *retries as u64);
        let retries_before = context.world.retries();
        let mut pipeline = pipeline(context, copy, path.clone()).await?;
        pipeline.staging = staging.map(|index| -> Arc<dyn Source> { index });
        pipeline.export = imported.as_ref().map(|imported| imported.export.clone());
        prove_merges(context, copy, &pipeline).await?;
        prepare_existing(context, copy, route, &mut pipeline).await?;
        if let Some(imported) = &imported {
            imported.begin(context).await?;
        }
        let shards: Vec<ShardState> = before.shards.into_values().collect();
        let copier = pipeline.copier()?;
        let gauge = Gauge::new(context, &shards);
        if shards.iter().any(|shard| !shard.is_complete) {
            context.record(Event::CopyingStarted { stage: context.id() })?;
        }
        let parallel = copy.asked.parallel.unwrap_or(PARALLEL) as usize;
        let mut copies = Vec::new();
        for shard in &shards {
            if !shard.is_complete {
                let ends = (&pipeline, &copier);
                copies.push(copy_shard(context, copy, ends, shard, &gauge).boxed());
            }
        }
        let copied = stream::iter(copies).buffer_unordered(parallel).try_collect::<Vec<()>>().await;
        let retries = retried + context.world.retries() - retries_before;
        if let Err(error) = copied {
            // The next process continues these figures.
            figures(context, retries)?;
            return Err(error);
        }
        let mut gaps = prove::prove(context).await?;
        if gaps.is_empty()
            && let Some(imported) = &imported
        {
            match !imported.has_begun && has_failed(context)? {
                true => gaps.push(NOT_IMPORTED.to_owned()),
                false => imported.run(context).await?,
            }
        }
        if gaps.is_empty() && matches!(route, Route::Import | Route::Collection) {
            gaps = prove::returned(context, &pipeline).await?;
        }
        if gaps.is_empty() {
            let removed = remove_all(context).await?;
            for resource in removed {
                context.note(format!("removed {resource}"))?;
            }
            finish::finish(context, copy).await?;
        }
        let tally = context.state()?.tally();
        if tally.failed > 0 {
            for sentence in refusals(&path)?.sentences() {
                context.note(format!("not copied: {sentence}"))?;
            }
            context.wrote("dead letters", path, tally.failed)?;
        }
        if tally.skipped > 0 {
            context.wrote("ids left alone", skipped_path(context, copy), tally.skipped)?;
        }
        if tally.missing > 0 {
            forget_ids(context, copy)?;
        }
        write_mapping(context, copy)?;
        prove::report(context, &gaps)?;
        figures(context, retries)?;
        let mut measured = settled(tally);
        measured.set("copy.complete", Observed::Bool(gaps.is_empty()), tally.enumerated).set(
            "copy.retries",
            Observed::count(retries),
            tally.enumerated,
        );
        // The rate covers records that passed through here; the time of an import is up to the target.
        match context.state()?.rate() {
            Some(rate) => measured.set("copy.rate", Observed::PerSecond(rate), tally.enumerated),
            None => measured.set_not_measured("copy.rate", unmeasured(route, tally)),
        };
        if !gaps.is_empty() && !context.asks("copy.complete") {
            // A copy is complete only if proven; a plan without this assertion does not pass without proof.
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("the copy is not complete: {}", gaps.join("; ")),
            ));
        }
        Ok(Acted { target: measured, source: Measured::default() })
    }
}

pub(super) async fn undo(context: &Context, copy: &CopyStage) -> Result<String> {
    let removed = words(&context.state()?.removed);
    let copied = arrived_by(context, copy).await?;
    Ok(format!("kept {} records in the target{removed}", Observed::count(copied)))
}

/// Notes once per run which files the source consists of and what in them is not read, in the audit or when the copy
/// begins.
async fn note_inventory(context: &Context) -> Result<()> {
    let is_audited = context.plan.audit.is_some();
    let is_begun = context
        .recorder
        .with_state(|state| state.stages.iter().any(|stage| !stage.shards.is_empty()));
    if is_audited || is_begun {
        return Ok(());
    }
    let inventory = context.world.source.inventory().await?;
    for sentence in inventory.iter().flat_map(|inventory| inventory.sentences()) {
        context.note(sentence)?;
    }
    Ok(())
}

/// Namespaces copied at once where the plan does not say: each lists its ids one page after the other.
pub(crate) const PARALLEL: u32 = 16;

const NOT_IMPORTED: &str = "the files were not imported: an assertion fails on what was written";

/// Measures what is known once every record is settled.
fn settled(tally: Tally) -> Measured {
    let mut measured = Measured::default();
    measured
        .set("copy.records", Observed::count(tally.copied), tally.enumerated)
        .set("copy.failed", Observed::count(tally.failed), tally.enumerated)
        .set("copy.missing", Observed::count(tally.missing), tally.enumerated)
        .set("copy.left_out", Observed::count(tally.left_out), tally.enumerated)
        .set("copy.skipped", Observed::count(tally.skipped), tally.enumerated);
    measured
}

/// Returns whether an assertion already fails. An import cannot be repeated, so it is not started then.
fn has_failed(context: &Context) -> Result<bool> {
    let measured = settled(context.state()?.tally());
    let strict = context.options.strict;
    let mut judgements = context
        .stage()
        .assertions
        .iter()
        .map(|assertion| judge_once(assertion, &measured, &Measured::default()));
    Ok(judgements.any(|one| one.verdict == Verdict::Fail && one.is_blocking(strict)))
}

/// The path of a copy stage's artifact.
fn artifact(context: &Context, copy: &CopyStage, name: &str) -> PathBuf {
    context.artifacts.join(format!("{}-{name}", copy.id))
}

/// Counts the records that have reached the target through all copies.
pub(super) async fn arrived(context: &Context) -> Result<u64> {
    let mut all = 0;
    for copy in &context.plan.copies {
        all += arrived_by(context, copy).await?;
    }
    Ok(all)
}

/// Counts the records that have reached the target through one copy. Files count only once they are imported.
async fn arrived_by(context: &Context, copy: &CopyStage) -> Result<u64> {
    if recorded_route(context, copy) != Some(Route::Import) {
        let copied = |state: &RunState| state.stage(&copy.id).map_or(0, |own| own.tally().copied);
        return Ok(context.recorder.with_state(copied));
    }
    let own = guard::folder_name(context, copy);
    let Some(bulk) = context.world.target.bulk() else { return Ok(0) };
    let imports = match bulk.imports().await {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        imports => imports?,
    };
    let own = imports.iter().filter(|import| import.uri.trim_end_matches('/').ends_with(&own));
    // An import that reports no count may have written some.
    Ok(own.map(|import| import.records.unwrap_or(1)).sum())
}

/// Explains why the rate of copying is unknown.
fn unmeasured(route: Route, tally: Tally) -> &'static str {
    match (route, tally.copied) {
        (Route::Collection, _) => "the provider copied the records; vecshift moved none",
        (_, 0) => "no record was copied",
        _ => "the journal does not say how long copying took",
    }
}

/// Records the figures of all processes so far.
fn figures(context: &Context, retries: u64) -> Result<()> {
    let state = context.state()?;
    let tally = state.tally();
    let is_collected = state.route.as_ref().is_some_and(|(route, _)| *route == Route::Collection);
    let figures = [
        ("records", Some(tally.copied as f64)),
        ("bytes", (!is_collected).then_some(tally.bytes as f64)),
        ("failed", Some(tally.failed as f64)),
        ("missing", Some(tally.missing as f64)),
        ("left_out", Some(tally.left_out as f64)),
        ("skipped", (tally.skipped > 0).then_some(tally.skipped as f64)),
        ("records_per_second", state.rate()),
        ("retries", Some(retries as f64)),
    ];
    let known = figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let figures = known.collect();
    context.record(Event::Measured { stage: context.id(), figures })
}

async fn copy_shard(
    context: &Context,
    copy: &CopyStage,
    (pipeline, copier): (&Pipeline, &Copier),
    state: &ShardState,
    gauge: &Gauge<'_>,
) -> Result<()> {
    let shard = &state.shard;
    let stage = context.id();
    let id = shard.id();
    let mut due = progress::Due::default();
    let mut checkpoint = |acked: Acked<Checkpoint>| {
        let checkpoint: &Checkpoint = acked.get();
        gauge.update(&id, checkpoint.tally);
        if due.is_due() || checkpoint.cursor == Cursor::End {
            context.recorder.checkpoint(&stage, &id, acked)?;
        }
        Ok(())
    };
    let end = match shard.enumeration {
        Enumeration::Collection => adopt(pipeline, shard, &state.checkpoint, &mut checkpoint).await,
        _ => {
            let lists = lists_of(context, copy, shard, pipeline)?;
            copier.copy(shard, &state.checkpoint, lists, &mut checkpoint).await
        }
    };
    match end.map_err(|error| error.with_context("namespace", &id))? {
        ShardEnd::Complete(_) => Ok(()),
        ShardEnd::Interrupted => {
            Err(Error::new(ErrorKind::Interrupted, "interrupted while copying"))
        }
    }
}
