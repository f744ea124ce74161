use std::sync::Arc;
use std::time::Duration;

use super::{
    InFlightLayer, Layered, Metrics, ObserveLayer, RetryLayer, RetryOptions, ThrottleLayer,
    ThrottleOptions, TimeoutLayer, TimeoutOptions,
};
use crate::provider::{Admin, Source};

/// Options of the usual layers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StackOptions {
    pub retry: RetryOptions,
    pub throttle: ThrottleOptions,
    /// The most fetches, queries and upserts under way at once, of each; `None`: as many as are asked for.
    pub in_flight: Option<usize>,
    pub timeout: TimeoutOptions,
}

impl StackOptions {
    /// Returns the options for measuring: few and quick retries, no throttle, a deadline.
    pub fn probe(deadline: Duration) -> Self {
        Self {
            retry: RetryOptions::query(),
            timeout: TimeoutOptions { data: deadline, control: deadline },
            ..Self::default()
        }
    }

    /// Returns the options for what is read from this machine or through it: no limits, and time enough to look
    /// through every file.
    pub fn files() -> Self {
        let long = Duration::from_secs(24 * 3600);
        Self { timeout: TimeoutOptions { data: long, control: long }, ..Self::default() }
    }

    /// Returns the options with the documented limits of a serverless index, which apply only if the index turns out
    /// to be one: right for any index.
    pub fn serverless() -> Self {
        Self { throttle: ThrottleOptions::serverless(), ..Self::default() }
    }
}

type Stacked<I> = Layered<RetryLayer, Throttled<I>>;
type Throttled<I> =
    Layered<ThrottleLayer, Layered<InFlightLayer, Layered<ObserveLayer, Layered<TimeoutLayer, I>>>>;

/// Puts the usual layers around `target` and returns it with what they count.
pub fn stack(target: Arc<dyn Admin>, options: StackOptions) -> (Arc<dyn Admin>, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::default());
    let asked = target.clone();
    let throttle = throttle(&target, options, &metrics)
        .sized(Box::new(move |record| asked.request_bytes(record)));
    (Arc::new(layers(target, throttle, options, &metrics)), metrics)
}

/// Puts the usual layers around `source` and returns it with what they count.
pub fn stack_source(
    source: Arc<dyn Source>,
    options: StackOptions,
) -> (Arc<dyn Source>, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::default());
    let throttle = throttle(&source, options, &metrics);
    (Arc::new(layers(source, throttle, options, &metrics)), metrics)
}

fn throttle<I: Source + ?Sized + 'static>(
    inner: &Arc<I>,
    options: StackOptions,
    metrics: &Arc<Metrics>,
) -> ThrottleLayer {
    let asked = inner.clone();
    // Pods document no limits, and a pod is recognised by not being able to list.
    let is_serverless = Box::new(move || asked.capabilities().list);
    ThrottleLayer::serverless_only(options.throttle, metrics.clone(), is_serverless)
}

fn layers<I: Source + ?Sized + 'static>(
    inner: Arc<I>,
    throttle: ThrottleLayer,
    options: StackOptions,
    metrics: &Arc<Metrics>,
) -> Stacked<I> {
    let timeout = Layered::new(TimeoutLayer::new(options.timeout), inner);
    let observe = Layered::new(ObserveLayer::new(metrics.clone()), Arc::new(timeout));
    let in_flight = Layered::new(InFlightLayer::new(options.in_flight), Arc::new(observe));
    let throttle = Layered::new(throttle, Arc::new(in_flight));
    Layered::new(RetryLayer::new(options.retry, metrics.clone()), Arc::new(throttle))
}
