use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;

use super::adaptive::Adaptive;
use super::{Layer, Operation, Request};
use crate::error::{ErrorKind, Result};
use crate::model::Namespace;

/// Namespaces whose gates are kept before those that nobody is in are dropped.
const KEPT: usize = 4_096;

/// Bounds how many attempts that move records are under way at once, and lets fewer through while the peer cannot keep up.
///
/// Limits of reading are those of an index, limits of writing those of each namespace. So reads share one gate; a
/// namespace that is written to has its own, and one that is slowed down leaves the others alone. Each side of a copy has
/// layers of its own, hence what slows one down says nothing to the other.
pub(super) struct InFlightLayer {
    /// `None`: as many as are asked for.
    most: Option<usize>,
    gates: Mutex<HashMap<Gate, Arc<Adaptive>>>,
}

type Gate = (Request, Option<Namespace>);

impl InFlightLayer {
    pub fn new(most: Option<usize>) -> Self {
        Self { most, gates: Mutex::default() }
    }

    fn gate(&self, gate: Gate, new: impl FnOnce() -> Arc<Adaptive>) -> Arc<Adaptive> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if gates.len() > KEPT {
            gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        gates.entry(gate).or_insert_with(new).clone()
    }
}

impl Layer for InFlightLayer {
    async fn call<'a, T, F>(&'a self, operation: Operation<'a>, make: F) -> Result<T>
    where
        T: Send + 'a,
        F: Fn() -> BoxFuture<'a, Result<T>> + Send + Sync + 'a,
    {
        let Some(most) = self.most.filter(|_| operation.request.moves_records()) else {
            return make().await;
        };
        let request = operation.request;
        // A namespace's own place first: whoever waits there keeps nobody else waiting.
        let (_all, own) = match operation.namespace.filter(|_| operation.request.is_write()) {
            Some(namespace) => {
                let own = self.gate((request, Some(namespace.clone())), || Adaptive::new(most));
                let own = own.enter().await?;
                let all = self.gate((request, None), || Adaptive::full(most)).enter().await?;
                (Some(all), own)
            }
            None => (None, self.gate((request, None), || Adaptive::new(most)).enter().await?),
        };
        let result = make().await;
        match result.as_ref().map_err(|error| error.kind()) {
            Ok(_) => own.succeeded(),
            Err(ErrorKind::RateLimited | ErrorKind::Timeout | ErrorKind::Unavailable) => {
                own.slowed();
            }
            Err(_) => {}
        }
        result
    }
}
