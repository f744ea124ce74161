//! The one place through which a store is asked: each request is an [`Operation`], and layers decide whether, when and how
//! often it is made.
//!
//! A provider is given a [`Calls`] when it is opened and makes every request through [`Calls::call`]. The layers, from the
//! caller to the wire:
//!
//! ```text
//! retry          one request of the caller, several attempts
//!   throttle     each attempt waits for its turn
//!     in flight  and for a place: so many are under way at once
//!       observe  each attempt is counted; waiting is not its time
//!         timeout  each attempt has its deadline
//!           gate   an attempt that would change an index is let through, or not
//! ```
//!
//! Waits are on tokio's clock: they are pauses of the wire, which a rehearsal does not shorten.

mod adaptive;
mod bucket;
mod gate;
mod in_flight;
mod metrics;
mod observe;
mod operation;
mod options;
mod retry;
mod throttle;
mod through;
mod timeout;

#[cfg(test)]
mod tests;

use futures::future::BoxFuture;

use crate::error::Result;

pub use gate::{Fence, Gate};
pub use metrics::{Counts, Metrics, Waiting};
pub use operation::{Due, Operation, Request};
pub use options::CallOptions;
pub use retry::RetryOptions;
pub use through::Calls;
pub use timeout::TimeoutOptions;

/// A layer between a provider and its user.
trait Layer: Send + Sync {
    /// Performs `operation` by calling `make`, which starts one attempt each time it is called.
    fn call<'a, T, F>(
        &'a self,
        operation: Operation<'a>,
        make: F,
    ) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'a,
        F: Fn() -> BoxFuture<'a, Result<T>> + Send + Sync + 'a;
}
