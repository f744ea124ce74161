//! Compares the answers of both sides and measures their latencies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::groups::Group;
use super::latency::time_fetches;
use crate::assertion::{Measured, Series, metric_ref};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Observed, Operation, Rate, Sample, Side};
use crate::plan::CopyStage;
use crate::plan::file::Queries;
use crate::run::sample::{Asked, Sampled, Wanted, ask, overlap_ks, seeded};
use crate::run::selection::Selection;
use crate::run::{Context, Progress};
use crate::traffic::{Probe, ProbeQuery};

/// The queries to send to both sides.
pub(super) struct Load {
    pub queries: Arc<[ProbeQuery]>,
    pub sampled: Vec<Sampled>,
    /// Target namespaces that hold what was copied.
    pub namespaces: usize,
    asked: Queries,
    /// Whether the answers of both sides can be compared.
    is_comparable: bool,
    /// The number of target namespaces that were merged from several.
    merged: usize,
    /// The number of filters of each form.
    filters: BTreeMap<&'static str, u64>,
}

impl Load {
    /// Makes queries from records of the source, the same ones each time. Reads only the source.
    pub async fn of(
        context: &Context,
        copies: &[CopyStage],
        groups: &[Group],
        asked: &Queries,
    ) -> Result<Self> {
        let (selections, is_comparable) = comparable(context, copies, groups);
        let mut rng = seeded(&context.plan, "verify");
        let wanted = Wanted {
            count: asked.count,
            limit: asked.limit.unwrap_or(10),
            filtered: asked.filtered.unwrap_or_default().0,
            using: asked.using.as_deref(),
        };
        let Asked { queries, sampled, filters } =
            ask(context, &selections, wanted, &mut rng).await?;
        if queries.is_empty() {
            return Err(Error::new(ErrorKind::Conflict, "the source gave no record to query with"));
        }
        Ok(Self {
            queries: queries.into(),
            sampled,
            namespaces: groups.iter().filter(|group| group.written() > 0).count(),
            asked: asked.clone(),
            is_comparable,
            merged: groups.iter().filter(|group| is_merged(group)).count(),
            filters,
        })
    }

    /// Sends the queries and measures the answers of both sides.
    pub async fn measure(&self, context: &Context) -> Result<()> {
        self.note_comparable(context)?;
        self.note(context)?;
        let world = &context.world;
        let compared = world.measured_source.search().filter(|_| self.is_comparable);
        let ks = overlap_ks(context, self.asked.limit.unwrap_or(10));
        let probe = Probe::new(
            world.measured_target.must_search()?,
            compared,
            self.queries.clone(),
            context.clock.clone(),
        )
        .with_overlap_at(ks);
        let series = Mutex::new(Series::new(context.clock.now(), &context.stage().assertions));
        let record = |sample: &Sample| {
            series.lock().unwrap_or_else(PoisonError::into_inner).record(sample);
        };
        let count = self.asked.count;
        let mut answered = 0;
        let mut sink = |sample: Sample| {
            if sample.side == Side::Target && sample.operation == Operation::Query {
                answered += 1;
                context.progress(&Progress {
                    stage: context.id(),
                    unit: "queries",
                    done: answered,
                    total: count.max(answered),
                    note: None,
                });
            }
            record(&sample);
        };
        let rate = self.asked.rate.unwrap_or(Rate(20.0));
        probe.run_queries(count, paced(context, rate), &context.cancel, &mut sink).await?;
        time_fetches(context, &self.sampled, &mut sink).await;
        context.stop_if_cancelled()?;
        let series = series.into_inner().unwrap_or_else(PoisonError::into_inner);
        let names = context.stage().assertions.iter().map(|assertion| assertion.metric.clone());
        let usual = ["p50(query)", "p95(query)", "p99(query)", "error_rate"].map(metric_ref);
        let (mut target, mut source) = (Measured::default(), Measured::default());
        for metric in names.chain(usual) {
            if is_sampled(&metric.name) {
                target.insert(metric.clone(), series.total(Side::Target, &metric));
                source.insert(metric.clone(), series.total(Side::Source, &metric));
            }
        }
        context.observed(Side::Target, &target)?;
        context.observed(Side::Source, &source)
    }

    /// Says why answers of both sides cannot be compared.
    fn note_comparable(&self, context: &Context) -> Result<()> {
        if context.world.source.search().is_none() {
            return context
                .note("the source answers no queries: those of the target are compared with none");
        }
        match self.merged {
            0 => Ok(()),
            merged => context.note(format!(
                "{merged} namespaces of the target were merged from several: their answers cannot be compared with the source's"
            )),
        }
    }
}

/// Returns the namespaces to make queries for, and whether the answers can be compared. A namespace merged from several
/// answers from more records than any one of them holds.
fn comparable(context: &Context, copies: &[CopyStage], groups: &[Group]) -> (Vec<Selection>, bool) {
    let all: Vec<&Group> = groups.iter().collect();
    if context.world.source.search().is_none() {
        return (Group::selections(&all, copies), false);
    }
    let single: Vec<_> = all.iter().copied().filter(|group| !is_merged(group)).collect();
    match single.is_empty() {
        true => (Group::selections(&all, copies), false),
        false => (Group::selections(&single, copies), true),
    }
}

fn is_merged(group: &Group) -> bool {
    group.mappings().len() > 1
}

impl Load {
    fn note(&self, context: &Context) -> Result<()> {
        let count = |is: &dyn Fn(&ProbeQuery) -> bool| {
            Observed::count(self.queries.iter().filter(|query| is(query)).count() as u64)
        };
        let filtered = count(&|query| query.is_filtered);
        let has_dense = |query: &ProbeQuery| !query.query.vectors.dense().is_empty();
        let has_sparse = |query: &ProbeQuery| query.query.vectors.sparse().is_some();
        let hybrid = count(&|query| has_dense(query) && has_sparse(query));
        let sparse = count(&|query| !has_dense(query));
        let shapes: Vec<_> =
            self.filters.iter().map(|(shape, count)| format!("{count} {shape}")).collect();
        let shapes =
            if shapes.is_empty() { String::new() } else { format!(" ({})", shapes.join(", ")) };
        context.note(format!(
            "{} different queries: {filtered} with a filter{shapes}, {hybrid} hybrid, {sparse} sparse only",
            Observed::count(self.queries.len() as u64)
        ))
    }
}

/// Returns whether a metric is computed from samples of queries and fetches.
fn is_sampled(name: &str) -> bool {
    matches!(
        name,
        "p50"
            | "p95"
            | "p99"
            | "max"
            | "error_rate"
            | "overlap"
            | "filtered_overlap"
            | "sparse_overlap"
            | "requests"
    )
}

/// Returns the rate to use. A rehearsal queries as fast as is reasonable; its measurements are real.
fn paced(context: &Context, rate: Rate) -> Rate {
    if context.clock.is_scaled() { Rate(rate.0.max(50.0)) } else { rate }
}
