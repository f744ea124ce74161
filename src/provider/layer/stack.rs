use std::sync::Arc;
use std::time::Duration;

use super::{
    Layered, Metrics, ObserveLayer, RetryLayer, RetryOptions, ThrottleLayer, ThrottleOptions,
    TimeoutLayer, TimeoutOptions,
};
use crate::provider::{Admin, Source};

/// Options of the usual layers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StackOptions {
    pub retry: RetryOptions,
    pub throttle: ThrottleOptions,
    pub timeout: TimeoutOptions,
}

impl StackOptions {
    /// Returns the options for measuring: few and quick retries, no throttle, a deadline.
    pub fn probe(deadline: Duration) -> Self {
        Self {
            retry: RetryOptions::query(),
            throttle: ThrottleOptions::default(),
            timeout: TimeoutOptions { data: deadline, control: deadline },
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

type Stacked<I> =
    Layered<RetryLayer, Layered<ThrottleLayer, Layered<ObserveLayer, Layered<TimeoutLayer, I>>>>;

/// Puts the usual layers around `target` and returns it with what they count.
pub fn stack(target: Arc<dyn Admin>, options: StackOptions) -> (Arc<dyn Admin>, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::default());
    (Arc::new(layers(target, options, &metrics)), metrics)
}

/// Puts the usual layers around `source` and returns it with what they count.
pub fn stack_source(
    source: Arc<dyn Source>,
    options: StackOptions,
) -> (Arc<dyn Source>, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::default());
    (Arc::new(layers(source, options, &metrics)), metrics)
}

fn layers<I: Source + ?Sized + 'static>(
    inner: Arc<I>,
    options: StackOptions,
    metrics: &Arc<Metrics>,
) -> Stacked<I> {
    let asked = inner.clone();
    // Pods document no limits, and a pod is recognised by not being able to list.
    let is_serverless = Box::new(move || asked.capabilities().list);
    let timeout = Layered::new(TimeoutLayer::new(options.timeout), inner);
    let observe = Layered::new(ObserveLayer::new(metrics.clone()), Arc::new(timeout));
    let throttle = ThrottleLayer::serverless_only(options.throttle, metrics.clone(), is_serverless);
    let throttle = Layered::new(throttle, Arc::new(observe));
    Layered::new(RetryLayer::new(options.retry, metrics.clone()), Arc::new(throttle))
}
