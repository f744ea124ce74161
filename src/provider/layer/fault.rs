use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Layer, Layered, Operation};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Admin, Source};

/// One failure on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The operation it hits, for example `upsert`.
    pub operation: &'static str,
    /// The calls of that operation that fail, counted from 1.
    pub calls: RangeInclusive<u64>,
    pub kind: ErrorKind,
    /// True if the call is made and its answer lost, instead of not being made.
    pub after: bool,
}

impl Fault {
    /// Makes a fault in which the `nth` call of `operation` fails without being made.
    pub fn nth(operation: &'static str, nth: u64, kind: ErrorKind) -> Self {
        Self { operation, calls: nth..=nth, kind, after: false }
    }

    /// Returns the fault changed so that the peer carries out the call and the answer is lost.
    pub fn lost(self) -> Self {
        Self { after: true, ..self }
    }
}

/// Failures to play: a script, and a share of all calls by a seed. The same options and the same order of calls
/// give the same failures.
#[derive(Clone, Debug, Default)]
pub struct FaultOptions {
    pub script: Vec<Fault>,
    /// The share of calls that fail, 0 to 1.
    pub share: f64,
    /// Kinds of error that those fail with, drawn at random; `Unavailable` if empty.
    pub kinds: Vec<ErrorKind>,
    pub seed: u64,
}

/// A layer that plays failures.
pub struct FaultLayer {
    options: FaultOptions,
    state: Mutex<State>,
}

struct State {
    random: StdRng,
    calls: HashMap<&'static str, u64>,
}

impl FaultLayer {
    pub fn new(options: FaultOptions) -> Self {
        let random = StdRng::seed_from_u64(options.seed);
        Self { options, state: Mutex::new(State { random, calls: HashMap::new() }) }
    }

    /// Returns the error this call fails with, and whether only after it was made.
    fn next(&self, operation: &'static str) -> Option<(ErrorKind, bool)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let call = state.calls.entry(operation).or_insert(0);
        *call += 1;
        let call = *call;
        let scripted = self
            .options
            .script
            .iter()
            .find(|fault| fault.operation == operation && fault.calls.contains(&call));
        if let Some(fault) = scripted {
            return Some((fault.kind, fault.after));
        }
        if self.options.share <= 0.0 || !state.random.random_bool(self.options.share.min(1.0)) {
            return None;
        }
        let kinds = &self.options.kinds;
        let kind = match kinds.len() {
            0 => ErrorKind::Unavailable,
            count => kinds[state.random.random_range(0..count)],
        };
        Some((kind, false))
    }
}

impl Layer for FaultLayer {
    async fn call<'a, T, F>(&'a self, operation: Operation<'a>, make: F) -> Result<T>
    where
        T: Send + 'a,
        F: Fn() -> BoxFuture<'a, Result<T>> + Send + Sync + 'a,
    {
        let Some((kind, after)) = self.next(operation.name) else { return make().await };
        if after {
            make().await?;
        }
        Err(Error::new(kind, "a failure on purpose").with_operation(operation.name))
    }
}

/// Wraps `target` so that it fails as scripted.
pub fn fault(target: Arc<dyn Admin>, options: FaultOptions) -> Arc<dyn Admin> {
    Arc::new(Layered::new(FaultLayer::new(options), target))
}

/// Wraps `source` so that it fails as scripted.
pub fn fault_source(source: Arc<dyn Source>, options: FaultOptions) -> Arc<dyn Source> {
    Arc::new(Layered::new(FaultLayer::new(options), source))
}
