//! An open-loop load of queries.

use std::borrow::Cow;
use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::OptionFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio_util::sync::CancellationToken;

use super::overlap::overlap;
use super::schedule::{Schedule, Until};
use crate::clock::{Clock, Stopwatch};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Namespace, Operation, Outcome, Overlap, Rate, Sample, Side, Vectors};
use crate::store::{Match, Query, Search};

/// The delay within which a start is on time: the timer's tick is 1 ms and it rounds up.
const TICK: Duration = Duration::from_millis(2);

/// A query and the namespace to send it to on each side.
#[derive(Clone, Debug)]
pub struct ProbeQuery {
    pub source_namespace: Namespace,
    pub target_namespace: Namespace,
    pub query: Query,
    /// Its vectors under the target's names, where those are others.
    pub renamed: Option<Vectors>,
    /// Whether the query carries a metadata filter.
    pub is_filtered: bool,
    /// Whether both sides answer from the same records, so that the overlap of their answers is meaningful.
    pub is_comparable: bool,
}

impl ProbeQuery {
    /// Returns the query as one side knows it.
    fn on(&self, side: Side) -> Cow<'_, Query> {
        match &self.renamed {
            Some(vectors) if side == Side::Target => {
                Cow::Owned(Query { vectors: vectors.clone(), ..self.query.clone() })
            }
            _ => Cow::Borrowed(&self.query),
        }
    }
}

/// The result of a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Queries that were due, each sent to every side.
    pub queries: u64,
    /// Those of them that were not sent, because too many were still waiting for an answer.
    pub overloaded: u64,
    /// Whether it was cancelled. Queries still waiting at that time have no sample.
    pub is_cancelled: bool,
}

/// An open-loop load of queries against the target and, at the same moments, the source.
///
/// Each query starts when it is due, whether or not earlier ones were answered, and its latency counts from when it was
/// due: a stalled server is charged for every query that it held up (no coordinated omission). A start late by no more
/// than the timer's tick (2 ms) counts from the actual start. Rates and latencies are in real time on every clock.
///
/// At most `in_flight` queries wait for an answer. A query due beyond that is not sent and yields a sample of its own,
/// [`Outcome::Overloaded`], which counts as failed. An answer that takes longer than `timeout` has failed, too.
pub struct Probe {
    target: Arc<dyn Search>,
    source: Option<Arc<dyn Search>>,
    queries: Arc<[ProbeQuery]>,
    clock: Clock,
    in_flight: usize,
    timeout: Duration,
    overlap_at: Vec<u32>,
    /// The position of the next query; queries are sent in turn, across loads.
    next: AtomicUsize,
}

impl Probe {
    /// Creates a probe with at most 256 queries in flight, a timeout of 10 s, and overlap at each query's own `limit`.
    pub fn new(
        target: Arc<dyn Search>,
        source: Option<Arc<dyn Search>>,
        queries: Arc<[ProbeQuery]>,
        clock: Clock,
    ) -> Self {
        Self {
            target,
            source,
            queries,
            clock,
            in_flight: 256,
            timeout: Duration::from_secs(10),
            overlap_at: Vec::new(),
            next: AtomicUsize::new(0),
        }
    }

    /// Sets the most queries that wait for an answer; at least 1.
    pub fn with_in_flight(self, in_flight: usize) -> Self {
        Self { in_flight: in_flight.max(1), ..self }
    }

    /// Sets the longest time an answer may take.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets the numbers of best answers at which overlap is measured. A query with a smaller `limit` yields none.
    pub fn with_overlap_at(self, overlap_at: Vec<u32>) -> Self {
        Self { overlap_at, ..self }
    }

    /// Sends `rate` queries per second for `duration` of real time, then waits for the answers.
    ///
    /// # Errors
    /// `Invalid` if there are no queries or the rate is not above 0. A failed query is a sample, not an error.
    pub async fn run_for(
        &self,
        duration: Duration,
        rate: Rate,
        cancel: &CancellationToken,
        sink: &mut (dyn FnMut(Sample) + Send),
    ) -> Result<Sent> {
        self.run(Schedule::new(rate, Until::Elapsed(duration))?, cancel, sink).await
    }

    /// Sends exactly `count` queries at `rate` per second, then waits for the answers.
    ///
    /// # Errors
    /// Any error of [`Probe::run_for`].
    pub async fn run_queries(
        &self,
        count: u64,
        rate: Rate,
        cancel: &CancellationToken,
        sink: &mut (dyn FnMut(Sample) + Send),
    ) -> Result<Sent> {
        self.run(Schedule::new(rate, Until::Count(count))?, cancel, sink).await
    }

    /// Sends the first query to each target namespace, one after the other, to at most `namespaces` of them. Must come
    /// before any other query.
    pub async fn cold(
        &self,
        namespaces: usize,
        cancel: &CancellationToken,
        sink: &mut (dyn FnMut(Sample) + Send),
    ) -> Result<Sent> {
        let mut seen = HashSet::new();
        let firsts = self.queries.iter().filter(|query| seen.insert(&query.target_namespace));
        let mut sent = Sent::default();
        for query in firsts.take(namespaces) {
            let ask = self.ask(Side::Target, query, Stopwatch::start(), Duration::ZERO);
            let Some(Some((_, sample))) = cancel.run_until_cancelled(ask).await else {
                return Ok(Sent { is_cancelled: true, ..sent });
            };
            sink(Sample { operation: Operation::ColdQuery, ..sample });
            sent.queries += 1;
        }
        Ok(sent)
    }

    async fn run(
        &self,
        mut schedule: Schedule,
        cancel: &CancellationToken,
        sink: &mut (dyn FnMut(Sample) + Send),
    ) -> Result<Sent> {
        if self.queries.is_empty() {
            return Err(Error::invalid("a probe needs at least one query"));
        }
        let run = Stopwatch::start();
        let mut sent = Sent::default();
        let mut waiting = FuturesUnordered::new();
        loop {
            let due = schedule.due();
            if due.is_none() && waiting.is_empty() {
                return Ok(sent);
            }
            let pause = due.unwrap_or_default().saturating_sub(run.elapsed());
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(Sent { is_cancelled: true, ..sent }),
                Some(samples) = waiting.next(), if !waiting.is_empty() => {
                    let samples: Vec<Sample> = samples;
                    samples.into_iter().for_each(&mut *sink);
                }
                () = tokio::time::sleep(pause), if due.is_some() => {
                    schedule.advance();
                    sent.queries += 1;
                    let query = self.next_query();
                    if waiting.len() < self.in_flight {
                        let start = intended_start(due.unwrap_or_default(), run.elapsed());
                        waiting.push(self.ask_both(query, run, start));
                    } else {
                        sent.overloaded += 1;
                        self.overloaded(query).for_each(&mut *sink);
                    }
                }
            }
        }
    }

    fn next_query(&self) -> &ProbeQuery {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        &self.queries[turn % self.queries.len()]
    }

    /// Sends a query to every side at the same moment and returns the samples once all have answered.
    async fn ask_both(&self, query: &ProbeQuery, run: Stopwatch, start: Duration) -> Vec<Sample> {
        let (target, source) = futures::join!(
            self.ask(Side::Target, query, run, start),
            self.ask(Side::Source, query, run, start),
        );
        let mut samples = Vec::with_capacity(2);
        if let Some((mut answer, mut sample)) = target {
            if let (Some(target), Some((Some(source), _))) = (answer.take(), &source)
                && query.is_comparable
            {
                sample.overlaps = self.overlaps(query, source, &target);
            }
            samples.push(sample);
        }
        samples.extend(source.map(|(_, sample)| sample));
        samples
    }

    /// Sends a query to one side, if there is one. `start` is the time since `run` started.
    fn ask<'a>(
        &'a self,
        side: Side,
        query: &'a ProbeQuery,
        run: Stopwatch,
        start: Duration,
    ) -> OptionFuture<impl Future<Output = (Option<Vec<Match>>, Sample)> + Send + 'a> {
        let (index, namespace) = match side {
            Side::Target => (Some(&self.target), &query.target_namespace),
            Side::Source => (self.source.as_ref(), &query.source_namespace),
        };
        let asked = query.on(side);
        let ask = index.map(|index| async move {
            let answer = tokio::time::timeout(self.timeout, index.query(namespace, &asked)).await;
            let latency = run.elapsed().saturating_sub(start);
            let (answer, outcome) = match answer {
                Ok(Ok(matches)) => (Some(matches), Outcome::Answered),
                Ok(Err(error)) => (None, Outcome::Failed(error.kind())),
                Err(_) => (None, Outcome::Failed(ErrorKind::Timeout)),
            };
            (answer, self.sample(side, query, latency, outcome))
        });
        ask.into()
    }

    fn overlaps(&self, query: &ProbeQuery, source: &[Match], target: &[Match]) -> Vec<Overlap> {
        let most = query.query.limit;
        let own = [most];
        let at = if self.overlap_at.is_empty() { &own[..] } else { &self.overlap_at };
        at.iter()
            .filter(|k| **k <= most)
            .filter_map(|k| Some(Overlap { k: *k, share: overlap(source, target, *k)? }))
            .collect()
    }

    fn overloaded<'a>(&'a self, query: &'a ProbeQuery) -> impl Iterator<Item = Sample> + 'a {
        let sides = [Some(Side::Target), self.source.as_ref().map(|_| Side::Source)];
        let sample = |side| self.sample(side, query, Duration::ZERO, Outcome::Overloaded);
        sides.into_iter().flatten().map(sample)
    }

    fn sample(
        &self,
        side: Side,
        query: &ProbeQuery,
        latency: Duration,
        outcome: Outcome,
    ) -> Sample {
        Sample {
            at: self.clock.now(),
            side,
            operation: Operation::Query,
            latency,
            outcome,
            overlaps: Vec::new(),
            is_filtered: query.is_filtered,
            has_sparse: query.query.vectors.sparse().is_some(),
        }
    }
}

/// Returns the time from which to measure a query that was due at `due` and starts at `now`.
fn intended_start(due: Duration, now: Duration) -> Duration {
    if now.saturating_sub(due) <= TICK { now } else { due }
}
