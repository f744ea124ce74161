use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;

use super::bucket::Bucket;
use super::{Layer, Metrics, Operation, Waiting};
use crate::error::Result;
use crate::model::{Namespace, Record};

/// Rates that are not exceeded; `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ThrottleOptions {
    /// Bytes of records written to one namespace per second, as they travel.
    pub upsert_bytes: Option<f64>,
    /// Upserts a second to one namespace.
    pub upserts: Option<f64>,
    /// Queries a second to one namespace.
    pub queries: Option<f64>,
    /// Deletes a second in one namespace.
    pub deletes: Option<f64>,
    /// Fetches a second to the index.
    pub fetches: Option<f64>,
    /// Pages of ids a second from the index.
    pub lists: Option<f64>,
    /// Counts a second from the index.
    pub stats: Option<f64>,
    /// Records fetched from the index per second: the user's own limit.
    pub fetched_records: Option<f64>,
}

impl ThrottleOptions {
    /// Returns the documented limits of a serverless index (docs.pinecone.io, "Limits", 2026-10). Pods document none.
    pub fn serverless() -> Self {
        Self {
            upsert_bytes: Some(50e6),
            upserts: Some(100.0),
            queries: Some(100.0),
            deletes: Some(100.0),
            fetches: Some(100.0),
            lists: Some(200.0),
            stats: Some(100.0),
            fetched_records: None,
        }
    }
}

/// The share of a limit that is used.
const SHARE: f64 = 0.98;

/// The part of a second's limit that may go out at once. With [`SHARE`] it makes the whole: in no second, whenever the peer
/// takes it to begin, does more than the limit go out.
const BURST: f64 = 1.0 - SHARE;

/// Namespaces whose buckets are kept before the full ones are dropped.
const KEPT: usize = 4_096;

/// Returns whether the index has the limits of a serverless one; asked at each call, because it is known only after
/// the index was described.
type IsServerless = Box<dyn Fn() -> bool + Send + Sync>;

/// The bytes of a record on the wire.
type Size = Box<dyn Fn(&Record) -> usize + Send + Sync>;

/// A layer that makes each attempt wait for its turn.
pub struct ThrottleLayer {
    options: ThrottleOptions,
    metrics: Arc<Metrics>,
    is_serverless: IsServerless,
    size: Size,
    buckets: Mutex<HashMap<Key, Arc<Bucket>>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    what: &'static str,
    namespace: Option<Namespace>,
}

impl ThrottleLayer {
    pub fn new(options: ThrottleOptions, metrics: Arc<Metrics>) -> Self {
        Self::serverless_only(options, metrics, Box::new(|| true))
    }

    /// Makes a layer that has no limits but the user's own while `is_serverless` returns false.
    pub fn serverless_only(
        options: ThrottleOptions,
        metrics: Arc<Metrics>,
        is_serverless: IsServerless,
    ) -> Self {
        let size = Box::new(Record::stored_bytes);
        Self { options, metrics, is_serverless, size, buckets: Mutex::default() }
    }

    /// Counts bytes by the size that records have on the wire; without it, by what the service stores.
    pub fn sized(self, size: Size) -> Self {
        Self { size, ..self }
    }

    fn turn(&self, operation: &Operation<'_>) -> Duration {
        let own = ThrottleOptions {
            fetched_records: self.options.fetched_records,
            ..ThrottleOptions::default()
        };
        let options = if (self.is_serverless)() { &self.options } else { &own };
        let one = 1.0;
        match operation.name {
            "upsert" => {
                let bytes = || operation.bytes(&self.size) as f64;
                self.take(options.upserts, "upsert", operation.namespace, || one).max(self.take(
                    options.upsert_bytes,
                    "bytes",
                    operation.namespace,
                    bytes,
                ))
            }
            "query" => self.take(options.queries, "query", operation.namespace, || one),
            "delete" | "delete_namespace" => {
                self.take(options.deletes, "delete", operation.namespace, || one)
            }
            "fetch" => {
                let records = || operation.records as f64;
                self.take(options.fetches, "fetch", None, || one).max(self.take(
                    options.fetched_records,
                    "records",
                    None,
                    records,
                ))
            }
            "list" => self.take(options.lists, "list", None, || one),
            "stats" | "filtered_stats" => self.take(options.stats, "stats", None, || one),
            _ => Duration::ZERO,
        }
    }

    fn take(
        &self,
        rate: Option<f64>,
        what: &'static str,
        namespace: Option<&Namespace>,
        tokens: impl Fn() -> f64,
    ) -> Duration {
        let Some(rate) = rate else { return Duration::ZERO };
        let key = Key { what, namespace: namespace.cloned() };
        let bucket = {
            let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            if buckets.len() > KEPT {
                buckets.retain(|_, bucket| !bucket.is_full());
            }
            let new = || Arc::new(Bucket::new(rate * SHARE, rate * BURST));
            buckets.entry(key).or_insert_with(new).clone()
        };
        bucket.take(tokens())
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
            self.metrics.wait(Waiting { operation: operation.name, reason, wait }).await;
        }
        make().await
    }
}
