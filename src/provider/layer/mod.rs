//! Layers around a [`Source`](super::Source) or [`Target`](super::Target): each sees every call as an
//! [`Operation`] and decides whether, when and how often it is made.
//!
//! A layer implements [`Layer`], one method. [`Layered`] puts it around a provider and forwards every method of
//! both traits through it, so that a new method of a trait is one line there. [`stack`] puts the usual ones
//! around a provider in the order that makes sense:
//!
//! ```text
//! retry          one call of the user, several attempts
//!   throttle     each attempt waits for its turn
//!     in flight  and for a place: so many are under way at once
//!       observe  each attempt is counted; waiting is not its time
//!         timeout  each attempt has its deadline
//!           provider
//! ```
//!
//! [`read_only`], [`fence`] and [`fault`] go directly around the provider, under the stack.
//!
//! Waits are on tokio's clock: they are pauses of the wire, which a rehearsal does not shorten.

mod adaptive;
mod bucket;
mod fault;
mod fence;
mod forward;
mod in_flight;
mod metrics;
mod observe;
mod operation;
mod read_only;
mod retry;
mod stack;
mod throttle;
mod timeout;

#[cfg(test)]
mod tests;

use futures::future::BoxFuture;

use crate::error::Result;

pub use fault::{Fault, FaultLayer, FaultOptions, fault, fault_source};
pub use fence::{Fence, FenceLayer, fence};
pub use forward::Layered;
pub use in_flight::InFlightLayer;
pub use metrics::{Counts, Metrics, Waiting};
pub use observe::ObserveLayer;
pub use operation::Operation;
pub use read_only::{ReadOnlyLayer, read_only, read_only_source};
pub use retry::{RetryLayer, RetryOptions};
pub use stack::{StackOptions, stack, stack_source};
pub use throttle::{ThrottleLayer, ThrottleOptions};
pub use timeout::{TimeoutLayer, TimeoutOptions};

/// A layer between a provider and its user.
pub trait Layer: Send + Sync {
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
