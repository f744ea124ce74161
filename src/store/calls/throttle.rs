use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;

use super::bucket::Bucket;
use super::{Due, Layer, Metrics, Operation, Request, Waiting};
use crate::error::Result;
use crate::model::Namespace;

/// The share of a limit that is used.
const SHARE: f64 = 0.98;

/// The part of a second's limit that may go out at once. With [`SHARE`] it makes the whole: in no second, whenever the peer
/// takes it to begin, does more than the limit go out.
const BURST: f64 = 1.0 - SHARE;

/// Namespaces whose buckets are kept before the full ones are dropped.
const KEPT: usize = 4_096;

/// Makes each attempt wait for its turn.
pub(super) struct ThrottleLayer {
    /// Whether the rates are kept to that operations name.
    keeps_to_rates: bool,
    /// Records read per second: the user's own limit.
    fetched_records: Option<f64>,
    metrics: Arc<Metrics>,
    buckets: Mutex<HashMap<Key, Arc<Bucket>>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    what: &'static str,
    namespace: Option<Namespace>,
}

impl ThrottleLayer {
    pub fn new(keeps_to_rates: bool, fetched_records: Option<f64>, metrics: Arc<Metrics>) -> Self {
        Self { keeps_to_rates, fetched_records, metrics, buckets: Mutex::default() }
    }

    fn turn(&self, operation: &Operation<'_>) -> Duration {
        let documented = if self.keeps_to_rates { operation.dues() } else { Vec::new() };
        let is_read = matches!(operation.request, Request::Fetch | Request::Read);
        let own = self.fetched_records.filter(|_| is_read).map(|rate| Due {
            what: "records",
            rate,
            is_per_namespace: false,
            tokens: operation.records as f64,
        });
        let waits = documented.into_iter().chain(own).map(|due| self.take(due, operation));
        waits.max().unwrap_or_default()
    }

    fn take(&self, due: Due, operation: &Operation<'_>) -> Duration {
        let namespace = operation.namespace.filter(|_| due.is_per_namespace);
        let key = Key { what: due.what, namespace: namespace.cloned() };
        let bucket = {
            let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            if buckets.len() > KEPT {
                buckets.retain(|_, bucket| !bucket.is_full());
            }
            let new = || Arc::new(Bucket::new(due.rate * SHARE, due.rate * BURST));
            buckets.entry(key).or_insert_with(new).clone()
        };
        bucket.take(due.tokens)
    }
}

impl Layer for ThrottleLayer {
    async fn call<'a, T, F>(&'a self, operation: Operation<'a>, make: F) -> Result<T>
    where
        T: Send + 'a,
        F: Fn() -> BoxFuture<'a, Result<T>> + Send + Sync + 'a,
    {
        let wait = self.turn(&operation);
        if !wait.is_zero() {
            let reason = "kept to the rate limit".to_owned();
            self.metrics.wait(Waiting { operation: operation.request.name(), reason, wait }).await;
        }
        make().await
    }
}
