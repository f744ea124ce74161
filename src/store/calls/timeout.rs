use std::time::Duration;

use futures::future::BoxFuture;

use super::{Layer, Operation};
use crate::error::{Error, ErrorKind, Result};

/// The longest one attempt may take, unless it has no deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutOptions {
    pub data: Duration,
    pub control: Duration,
}

impl Default for TimeoutOptions {
    fn default() -> Self {
        Self { data: Duration::from_secs(30), control: Duration::from_secs(60) }
    }
}

/// A layer that gives up an attempt at its deadline.
pub(super) struct TimeoutLayer {
    options: TimeoutOptions,
}

impl TimeoutLayer {
    pub fn new(options: TimeoutOptions) -> Self {
        Self { options }
    }
}

impl Layer for TimeoutLayer {
    async fn call<'a, T, F>(&'a self, operation: Operation<'a>, make: F) -> Result<T>
    where
        T: Send + 'a,
        F: Fn() -> BoxFuture<'a, Result<T>> + Send + Sync + 'a,
    {
        if !operation.has_deadline {
            return make().await;
        }
        let limit =
            if operation.request.is_control() { self.options.control } else { self.options.data };
        tokio::time::timeout(limit, make()).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, format!("no answer within {limit:?}"))
                .with_operation(operation.request.name()))
        })
    }
}
