//! Compares both sides: counts, ids, contents, answers and their times.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::catch_up::catch_up;
use super::manifest::manifest_of;
use super::sampling::{queries, sample, seeded};
use super::shards::{mapping_of, pipeline, transform_of};
use super::{Acted, Check, Work};
use crate::assertion::{Measured, Series, metric_ref};
use crate::clock::Stopwatch;
use crate::copy::{
    Comparison, Difference, Mapping, Pipeline, compare_shard, count_extra, expected_by_target,
};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, ShardState};
use crate::model::{Observed, Operation, Outcome, Rate, RecordId, Sample, Share, Side};
use crate::plan::file::{Compare, Queries, Verify};
use crate::run::{Context, Progress};
use crate::traffic::Probe;

/// How long the target may take to show everything, where the plan does not say.
const CATCH_UP: Duration = Duration::from_secs(600);
/// Namespaces whose first query is timed.
const COLD_NAMESPACES: usize = 100;
/// Fetches that are timed.
const FETCHES: usize = 50;
/// Differences that are shown in the report; all are in the artifact.
const SHOWN: u64 = 20;

pub(super) struct VerifyWork(pub Verify);

#[async_trait]
impl Work for VerifyWork {
    async fn check(&self, _: &Context) -> Result<Check> {
        Ok(Check::Holds)
    }

    async fn act(&self, context: &Context) -> Result<Acted> {
        let shards = copied_shards(context)?;
        let limit = self.0.catch_up.map_or(CATCH_UP, |span| span.0);
        catch_up(context, &shards, limit).await?;
        let (mut target, mut source) = (Measured::default(), Measured::default());
        // Cold queries come first: comparing would warm every namespace up.
        if let Some(asked) = &self.0.queries {
            self.measure_queries(context, &shards, asked, &mut target, &mut source).await?;
        }
        self.count(context, &shards, &mut target).await?;
        self.compare(context, &shards, &mut target).await?;
        Ok(Acted::Measured { target, source })
    }

    async fn undo(&self, _: &Context) -> Result<String> {
        Ok("nothing to undo".to_owned())
    }
}

/// The shards of the copy that ran.
fn copied_shards(context: &Context) -> Result<Vec<ShardState>> {
    let shards: Vec<ShardState> = context.recorder.with_state(|state| {
        state.stages.iter().flat_map(|stage| stage.shards.values().cloned()).collect()
    });
    if shards.is_empty() {
        return Err(Error::new(
            ErrorKind::Refused,
            "nothing was copied in this run that could be verified",
        )
        .with_hint("put a copy stage before the verify stage"));
    }
    Ok(shards)
}

impl VerifyWork {
    /// Differences of the two sides' own counts, namespace by namespace.
    async fn count(
        &self,
        context: &Context,
        shards: &[ShardState],
        target: &mut Measured,
    ) -> Result<()> {
        let ours = context.world.source.stats().await?;
        let theirs = context.world.target.stats().await?;
        let mut delta = 0;
        let expected = |records: &dyn Fn(&ShardState) -> u64| {
            let mappings = shards
                .iter()
                .map(|state| Mapping { records: records(state), ..mapping_of(&state.shard) });
            expected_by_target(&mappings.collect::<Vec<_>>())
        };
        let held = expected(&|state| ours.count(&state.shard.source));
        let left_out = expected(&|state| state.checkpoint.tally.left_out);
        for (namespace, held) in held {
            let (a, b) = (held.saturating_sub(left_out[&namespace]), theirs.count(&namespace));
            delta += a.abs_diff(b);
            if a != b {
                context.note(format!("`{namespace}` should have {a} records and has {b}"))?;
            }
        }
        target.set("count_delta", Observed::count(delta), shards.len() as u64);
        Ok(())
    }

    async fn compare(
        &self,
        context: &Context,
        shards: &[ShardState],
        target: &mut Measured,
    ) -> Result<()> {
        let pipeline = pipeline(context, context.artifacts.join("unused.jsonl")).await?;
        let mut differences = Differences::new(context);
        let mut total = Comparison::default();
        let mut extra = Some(0);
        let counts = context.world.target.stats().await?;
        let all: u64 = shards.iter().map(|state| state.shard.expected).sum();
        for state in shards {
            let shard = &state.shard;
            let picks = Arc::new(self.picks(context, all));
            let manifest = manifest_of(context, shard)?;
            let tolerance = self.0.tolerance.unwrap_or(0.0);
            let comparison =
                compare_shard(&pipeline, shard, manifest, tolerance, picks, &mut |difference| {
                    differences.put(&difference)
                })
                .await?;
            let proves_no_extra = self.0.compare == Compare::All
                && comparison.missing == 0
                && comparison.compared == counts.count(&shard.target);
            let found = match proves_no_extra {
                true => Some(0),
                false => self.extra(&pipeline, state, &mut differences).await?,
            };
            extra = extra.zip(found).map(|(sum, found)| sum + found);
            total.add(comparison);
            context.recorder.progress(&Progress {
                stage: context.id(),
                unit: "records compared",
                done: total.compared,
                total: all.max(total.compared),
                note: context.world.waiting(),
            });
        }
        differences.finish()?;
        self.set(context, &total, extra, target)
    }

    async fn extra(
        &self,
        pipeline: &Pipeline,
        state: &ShardState,
        differences: &mut Differences<'_>,
    ) -> Result<Option<u64>> {
        count_extra(pipeline, &state.shard, &mut |difference| differences.put(&difference)).await
    }

    /// Which records are compared: all, or a part that is the same each time.
    fn picks(&self, context: &Context, all: u64) -> impl Fn(&RecordId) -> bool + use<> {
        let share = match self.0.compare {
            Compare::All => 1.0,
            Compare::Share(Share(share)) => share,
            Compare::Records(count) => count as f64 / all.max(1) as f64,
        };
        let salt = context.plan.file.name.clone();
        move |id: &RecordId| {
            if share >= 1.0 {
                return true;
            }
            let mut hash = Sha256::new();
            hash.update(salt.as_bytes());
            hash.update(id.as_str().as_bytes());
            let digest = hash.finalize();
            let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
            f64::from(number) < share * f64::from(u32::MAX)
        }
    }

    fn set(
        &self,
        context: &Context,
        total: &Comparison,
        extra: Option<u64>,
        target: &mut Measured,
    ) -> Result<()> {
        let n = total.compared;
        target
            .set("missing", Observed::count(total.missing), n)
            .set("mismatched", Observed::count(total.mismatched), n)
            .set("metadata_mismatched", Observed::count(total.metadata_mismatched), n)
            .set("max_difference", Observed::Number(total.max_difference), n)
            .set("schema_drift", Observed::count(total.drifted_fields.len() as u64), n);
        match extra {
            Some(extra) => target.set("extra", Observed::count(extra), n),
            None => target.set_not_measured("extra", "the target cannot list its ids"),
        };
        for field in &total.drifted_fields {
            context.note(format!("metadata field `{field}` changed its type"))?;
        }
        let figures = [
            ("compared", n as f64),
            ("missing", total.missing as f64),
            ("mismatched", total.mismatched as f64),
            ("metadata_mismatched", total.metadata_mismatched as f64),
        ];
        let figures: BTreeMap<_, _> =
            figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        context.record(Event::Measured { stage: context.id(), figures })
    }

    async fn measure_queries(
        &self,
        context: &Context,
        shards: &[ShardState],
        asked: &Queries,
        target: &mut Measured,
        source: &mut Measured,
    ) -> Result<()> {
        let mappings: Vec<Mapping> = shards.iter().map(|state| mapping_of(&state.shard)).collect();
        let mut rng = seeded(context, "verify");
        let dimension = context.world.source.stats().await?.dimension.unwrap_or(0) as usize;
        let sampled =
            sample(&*context.world.source, dimension, &mappings, asked.count.min(2_000), &mut rng)
                .await?;
        let top_k = asked.top_k.unwrap_or(10);
        let filtered = asked.filtered.unwrap_or_default().0;
        let queries: Arc<[_]> =
            queries(&sampled, &transform_of(context)?, asked.count, top_k, filtered, &mut rng)
                .into();
        if queries.is_empty() {
            return Err(Error::new(ErrorKind::Conflict, "the source gave no record to query with"));
        }
        let world = &context.world;
        let (t, s) = (world.measured_target.clone(), world.measured_source.clone());
        let ks = overlap_ks(context, top_k);
        let probe = Probe::new(t, Some(s), queries, context.clock.clone()).with_overlap_at(ks);
        let series = Mutex::new(Series::new(context.clock.now(), &context.stage().assertions));
        let mut answered = 0;
        let mut sink = |sample: Sample| {
            if sample.side == Side::Target && sample.operation == Operation::Query {
                answered += 1;
                context.recorder.progress(&Progress {
                    stage: context.id(),
                    unit: "queries",
                    done: answered,
                    total: asked.count.max(answered),
                    note: None,
                });
            }
            series.lock().unwrap_or_else(PoisonError::into_inner).record(&sample);
        };
        probe.cold(COLD_NAMESPACES, &context.cancel, &mut sink).await?;
        let rate = asked.rate.unwrap_or(Rate(20.0));
        probe.run_queries(asked.count, paced(context, rate), &context.cancel, &mut sink).await?;
        time_fetches(context, &sampled, &mut sink).await;
        context.stop_if_cancelled()?;
        let series = series.into_inner().unwrap_or_else(PoisonError::into_inner);
        let names = context.stage().assertions.iter().map(|assertion| assertion.metric.clone());
        let usual = ["p50(query)", "p95(query)", "p99(query)", "error_rate"].map(metric_ref);
        for metric in names.chain(usual) {
            if is_sampled(&metric.name) {
                target.insert(metric.clone(), series.total(Side::Target, &metric));
                source.insert(metric.clone(), series.total(Side::Source, &metric));
            }
        }
        Ok(())
    }
}

/// Whether a metric is told by samples of queries and fetches.
fn is_sampled(name: &str) -> bool {
    matches!(
        name,
        "p50"
            | "p95"
            | "p99"
            | "max"
            | "cold"
            | "error_rate"
            | "overlap"
            | "filtered_overlap"
            | "requests"
    )
}

/// The ks of `overlap@k` that the stage asks for; at least that of the queries.
pub(super) fn overlap_ks(context: &Context, top_k: u32) -> Vec<u32> {
    let asked = context
        .stage()
        .assertions
        .iter()
        .filter(|assertion| assertion.metric.name.ends_with("overlap"));
    let mut ks: Vec<u32> =
        asked.filter_map(|assertion| assertion.metric.argument.as_deref()?.parse().ok()).collect();
    ks.push(top_k);
    ks.sort_unstable();
    ks.dedup();
    ks
}

/// A rehearsal asks as fast as it reasonably can; measurements stay real.
pub(super) fn paced(context: &Context, rate: Rate) -> Rate {
    if context.clock.is_scaled() { Rate(rate.0.max(50.0)) } else { rate }
}

async fn time_fetches(
    context: &Context,
    sampled: &[super::sampling::Sampled],
    sink: &mut (dyn FnMut(Sample) + Send),
) {
    for one in sampled.iter().take(FETCHES) {
        let watch = Stopwatch::start();
        let ids = std::slice::from_ref(&one.record.id);
        let answer = context.world.measured_target.fetch(&one.mapping.target, ids).await;
        sink(Sample {
            at: context.clock.now(),
            side: Side::Target,
            operation: Operation::Fetch,
            latency: watch.elapsed(),
            outcome: answer
                .map_or_else(|error| Outcome::Failed(error.kind()), |_| Outcome::Answered),
            overlaps: Vec::new(),
            is_filtered: false,
        });
    }
}

/// The artifact of differences, made with the first one.
struct Differences<'a> {
    context: &'a Context,
    file: Option<BufWriter<std::fs::File>>,
    count: u64,
}

impl<'a> Differences<'a> {
    fn new(context: &'a Context) -> Self {
        Self { context, file: None, count: 0 }
    }

    fn path(&self) -> std::path::PathBuf {
        self.context.artifacts.join(format!("{}-differences.jsonl", self.context.stage().id))
    }

    fn put(&mut self, difference: &Difference) -> Result<()> {
        let path = self.path();
        let cannot = |error| Error::io(format!("cannot write {}", path.display()), error);
        let file = match self.file.take() {
            Some(file) => self.file.insert(file),
            None => {
                std::fs::create_dir_all(&self.context.artifacts).map_err(cannot)?;
                self.file.insert(BufWriter::new(std::fs::File::create(&path).map_err(cannot)?))
            }
        };
        serde_json::to_writer(&mut *file, difference).map_err(|error| {
            Error::unexpected("a difference cannot be written").with_source(error)
        })?;
        file.write_all(b"\n").map_err(cannot)?;
        self.count += 1;
        if self.count <= SHOWN {
            self.context.note(format!(
                "`{}` in `{}`: {}",
                difference.id, difference.source_namespace, difference.detail
            ))?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        file.flush().map_err(|error| Error::io("cannot write the differences", error))?;
        if self.count > SHOWN {
            self.context.note(format!("and {} differences more", self.count - SHOWN))?;
        }
        self.context.wrote("differences", self.path(), self.count)
    }
}
