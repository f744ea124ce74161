use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A token bucket that lends: a caller who takes more than is there gets a wait, and the next one waits longer. That
/// keeps turns in order and lets one request be larger than the bucket.
#[derive(Debug)]
pub struct Bucket {
    /// Tokens a second.
    rate: f64,
    burst: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// Makes a full bucket that gains `rate` tokens a second and holds `burst`.
    pub fn new(rate: f64, burst: f64) -> Self {
        let state = State { tokens: burst, at: Instant::now() };
        Self { rate: rate.max(f64::MIN_POSITIVE), burst, state: Mutex::new(state) }
    }

    /// Takes `tokens` and returns how long to wait before using them.
    pub fn take(&self, tokens: f64) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let gained = now.duration_since(state.at).as_secs_f64() * self.rate;
        state.tokens = (state.tokens + gained).min(self.burst) - tokens;
        state.at = now;
        let wait = (-state.tokens / self.rate).max(0.0);
        Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX)
    }

    /// Returns whether nobody waits and nothing is missing: such a bucket can be forgotten.
    pub fn is_full(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tokens + state.at.elapsed().as_secs_f64() * self.rate >= self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_debt_is_waited_off_in_order() {
        let bucket = Bucket::new(10.0, 5.0);
        assert_eq!(bucket.take(5.0), Duration::ZERO);
        assert_eq!(bucket.take(10.0), Duration::from_secs(1));
        assert_eq!(bucket.take(5.0), Duration::from_millis(1_500));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(bucket.is_full());
        assert_eq!(bucket.take(1.0), Duration::ZERO);
    }
}
