//! The open-loop probe, against an index whose answers take as long as the test says. Time is paused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use vecshift::assertion::{MeasuredValue, Series, metric_ref};
use vecshift::clock::{Clock, Timestamp};
use vecshift::model::{Filter, Namespace, Operation, Outcome, Rate, Sample, Side};
use vecshift::store::{Match, Query, Search};
use vecshift::traffic::{Probe, ProbeQuery, Sent};
use vecshift::{Error, ErrorKind, Result};

/// An index that answers nothing during its stall, and otherwise after its delay.
struct Slow {
    start: Instant,
    delay: Duration,
    stall: std::ops::Range<Duration>,
    answer: Vec<Match>,
    error: Option<ErrorKind>,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Slow {
    fn new(delay: u64) -> Self {
        Self {
            start: Instant::now(),
            delay: Duration::from_millis(delay),
            stall: Duration::ZERO..Duration::ZERO,
            answer: matches(["a", "b", "c", "d"]),
            error: None,
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }
    }
}

/// Makes answers whose scores fall with the letter, so that no two tie.
fn matches<const N: usize>(ids: [&str; N]) -> Vec<Match> {
    let score = |id: &str| 1.0 - f32::from(id.as_bytes()[0]) / 256.0;
    ids.into_iter().map(|id| Match { id: id.into(), score: score(id) }).collect()
}

#[async_trait]
impl Search for Slow {
    async fn query(&self, _: &Namespace, _: &Query) -> Result<Vec<Match>> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        if self.stall.contains(&self.start.elapsed()) {
            sleep_until(self.start + self.stall.end).await;
        }
        sleep(self.delay).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        match self.error {
            Some(kind) => Err(Error::new(kind, "no")),
            None => Ok(self.answer.clone()),
        }
    }

    fn says(&self, _: &Filter) -> Result<()> {
        Ok(())
    }
}

fn queries(namespaces: &[&str]) -> Arc<[ProbeQuery]> {
    let query = |name: &&str| ProbeQuery {
        source_namespace: Namespace::new(name),
        target_namespace: Namespace::new(format!("creator_{name}")),
        query: Query { limit: 4, ..Query::default() },
        renamed: None,
        is_filtered: false,
        is_comparable: true,
    };
    namespaces.iter().map(query).collect()
}

fn probe(target: &Arc<Slow>) -> Probe {
    Probe::new(target.clone(), None, queries(&["one"]), Clock::test(Timestamp::UNIX_EPOCH))
}

async fn run_for(probe: &Probe, seconds: u64, rate: f64) -> (Sent, Vec<Sample>) {
    let mut samples = Vec::new();
    let mut sink = |sample| samples.push(sample);
    let duration = Duration::from_secs(seconds);
    let cancel = CancellationToken::new();
    let sent = probe.run_for(duration, Rate(rate), &cancel, &mut sink).await.unwrap();
    (sent, samples)
}

fn millis(samples: &[Sample], metric: &str) -> f64 {
    let mut series = Series::new(Timestamp::UNIX_EPOCH, []);
    samples.iter().for_each(|sample| series.record(sample));
    match series.total(Side::Target, &metric_ref(metric)) {
        MeasuredValue::Value { observed, .. } => observed.number().unwrap() * 1e3,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_quick_index_is_measured_as_it_is() {
    let target = Arc::new(Slow::new(20));
    let (sent, samples) = run_for(&probe(&target), 10, 20.0).await;
    assert_eq!(sent, Sent { queries: 200, ..Sent::default() });
    assert_eq!(samples.len(), 200);
    let p99 = millis(&samples, "p99(query)");
    assert!((20.0..=22.0).contains(&p99), "{p99}");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_index_is_not_flattered() {
    let stalled = Slow { stall: Duration::from_secs(2)..Duration::from_secs(4), ..Slow::new(10) };
    let target = Arc::new(stalled);
    let (sent, samples) = run_for(&probe(&target), 10, 20.0).await;
    assert_eq!((sent.queries, sent.overloaded), (200, 0), "the load does not wait for answers");
    // 40 of 200 queries were due in the stall and waited for its end: the slowest took 2 s, one in ten over 1 s.
    let over = |limit: u64| {
        let limit = Duration::from_millis(limit);
        samples.iter().filter(|sample| sample.latency > limit).count()
    };
    assert_eq!((over(100), over(1000)), (39, 21));
    assert!((1900.0..=2020.0).contains(&millis(&samples, "max(query)")));
    assert!((900.0..=1120.0).contains(&millis(&samples, "p90(query)")));
}

#[tokio::test(start_paused = true)]
async fn the_number_in_flight_is_bounded_and_what_is_over_counts_as_failed() {
    let target = Arc::new(Slow::new(5000));
    let probe = probe(&target).with_in_flight(8);
    let (sent, samples) = run_for(&probe, 2, 20.0).await;
    assert_eq!(target.most.load(Ordering::SeqCst), 8);
    assert_eq!((sent.queries, sent.overloaded), (40, 32));
    assert_eq!(samples.len(), 40, "no query is left out of the count");
    let overloaded = samples.iter().filter(|sample| sample.outcome == Outcome::Overloaded);
    assert_eq!(overloaded.count(), 32);
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_timeout_has_failed() {
    let target = Arc::new(Slow::new(5000));
    let probe = probe(&target).with_timeout(Duration::from_secs(1));
    let (_, samples) = run_for(&probe, 1, 3.0).await;
    assert!(samples.iter().all(|sample| sample.outcome == Outcome::Failed(ErrorKind::Timeout)));
    assert_eq!(samples.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn failed_queries_are_samples() {
    let failing = Slow { error: Some(ErrorKind::RateLimited), ..Slow::new(1) };
    let (_, samples) = run_for(&probe(&Arc::new(failing)), 1, 5.0).await;
    let kinds: Vec<_> = samples.iter().map(|sample| sample.outcome).collect();
    assert_eq!(kinds, [Outcome::Failed(ErrorKind::RateLimited); 5]);
}

#[tokio::test(start_paused = true)]
async fn both_sides_are_asked_and_compared() {
    let target = Arc::new(Slow { answer: matches(["a", "b", "x", "y"]), ..Slow::new(20) });
    let source = Arc::new(Slow::new(80));
    let clock = Clock::test(Timestamp::UNIX_EPOCH);
    let probe = Probe::new(target, Some(source), queries(&["one", "two"]), clock)
        .with_overlap_at(vec![2, 4, 10]);
    let mut samples = Vec::new();
    let cancel = CancellationToken::new();
    let mut sink = |sample| samples.push(sample);
    let sent = probe.run_queries(7, Rate(50.0), &cancel, &mut sink).await.unwrap();
    assert_eq!((sent.queries, samples.len()), (7, 14));
    let (of_target, of_source): (Vec<_>, Vec<_>) =
        samples.iter().partition(|sample| sample.side == Side::Target);
    assert_eq!((of_target.len(), of_source.len()), (7, 7));
    for sample in of_target {
        assert!(sample.latency < Duration::from_millis(25), "the other side costs it nothing");
        let overlaps: Vec<_> = sample.overlaps.iter().map(|at| (at.k, at.share)).collect();
        assert_eq!(overlaps, [(2, 1.0), (4, 0.5)]);
    }
    for sample in of_source {
        assert!(sample.latency >= Duration::from_millis(80) && sample.overlaps.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn cold_queries_are_the_first_of_each_namespace() {
    let target = Arc::new(Slow::new(30));
    let clock = Clock::test(Timestamp::UNIX_EPOCH);
    let queries = queries(&["one", "two", "one", "three", "two"]);
    let probe = Probe::new(target.clone(), None, queries, clock);
    let mut samples = Vec::new();
    let cancel = CancellationToken::new();
    let sent = probe.cold(2, &cancel, &mut |sample| samples.push(sample)).await.unwrap();
    assert_eq!((sent.queries, samples.len()), (2, 2));
    let sent = probe.cold(99, &cancel, &mut |sample| samples.push(sample)).await.unwrap();
    assert_eq!((sent.queries, samples.len()), (3, 5));
    assert!(samples.iter().all(|sample| sample.operation == Operation::ColdQuery));
    assert_eq!(target.most.load(Ordering::SeqCst), 1, "one after the other");
    assert!((30.0..32.0).contains(&millis(&samples, "cold(query)")));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_load_stops_at_once() {
    let target = Arc::new(Slow::new(5000));
    let probe = probe(&target);
    let cancel = CancellationToken::new();
    let mut samples = Vec::new();
    let mut sink = |sample| samples.push(sample);
    let start = Instant::now();
    let load = probe.run_for(Duration::from_secs(3600), Rate(20.0), &cancel, &mut sink);
    let (sent, ()) = tokio::join!(load, async {
        sleep(Duration::from_secs(1)).await;
        cancel.cancel();
    });
    assert!(sent.unwrap().is_cancelled);
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    assert!(samples.is_empty());
}

#[tokio::test]
async fn a_load_of_nothing_is_refused() {
    let target = Arc::new(Slow::new(1));
    let clock = Clock::test(Timestamp::UNIX_EPOCH);
    let cancel = CancellationToken::new();
    let nothing = Probe::new(target.clone(), None, queries(&[]), clock);
    assert!(nothing.run_queries(1, Rate(1.0), &cancel, &mut |_| ()).await.is_err());
    assert!(probe(&target).run_queries(1, Rate(0.0), &cancel, &mut |_| ()).await.is_err());
}
