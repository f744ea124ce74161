//! Tests of the layers one by one on paused time; `tests/it/provider_faults.rs` has them over real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{FutureExt, join_all};
use tokio::time::Instant;

use super::in_flight::InFlightLayer;
use super::observe::ObserveLayer;
use super::retry::RetryLayer;
use super::throttle::ThrottleLayer;
use super::timeout::TimeoutLayer;
use super::*;
use crate::error::{Error, ErrorKind, Retry};
use crate::model::Namespace;

/// Attempts that fail `failures` times with `error` before one succeeds; counts them.
struct Attempts {
    made: AtomicUsize,
    failures: usize,
}

impl Attempts {
    fn failing(failures: usize) -> Self {
        Self { made: AtomicUsize::new(0), failures }
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    async fn through<'a, L: Layer>(
        &'a self,
        layer: &'a L,
        operation: Operation<'a>,
        error: impl Fn() -> Error + Send + Sync + 'a,
    ) -> Result<usize> {
        let error = &error;
        let made = &self.made;
        let failures = self.failures;
        layer
            .call(operation, || {
                let at = made.fetch_add(1, Ordering::Relaxed);
                let result = if at < failures { Err(error()) } else { Ok(at) };
                Box::pin(async move { result })
            })
            .await
    }
}

fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::default())
}

fn rate_limited() -> Error {
    Error::new(ErrorKind::RateLimited, "rate limit reached")
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "busy")
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_pass_is_tried_again_with_growing_waits() {
    let metrics = metrics();
    let retry = RetryLayer::new(RetryOptions::usual(), metrics.clone());
    let calls = Attempts::failing(3);
    let start = Instant::now();
    calls.through(&retry, Operation::new(Request::Fetch), unavailable).await.unwrap();
    assert_eq!(calls.made(), 4);
    // 0.1 + 0.2 + 0.4 s, each plus up to its own length at random.
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(700) && waited <= Duration::from_millis(1_410));
    assert_eq!(metrics.count("fetch").retries, 3);
    assert_eq!(metrics.waiting(), None);
}

#[tokio::test(start_paused = true)]
async fn retries_end_and_say_how_often_it_was_tried() {
    let options = RetryOptions { times: 2, ..RetryOptions::usual() };
    let retry = RetryLayer::new(options, metrics());
    let calls = Attempts::failing(usize::MAX);
    let error =
        calls.through(&retry, Operation::new(Request::Fetch), unavailable).await.unwrap_err();
    assert_eq!(calls.made(), 3);
    assert_eq!(error.retry(), Retry::Exhausted);
    assert!(error.to_string().contains("attempts: 3"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_a_retry_cannot_help_is_not_tried_again() {
    let retry = RetryLayer::new(RetryOptions::usual(), metrics());
    for kind in [ErrorKind::Invalid, ErrorKind::Unauthorized, ErrorKind::TooLarge] {
        let calls = Attempts::failing(usize::MAX);
        let failed =
            calls.through(&retry, Operation::new(Request::Upsert), || Error::new(kind, "no"));
        assert_eq!(failed.await.unwrap_err().kind(), kind);
        assert_eq!(calls.made(), 1);
    }
    let create = Operation::new(Request::Create);
    let calls = Attempts::failing(1);
    calls.through(&retry, create, unavailable).await.unwrap_err();
    let calls = Attempts::failing(1);
    calls.through(&retry, create, rate_limited).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_asked_for_is_kept_to_and_shown() {
    let metrics = metrics();
    let retry = RetryLayer::new(RetryOptions::usual(), metrics.clone());
    let calls = Attempts::failing(1);
    let asked = Duration::from_secs(8);
    let error = || rate_limited().with_retry(Retry::After(asked));
    let start = Instant::now();
    let call = calls.through(&retry, Operation::new(Request::Upsert), error);
    let look = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        metrics.waiting().unwrap()
    };
    let (result, waiting) = tokio::join!(call, look);
    result.unwrap();
    assert!(start.elapsed() >= asked && start.elapsed() <= asked.mul_f64(1.51));
    assert_eq!(waiting.operation, "upsert");
    assert_eq!(waiting.reason, "429: rate limit reached");
    assert!(metrics.count("upsert").waited >= asked);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_ends_at_its_deadline() {
    let timeout = TimeoutLayer::new(TimeoutOptions {
        data: Duration::from_secs(3),
        control: Duration::from_secs(9),
    });
    for (operation, limit) in
        [(Operation::new(Request::Fetch), 3), (Operation::new(Request::Describe), 9)]
    {
        let start = Instant::now();
        let hang = timeout.call::<(), _>(operation, || Box::pin(std::future::pending()));
        let error = hang.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.is_retryable());
        assert_eq!(start.elapsed().as_secs(), limit);
    }
}

/// A rate of which an attempt uses up so many tokens.
fn due(what: &'static str, rate: f64, tokens: f64) -> Due {
    Due { what, rate, is_per_namespace: what == "bytes", tokens }
}

#[tokio::test(start_paused = true)]
async fn bytes_are_limited_in_each_namespace_on_its_own() {
    let metrics = metrics();
    let throttle = ThrottleLayer::new(true, None, metrics.clone());
    let dues = || vec![due("bytes", 100_000.0, 100_000.0)];
    let write = async |name: &str| {
        let namespace = Namespace::from(name);
        let operation = Operation::new(Request::Upsert).within(&namespace).of(100).using(&dues);
        Attempts::failing(0).through(&throttle, operation, unavailable).await.unwrap();
    };
    let start = Instant::now();
    write("a").await;
    let one = start.elapsed();
    // 2 kB go at once, 98 kB at 98 kB/s.
    assert!(one.abs_diff(Duration::from_secs(1)) < Duration::from_millis(5), "{one:?}");
    write("b").await;
    assert!(start.elapsed().abs_diff(one * 2) < Duration::from_millis(5));
    assert_eq!(metrics.count("upsert").waits, 2);
}

#[tokio::test(start_paused = true)]
async fn requests_and_records_are_limited_over_time() {
    let throttle = ThrottleLayer::new(true, Some(1_000.0), metrics());
    let dues = || vec![due("fetch", 100.0, 1.0)];
    let start = Instant::now();
    for _ in 0..50 {
        let operation = Operation::new(Request::Fetch).of(100).using(&dues);
        Attempts::failing(0).through(&throttle, operation, unavailable).await.unwrap();
    }
    // 5,000 records at 980/s are the narrower limit.
    let took = start.elapsed().as_secs_f64();
    assert!((5.0..5.2).contains(&took), "{took}");
    let before = Instant::now();
    let other = Operation::new(Request::List);
    Attempts::failing(0).through(&throttle, other, unavailable).await.unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn without_documented_rates_the_users_limit_is_kept_to() {
    let throttle = ThrottleLayer::new(false, Some(1_000.0), metrics());
    let dues = || vec![due("fetch", 1.0, 1.0)];
    let start = Instant::now();
    for _ in 0..10 {
        let operation = Operation::new(Request::Fetch).of(100).using(&dues);
        Attempts::failing(0).through(&throttle, operation, unavailable).await.unwrap();
    }
    assert!((0.9..1.1).contains(&start.elapsed().as_secs_f64()), "{:?}", start.elapsed());
}

/// Whatever second one takes of a stream of requests as fast as they may go: no more than the limit, and hardly less.
#[tokio::test(start_paused = true)]
async fn no_second_holds_more_than_the_limit_and_hardly_less() {
    let throttle = ThrottleLayer::new(true, None, metrics());
    let dues = || vec![due("list", 200.0, 1.0)];
    let start = Instant::now();
    let mut sent = Vec::new();
    for _ in 0..2_000 {
        let list = Operation::new(Request::List).using(&dues);
        Attempts::failing(0).through(&throttle, list, unavailable).await.unwrap();
        sent.push(start.elapsed());
    }
    let second = Duration::from_secs(1);
    let within =
        |from: Duration| sent.iter().filter(|at| (from..from + second).contains(at)).count();
    assert!(sent.iter().all(|from| within(*from) <= 200));
    assert!(sent.len() as f64 / start.elapsed().as_secs_f64() >= 195.0);
}

/// One namespace of the target is slowed down: the others, and the reads, go on as they did.
#[tokio::test(start_paused = true)]
async fn what_slows_one_namespace_down_leaves_the_rest_alone() {
    let layer = InFlightLayer::new(Some(8));
    let (slow, quick) = (Namespace::from("slow"), Namespace::from("quick"));
    let upsert = |namespace| Operation::new(Request::Upsert).within(namespace);
    for _ in 0..3 {
        Attempts::failing(1).through(&layer, upsert(&slow), rate_limited).await.unwrap_err();
    }
    // Sixteen calls of a second each, all at once: as many seconds as there are rounds.
    let seconds = async |operation: Operation<'_>| {
        let start = Instant::now();
        let second = async || {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        };
        let call = || layer.call::<(), _>(operation, || Box::pin(second()));
        join_all((0..16).map(|_| call())).await;
        start.elapsed().as_secs()
    };
    assert_eq!(seconds(upsert(&quick)).await, 4);
    assert_eq!(seconds(Operation::new(Request::Fetch).within(&slow)).await, 4);
    assert!(seconds(upsert(&slow)).await > 4);
    assert_eq!(seconds(Operation::new(Request::Stats)).await, 1);
}

#[tokio::test]
async fn only_reads_pass_where_nothing_may_change() {
    let calls = Calls::bare().behind(Gate::ReadOnly);
    let made = AtomicUsize::new(0);
    let make = || {
        made.fetch_add(1, Ordering::Relaxed);
        async { Ok(()) }.boxed()
    };
    calls.call(Operation::new(Request::Fetch), &make).await.unwrap();
    let write = calls.call(Operation::new(Request::DeleteIndex), &make).await;
    assert_eq!(write.unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

/// A fence that closes between two attempts stops the second one.
#[tokio::test(start_paused = true)]
async fn every_attempt_passes_the_fence() {
    let fence = Fence::default();
    let calls = Calls::new(CallOptions::default()).behind(Gate::Fenced(fence.clone()));
    let made = AtomicUsize::new(0);
    let make = || {
        made.fetch_add(1, Ordering::Relaxed);
        fence.close(|| async { Err(Error::new(ErrorKind::Refused, "the plan was lost")) }.boxed());
        async { Err::<(), _>(unavailable()) }.boxed()
    };
    let error = calls.call(Operation::new(Request::Upsert), &make).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn attempts_are_counted_by_operation() {
    let metrics = metrics();
    let observe = ObserveLayer::new(metrics.clone());
    let calls = Attempts::failing(1);
    let fetch = Operation::new(Request::Fetch).of(10);
    calls.through(&observe, fetch, rate_limited).await.unwrap_err();
    calls.through(&observe, fetch, rate_limited).await.unwrap();
    let counts = metrics.count("fetch");
    assert_eq!((counts.requests, counts.errors, counts.rate_limited), (2, 1, 1));
    assert_eq!(counts.records, 10);
    assert_eq!(metrics.total().requests, 2);
}
