//! Limits the requests in flight: one more after every success, half after the peer asks to slow down.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::{Error, Result};

/// An additive-increase, multiplicative-decrease limit shared by all shards of a copy.
#[derive(Debug)]
pub struct Adaptive {
    permits: Semaphore,
    state: Mutex<State>,
    /// The number of throttled answers from the peer, as last seen.
    throttled: AtomicU64,
    most: usize,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Permits to drop when they are returned.
    surplus: usize,
    successes: usize,
}

impl Adaptive {
    /// Starts at half of `most`, at least 1.
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        let limit = most.div_ceil(2);
        Self {
            permits: Semaphore::new(limit),
            state: Mutex::new(State { limit, surplus: 0, successes: 0 }),
            throttled: AtomicU64::new(0),
            most,
        }
    }

    /// Returns the current limit.
    pub fn limit(&self) -> usize {
        self.lock().limit
    }

    /// Waits until another request may be sent.
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>> {
        self.permits
            .acquire()
            .await
            .map_err(|error| Error::unexpected("the limiter was closed").with_source(error))
    }

    /// Returns a permit after a request. `throttled_total` is the number of times the peer has asked to slow down.
    pub fn release(&self, permit: SemaphorePermit<'_>, throttled_total: u64) {
        let seen = self.throttled.fetch_max(throttled_total, Ordering::SeqCst);
        let mut state = self.lock();
        if throttled_total > seen {
            let halved = (state.limit / 2).max(1);
            state.surplus += state.limit - halved;
            state.limit = halved;
            state.successes = 0;
        } else {
            state.successes += 1;
            if state.successes >= state.limit && state.limit < self.most {
                state.limit += 1;
                state.successes = 0;
                if state.surplus > 0 {
                    state.surplus -= 1;
                } else {
                    self.permits.add_permits(1);
                }
            }
        }
        if state.surplus > 0 {
            state.surplus -= 1;
            permit.forget();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_halves_when_throttled_and_recovers_one_by_one() {
        let adaptive = Adaptive::new(8);
        assert_eq!(adaptive.limit(), 4);
        let permit = adaptive.acquire().await.unwrap();
        adaptive.release(permit, 1);
        assert_eq!(adaptive.limit(), 2);
        for _ in 0..2 {
            let permit = adaptive.acquire().await.unwrap();
            adaptive.release(permit, 1);
        }
        assert_eq!(adaptive.limit(), 3);
        assert!(adaptive.permits.available_permits() <= 3);
    }

    #[tokio::test]
    async fn it_never_falls_below_one() {
        let adaptive = Adaptive::new(2);
        for throttled in 1..20 {
            let permit = adaptive.acquire().await.unwrap();
            adaptive.release(permit, throttled);
        }
        assert_eq!(adaptive.limit(), 1);
        let permit = adaptive.acquire().await.unwrap();
        adaptive.release(permit, 20);
    }
}
