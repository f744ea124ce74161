//! Work that goes on beside whoever waits for it, on any thread, and ends with them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio_util::task::AbortOnDropHandle;

use crate::error::{Error, Result};

/// A future that was begun; given up when this is dropped.
pub struct Task<T>(AbortOnDropHandle<Result<T>>);

/// Begins `work` at once.
pub fn begin<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Task<T> {
    Task(AbortOnDropHandle::new(tokio::spawn(work)))
}

impl<T> Future for Task<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let done = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(done.unwrap_or_else(|error| {
            Err(Error::unexpected("a task did not come to its end").with_source(error))
        }))
    }
}
