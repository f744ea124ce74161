use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};

use super::in_flight::InFlightLayer;
use super::observe::ObserveLayer;
use super::retry::RetryLayer;
use super::throttle::ThrottleLayer;
use super::timeout::TimeoutLayer;
use super::{CallOptions, Gate, Layer, Metrics, Operation, Request};
use crate::error::{Error, ErrorKind, Result};

/// How long a request that is under way waits at the gate: others may wait for what it holds.
const STILL: Duration = Duration::from_secs(10);

/// How requests are made. Cloning shares the layers, and what they count and have learned.
#[derive(Clone, Default)]
pub struct Calls {
    layers: Option<Arc<Layers>>,
    gate: Gate,
}

struct Layers {
    retry: RetryLayer,
    throttle: ThrottleLayer,
    in_flight: InFlightLayer,
    observe: ObserveLayer,
    timeout: TimeoutLayer,
    metrics: Arc<Metrics>,
}

impl Calls {
    /// Makes each request once, at once and for as long as it takes.
    pub fn bare() -> Self {
        Self::default()
    }

    /// Makes requests through the usual layers.
    pub fn new(options: CallOptions) -> Self {
        let metrics = Arc::new(Metrics::default());
        let layers = Layers {
            retry: RetryLayer::new(options.retry, metrics.clone()),
            throttle: ThrottleLayer::new(
                options.keeps_to_rates,
                options.fetched_records,
                metrics.clone(),
            ),
            in_flight: InFlightLayer::new(options.in_flight),
            observe: ObserveLayer::new(metrics.clone()),
            timeout: TimeoutLayer::new(options.timeout),
            metrics,
        };
        Self { layers: Some(Arc::new(layers)), ..Self::default() }
    }

    /// Lets only those attempts through that `gate` does.
    pub fn behind(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// What was counted; nothing without layers.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.layers.as_ref().map(|layers| layers.metrics.clone()).unwrap_or_default()
    }

    /// Passes the gate once more, for what comes long after the beginning of a request that changes an index.
    ///
    /// # Errors
    /// As the gate; `Unavailable` where it does not open within seconds.
    pub async fn still(&self, request: Request) -> Result<()> {
        let operation = Operation::new(request);
        let passed = tokio::time::timeout(STILL, self.gate.pass(&operation)).await;
        passed.unwrap_or_else(|_| {
            let message = "whether the plan is still held is not known right now";
            Err(Error::new(ErrorKind::Unavailable, message))
        })
    }

    /// Makes a request by calling `make`, which starts one attempt each time it is called.
    ///
    /// # Errors
    /// `Refused` by the gate; the error of the last attempt.
    pub async fn call<'a, T, F>(&'a self, operation: Operation<'a>, make: &'a F) -> Result<T>
    where
        T: Send + 'a,
        F: Fn() -> BoxFuture<'a, Result<T>> + Send + Sync,
    {
        let Some(layers) = &self.layers else {
            self.gate.pass(&operation).await?;
            return make().await;
        };
        layers.retry.call(operation, move || self.in_turn(layers, operation, make).boxed()).await
    }

    async fn in_turn<'a, T, F>(
        &'a self,
        layers: &'a Layers,
        operation: Operation<'a>,
        make: &'a F,
    ) -> Result<T>
    where
        T: Send + 'a,
        F: Fn() -> BoxFuture<'a, Result<T>> + Send + Sync,
    {
        let attempt = move || self.timed(layers, operation, make).boxed();
        let placed = move || layers.in_flight.call(operation, attempt).boxed();
        layers.throttle.call(operation, placed).await
    }

    async fn timed<'a, T, F>(
        &'a self,
        layers: &'a Layers,
        operation: Operation<'a>,
        make: &'a F,
    ) -> Result<T>
    where
        T: Send + 'a,
        F: Fn() -> BoxFuture<'a, Result<T>> + Send + Sync,
    {
        // Nothing waits behind the gate, and no deadline runs while it is closed.
        self.gate.pass(&operation).await?;
        let timed = move || layers.timeout.call(operation, make).boxed();
        layers.observe.call(operation, timed).await
    }
}
