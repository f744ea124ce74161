//! Whether both sides answer alike, and how fast.

use std::sync::{Arc, Mutex, PoisonError};

use super::VerifyWork;
use super::latency::time_fetches;
use crate::assertion::{Measured, Series, metric_ref};
use crate::copy::Mapping;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::ShardState;
use crate::model::{Operation, Rate, Sample, Side};
use crate::plan::file::Queries;
use crate::run::stage::sampling::{queries, sample, seeded};
use crate::run::stage::shards::{mapping_of, transform_of};
use crate::run::{Context, Progress};
use crate::traffic::Probe;

/// Namespaces whose first query is timed.
const COLD_NAMESPACES: usize = 100;

impl VerifyWork {
    pub(super) async fn measure_queries(
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
pub(in crate::run::stage) fn overlap_ks(context: &Context, top_k: u32) -> Vec<u32> {
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
fn paced(context: &Context, rate: Rate) -> Rate {
    if context.clock.is_scaled() { Rate(rate.0.max(50.0)) } else { rate }
}
