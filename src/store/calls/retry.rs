use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::future::BoxFuture;

use super::{Layer, Metrics, Operation, Waiting};
use crate::error::{Error, ErrorKind, Result, Retry};

/// The schedule of retries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryOptions {
    /// The first wait; each further one is twice as long, plus a random part of up to its own length.
    pub base: Duration,
    /// Longest wait before the random part is added.
    pub cap: Duration,
    /// Attempts after the first one; 0 means no retry.
    pub times: usize,
}

impl RetryOptions {
    /// Returns the usual policy.
    pub fn usual() -> Self {
        Self { base: Duration::from_millis(100), cap: Duration::from_secs(20), times: 10 }
    }

    /// Returns the policy of measured queries, which is that of an application that wants an answer soon. The latency
    /// includes the waits.
    pub fn query() -> Self {
        Self { base: Duration::from_millis(25), cap: Duration::from_millis(100), times: 3 }
    }

    /// Returns a policy of one attempt only.
    pub fn never() -> Self {
        Self { times: 0, ..Self::usual() }
    }
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self::usual()
    }
}

/// Repeats a failed attempt if that can help.
///
/// - Only errors that say so are retried. A call that is not idempotent is retried only if the peer turned it
///   away unseen (`RateLimited`).
/// - A wait the peer asks for is kept to, plus a random part of up to half of it, so that callers that were turned
///   away together do not come back together.
/// - All calls share one budget, so that a peer in trouble is not met with a storm.
pub(super) struct RetryLayer {
    options: RetryOptions,
    metrics: Arc<Metrics>,
    budget: Budget,
}

impl RetryLayer {
    pub fn new(options: RetryOptions, metrics: Arc<Metrics>) -> Self {
        Self { options, metrics, budget: Budget::default() }
    }

    /// Returns the waits of one call, one for each retry.
    fn waits(&self) -> impl Iterator<Item = Duration> {
        ExponentialBuilder::default()
            .with_min_delay(self.options.base)
            .with_max_delay(self.options.cap)
            .with_max_times(self.options.times)
            .with_jitter()
            .build()
    }
}

impl Layer for RetryLayer {
    async fn call<'a, T, F>(&'a self, operation: Operation<'a>, make: F) -> Result<T>
    where
        T: Send + 'a,
        F: Fn() -> BoxFuture<'a, Result<T>> + Send + Sync + 'a,
    {
        let mut waits = self.waits();
        let mut attempts = 1u32;
        loop {
            let error = match make().await {
                Ok(value) => {
                    self.budget.succeeded();
                    return Ok(value);
                }
                Err(error) => error,
            };
            if !may_retry(&operation, &error) {
                return Err(error);
            }
            let has_budget = self.budget.failed(error.kind());
            let Some(wait) = waits.next().filter(|_| has_budget) else {
                return Err(given_up(error, attempts));
            };
            let wait = asked_wait(&error).unwrap_or(wait);
            tracing::debug!(operation = operation.request.name(), %error, ?wait, "trying again");
            let reason = reason(&error);
            self.metrics.wait(Waiting { operation: operation.request.name(), reason, wait }).await;
            self.metrics.retried(operation.request.name());
            attempts += 1;
        }
    }
}

fn may_retry(operation: &Operation<'_>, error: &Error) -> bool {
    error.is_retryable()
        && (operation.request.is_idempotent() || error.kind() == ErrorKind::RateLimited)
}

fn asked_wait(error: &Error) -> Option<Duration> {
    match error.retry() {
        Retry::After(wait) => Some(wait.mul_f64(1.0 + rand::random::<f64>() / 2.0)),
        _ => None,
    }
}

fn reason(error: &Error) -> String {
    match error.kind() {
        ErrorKind::RateLimited => format!("429: {}", error.message()),
        _ => error.message().to_owned(),
    }
}

fn given_up(error: Error, attempts: u32) -> Error {
    error.with_retry(Retry::Exhausted).with_context("attempts", attempts)
}

/// Budget of 100 tokens; a failure costs one, a success earns a tenth; at 50 and under nothing is retried (gRPC,
/// proposal A6, "retry throttling"). Being asked to slow down costs nothing: that peer is well.
#[derive(Debug)]
struct Budget(Mutex<f64>);

const FULL: f64 = 100.0;
const EMPTY: f64 = 50.0;

impl Default for Budget {
    fn default() -> Self {
        Self(Mutex::new(FULL))
    }
}

impl Budget {
    fn succeeded(&self) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *tokens = (*tokens + 0.1).min(FULL);
    }

    /// Counts a failure and returns whether there is budget for a retry.
    fn failed(&self, kind: ErrorKind) -> bool {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kind != ErrorKind::RateLimited {
            *tokens = (*tokens - 1.0).max(0.0);
        }
        *tokens > EMPTY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_uses_the_budget_up_and_successes_earn_it_back() {
        let budget = Budget::default();
        let retried = (0..200).filter(|_| budget.failed(ErrorKind::Unavailable)).count();
        assert_eq!(retried, 49);
        (0..520).for_each(|_| budget.succeeded());
        assert!(budget.failed(ErrorKind::Unavailable));
    }

    #[test]
    fn being_slowed_down_costs_no_budget() {
        let budget = Budget::default();
        assert!((0..200).all(|_| budget.failed(ErrorKind::RateLimited)));
    }
}
