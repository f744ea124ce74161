use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::ErrorKind;

/// Traffic on the wire since a side was opened; shared by the layers of one [`Calls`](super::Calls).
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    operations: BTreeMap<&'static str, Counts>,
    waits: BTreeMap<u64, Waiting>,
    next_wait: u64,
}

/// Totals of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Attempts made, including repeated ones.
    pub requests: u64,
    /// Attempts that failed.
    pub errors: u64,
    /// Attempts the peer answered with "slow down".
    pub rate_limited: u64,
    /// Attempts that were made again after a failed one.
    pub retries: u64,
    /// Records of the attempts that succeeded.
    pub records: u64,
    /// Waits for a turn or before a retry, and their total duration.
    pub waits: u64,
    pub waited: Duration,
    /// Total time spent in attempts.
    pub busy: Duration,
}

/// A wait before a call can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub operation: &'static str,
    /// The reason for people: `429: rate limit reached`, `kept to the rate limit`.
    pub reason: String,
    /// The whole wait.
    pub wait: Duration,
}

impl Metrics {
    /// Totals by operation.
    pub fn counts(&self) -> BTreeMap<&'static str, Counts> {
        self.lock().operations.clone()
    }

    pub fn count(&self, operation: &str) -> Counts {
        self.lock().operations.get(operation).copied().unwrap_or_default()
    }

    /// Totals over all operations.
    pub fn total(&self) -> Counts {
        self.lock().operations.values().fold(Counts::default(), |sum, one| Counts {
            requests: sum.requests + one.requests,
            errors: sum.errors + one.errors,
            rate_limited: sum.rate_limited + one.rate_limited,
            retries: sum.retries + one.retries,
            records: sum.records + one.records,
            waits: sum.waits + one.waits,
            waited: sum.waited + one.waited,
            busy: sum.busy + one.busy,
        })
    }

    /// Returns the longest wait in progress; `None` if nobody waits.
    pub fn waiting(&self) -> Option<Waiting> {
        self.lock().waits.values().max_by_key(|waiting| waiting.wait).cloned()
    }

    pub(super) fn attempted(
        &self,
        operation: &'static str,
        records: usize,
        busy: Duration,
        error: Option<ErrorKind>,
    ) {
        let mut inner = self.lock();
        let counts = inner.operations.entry(operation).or_default();
        counts.requests += 1;
        counts.busy += busy;
        match error {
            None => counts.records += records as u64,
            Some(kind) => {
                counts.errors += 1;
                counts.rate_limited += u64::from(kind == ErrorKind::RateLimited);
            }
        }
    }

    pub(super) fn retried(&self, operation: &'static str) {
        self.lock().operations.entry(operation).or_default().retries += 1;
    }

    /// Waits for `wait` of tokio's time and shows it as [`Metrics::waiting`] meanwhile.
    pub(super) async fn wait(self: &Arc<Self>, waiting: Waiting) {
        let wait = waiting.wait;
        let _shown = self.show(waiting);
        tokio::time::sleep(wait).await;
    }

    fn show(self: &Arc<Self>, waiting: Waiting) -> Shown {
        let mut inner = self.lock();
        let counts = inner.operations.entry(waiting.operation).or_default();
        counts.waits += 1;
        counts.waited += waiting.wait;
        let key = inner.next_wait;
        inner.next_wait += 1;
        inner.waits.insert(key, waiting);
        Shown { metrics: self.clone(), key }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a wait off the list when it ends, even if the call was given up meanwhile.
struct Shown {
    metrics: Arc<Metrics>,
    key: u64,
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.metrics.lock().waits.remove(&self.key);
    }
}
