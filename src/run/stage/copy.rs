//! Copies every record of the selected namespaces and proves it.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::manifest::{forget_ids, manifest_of, prepare_ids, recorded_as};
use super::mapping::write_mapping;
use super::merge::prove_merges;
use super::shards::{mapping_of, mappings, pipeline, recorded};
use super::{Acted, Check, Work};
use crate::assertion::Measured;
use crate::clock::Stopwatch;
use crate::copy::{Pipeline, SWEEP_LIMIT, ShardEnd};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, ShardState};
use crate::model::{Checkpoint, Cursor, Enumeration, Namespace, Observed, Shard, Tally};
use crate::plan::Plan;
use crate::plan::file::{self, EnumerateBy, NamedEnumeration};
use crate::provider::Capabilities;
use crate::run::{Context, Progress};

/// The least time between two checkpoints of one shard.
const CHECKPOINT: Duration = Duration::from_millis(250);

pub(super) struct CopyWork(pub file::Copy);

/// How the ids of a namespace of `records` records will be found, and why that way.
///
/// # Errors
/// `Refused` where the way cannot give every id.
pub(crate) fn enumeration_of(
    plan: &Plan,
    copy: &file::Copy,
    can: Capabilities,
    namespace: &Namespace,
    records: u64,
) -> Result<(Enumeration, &'static str)> {
    let named = match &copy.enumerate {
        EnumerateBy::Manifest(manifest) => {
            let file = plan.base.join(manifest.manifest.file.as_deref().unwrap_or("ids.csv"));
            return Ok((Enumeration::Manifest { file }, "the plan gives the ids"));
        }
        EnumerateBy::Named(named) => *named,
    };
    match named {
        NamedEnumeration::Auto if can.list => Ok((Enumeration::List, "the source lists its ids")),
        NamedEnumeration::List if can.list => Ok((Enumeration::List, "the plan says so")),
        NamedEnumeration::List => Err(Error::new(ErrorKind::Refused, "`enumerate: list`: pods cannot list ids")
            .with_hint("use `enumerate: auto`, or a manifest of ids")),
        NamedEnumeration::Auto | NamedEnumeration::Sweep if records > SWEEP_LIMIT => Err(Error::new(
            ErrorKind::Refused,
            format!(
                "namespace `{namespace}` has {records} records: pods cannot list ids, and one query reaches {SWEEP_LIMIT}; {} would be out of reach",
                records - SWEEP_LIMIT
            ),
        )
        .with_hint("give the ids from your system of record: `enumerate: { manifest: { file: ids.csv } }`")),
        NamedEnumeration::Auto => Ok((Enumeration::Sweep, "pods cannot list ids; every namespace fits one query")),
        NamedEnumeration::Sweep => Ok((Enumeration::Sweep, "the plan says so")),
        NamedEnumeration::Partition | NamedEnumeration::Staging => {
            Err(Error::unsupported("this way of enumerating is not in this version"))
        }
    }
}

#[async_trait]
impl Work for CopyWork {
    async fn check(&self, _: &Context) -> Result<Check> {
        Ok(Check::Holds)
    }

    async fn act(&self, context: &Context) -> Result<Acted> {
        let path = context.artifacts.join("dead-letters.jsonl");
        self.plan_shards(context).await?;
        self.plan_again(context, &path).await?;
        let copied: Vec<_> = recorded(context).iter().map(mapping_of).collect();
        prepare_ids(context, &copied).await?;
        prove_merges(context).await?;
        let before = context.state()?;
        let (done_before, retries_before) = (before.tally(), context.world.retries());
        let pipeline = pipeline(context, path.clone()).await?;
        let watch = Stopwatch::start();
        let shards: Vec<ShardState> = before.shards.into_values().collect();
        let gauge = Gauge::new(context, &shards);
        let parallel = self.0.parallel.unwrap_or(4) as usize;
        let work = shards.iter().filter(|shard| !shard.is_complete);
        let copies: Vec<_> =
            work.map(|shard| copy_shard(context, &pipeline, shard, &gauge).boxed()).collect();
        stream::iter(copies).buffer_unordered(parallel).try_collect::<Vec<()>>().await?;
        let gaps = self.prove(context).await?;
        let tally = context.state()?.tally();
        if tally.failed > 0 {
            context.wrote("dead letters", path, tally.failed)?;
        }
        if tally.missing > 0 {
            forget_ids(context)?;
        }
        write_mapping(context)?;
        self.report(context, &gaps)?;
        let seconds = watch.elapsed().as_secs_f64().max(1e-3);
        let rate = (tally.copied - done_before.copied) as f64 / seconds;
        let retries = context.world.retries() - retries_before;
        self.figures(context, tally, rate, retries)?;
        let mut measured = Measured::default();
        measured
            .set("copy.records", Observed::count(tally.copied), tally.enumerated)
            .set("copy.failed", Observed::count(tally.failed), tally.enumerated)
            .set("copy.missing", Observed::count(tally.missing), tally.enumerated)
            .set("copy.left_out", Observed::count(tally.left_out), tally.enumerated)
            .set("copy.complete", Observed::Bool(gaps.is_empty()), tally.enumerated)
            .set("copy.rate", Observed::PerSecond(rate), tally.enumerated)
            .set("copy.retries", Observed::count(retries), tally.enumerated);
        let asks = |name: &str| {
            context.stage().assertions.iter().any(|assertion| assertion.metric.name == name)
        };
        if !gaps.is_empty() && !asks("copy.complete") {
            // Complete means proven; a plan that does not ask gets no pass for that.
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("the copy is not complete: {}", gaps.join("; ")),
            ));
        }
        Ok(Acted::Measured { target: measured, source: Measured::default() })
    }

    async fn undo(&self, context: &Context) -> Result<String> {
        let copied = context.state()?.tally().copied;
        Ok(format!("kept {} records in the target", Observed::count(copied)))
    }
}

impl CopyWork {
    /// Records the shards, once for a run: they are what is copied, whatever namespaces appear later.
    async fn plan_shards(&self, context: &Context) -> Result<()> {
        if !recorded(context).is_empty() {
            return Ok(());
        }
        let source = &context.world.source;
        source.describe().await?.ok_or_else(|| super::audit::no_source(context))?;
        let stats = source.stats().await?;
        let mut shards = Vec::new();
        for mapping in mappings(&context.plan, &stats)? {
            let (enumeration, _) = enumeration_of(
                &context.plan,
                &self.0,
                source.capabilities(),
                &mapping.source,
                mapping.records,
            )?;
            let enumeration = recorded_as(context, enumeration);
            let (source, target) = (mapping.source, mapping.target);
            shards.push(Shard { source, target, enumeration, expected: mapping.records });
        }
        if shards.is_empty() {
            return Err(Error::new(ErrorKind::Refused, "no namespace of the source is selected")
                .with_hint("look at `namespaces.select` and at what `vecshift audit` lists"));
        }
        for shard in shards {
            context.record(Event::ShardPlanned { stage: context.id(), shard })?;
        }
        Ok(())
    }

    /// Plans those shards anew that came to their end and were not proven, or had records refused by the target:
    /// another try of the stage can only differ where they are walked again. So are those that were not begun and
    /// whose count is another by now.
    async fn plan_again(&self, context: &Context, dead_letters: &Path) -> Result<()> {
        let counts = context.world.source.stats().await?;
        for state in context.state()?.shards.into_values() {
            let now = counts.count(&state.shard.source);
            let has_ended = state.checkpoint.cursor == Cursor::End;
            let was_judged = state.is_complete && state.checkpoint.tally.failed > 0;
            let is_stale = state.checkpoint.cursor == Cursor::Start && state.shard.expected != now;
            if is_stale || has_ended && (was_judged || gap(&state, now).is_some()) {
                let shard = Shard { expected: now, ..state.shard };
                context.record(Event::ShardPlanned { stage: context.id(), shard })?;
            }
        }
        if context.state()?.tally().failed > 0 {
            return Ok(());
        }
        match tokio::fs::remove_file(dead_letters).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io(format!("cannot remove {}", dead_letters.display()), error))
            }
            _ => Ok(()),
        }
    }

    /// Shards that hold every record the source counts are marked complete; the others are told with their gap.
    async fn prove(&self, context: &Context) -> Result<Vec<String>> {
        let counts = context.world.source.stats().await?;
        let mut gaps = Vec::new();
        for state in context.state()?.shards.into_values() {
            let now = counts.count(&state.shard.source);
            match gap(&state, now) {
                Some(gap) => gaps.push(format!("`{}`: {gap}", state.shard.source)),
                None if !state.is_complete => {
                    let source = state.shard.source.clone();
                    context.record(Event::ShardCompleted { stage: context.id(), source })?;
                }
                None => {}
            }
        }
        Ok(gaps)
    }

    fn report(&self, context: &Context, gaps: &[String]) -> Result<()> {
        for gap in gaps.iter().take(20) {
            context.note(format!("not complete: {gap}"))?;
        }
        if gaps.len() > 20 {
            context.note(format!("not complete: {} namespaces more", gaps.len() - 20))?;
        }
        Ok(())
    }

    fn figures(&self, context: &Context, tally: Tally, rate: f64, retries: u64) -> Result<()> {
        let figures = [
            ("records", tally.copied as f64),
            ("bytes", tally.bytes as f64),
            ("failed", tally.failed as f64),
            ("missing", tally.missing as f64),
            ("left_out", tally.left_out as f64),
            ("records_per_second", rate),
            ("retries", retries as f64),
        ];
        let figures = figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        context.record(Event::Measured { stage: context.id(), figures })
    }
}

/// What is between what was settled and what the source counts.
fn gap(state: &ShardState, now: u64) -> Option<String> {
    let tally = state.checkpoint.tally;
    let expected = state.shard.expected;
    if state.checkpoint.cursor != Cursor::End {
        return Some("it did not come to its end".to_owned());
    }
    if tally.missing > 0 {
        return Some(format!("{} ids are not in the source", tally.missing));
    }
    if tally.enumerated != expected {
        return Some(format!(
            "the source counts {expected} records and {} ids were found",
            tally.enumerated
        ));
    }
    if now != expected {
        return Some(format!(
            "the source counted {expected} records at first and {now} now: something writes to it"
        ));
    }
    None
}

async fn copy_shard(
    context: &Context,
    pipeline: &Pipeline,
    state: &ShardState,
    gauge: &Gauge<'_>,
) -> Result<()> {
    let shard = &state.shard;
    let manifest = manifest_of(context, shard)?;
    let stage = context.id();
    let mut last: Option<Stopwatch> = None;
    let end = pipeline
        .copy(shard, &state.checkpoint, manifest, &mut |acked| {
            let checkpoint: &Checkpoint = acked.get();
            gauge.update(&shard.source, checkpoint.tally);
            let is_due = last.is_none_or(|last| last.elapsed() >= CHECKPOINT);
            if is_due || checkpoint.cursor == Cursor::End {
                last = Some(Stopwatch::start());
                context.recorder.checkpoint(&stage, &shard.source, acked)?;
            }
            Ok(())
        })
        .await
        .map_err(|error| error.with_context("namespace", &shard.source))?;
    match end {
        ShardEnd::Complete(_) => Ok(()),
        ShardEnd::Interrupted => {
            Err(Error::new(ErrorKind::Interrupted, "interrupted while copying"))
        }
    }
}

/// Progress over all shards.
struct Gauge<'a> {
    context: &'a Context,
    total: u64,
    done: Mutex<std::collections::BTreeMap<Namespace, u64>>,
}

impl<'a> Gauge<'a> {
    fn new(context: &'a Context, shards: &[ShardState]) -> Self {
        let total = shards.iter().map(|shard| shard.shard.expected).sum();
        let done = shards
            .iter()
            .map(|shard| (shard.shard.source.clone(), shard.checkpoint.tally.enumerated))
            .collect();
        Self { context, total, done: Mutex::new(done) }
    }

    fn update(&self, namespace: &Namespace, tally: Tally) {
        let done = {
            let mut all = self.done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            all.insert(namespace.clone(), tally.enumerated);
            all.values().sum()
        };
        self.context.recorder.progress(&Progress {
            stage: self.context.id(),
            unit: "records",
            done,
            total: self.total.max(done),
            note: self.context.world.waiting(),
        });
    }
}
