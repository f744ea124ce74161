use std::sync::Arc;

use futures::future::BoxFuture;
use tracing::Instrument;

use super::{Layer, Metrics, Operation};
use crate::clock::Stopwatch;
use crate::error::Result;

/// A layer that counts every attempt and puts it into a tracing span.
pub(super) struct ObserveLayer {
    metrics: Arc<Metrics>,
}

impl ObserveLayer {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }
}

impl Layer for ObserveLayer {
    async fn call<'a, T, F>(&'a self, operation: Operation<'a>, make: F) -> Result<T>
    where
        T: Send + 'a,
        F: Fn() -> BoxFuture<'a, Result<T>> + Send + Sync + 'a,
    {
        let span = tracing::debug_span!(
            "provider",
            operation = operation.request.name(),
            namespace = operation.namespace.map(tracing::field::display),
            records = operation.records,
        );
        let stopwatch = Stopwatch::start();
        let result = make().instrument(span.clone()).await;
        let kind = result.as_ref().err().map(|error| error.kind());
        if let Err(error) = &result {
            span.in_scope(|| tracing::debug!(%error, "attempt failed"));
        }
        self.metrics.attempted(
            operation.request.name(),
            operation.records,
            stopwatch.elapsed(),
            kind,
        );
        result
    }
}
