//! The only place that asks the time.
//!
//! Three clocks, one type. The *system* clock is the world's. The *rehearsal* clock skips most of every
//! long wait (a bake of 24 h takes a second or two) and moves its own time forward by what was skipped.
//! The *test* clock never waits: a sleep moves the time and returns.
//!
//! Latency is never scaled: it is measured with [`Stopwatch`], which is monotonic real time.
#![allow(clippy::disallowed_methods)]

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

pub use jiff::Timestamp;
use tokio::time::Instant;

/// A clock; cloning shares it.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    System,
    /// Real time plus what was skipped; no single wait takes longer than `longest_wait`.
    Rehearsal {
        skipped_ns: AtomicI64,
        longest_wait: Duration,
    },
    Test {
        now_ns: AtomicI64,
    },
}

impl Clock {
    pub fn system() -> Self {
        Self(Arc::new(Kind::System))
    }

    /// A clock on which no single wait takes longer than `longest_wait` of real time.
    pub fn rehearsal(longest_wait: Duration) -> Self {
        Self(Arc::new(Kind::Rehearsal { skipped_ns: AtomicI64::new(0), longest_wait }))
    }

    /// A clock that stands still until somebody sleeps on it or skips.
    pub fn test(start: Timestamp) -> Self {
        let now_ns = i64::try_from(start.as_nanosecond()).unwrap_or(i64::MAX);
        Self(Arc::new(Kind::Test { now_ns: AtomicI64::new(now_ns) }))
    }

    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Kind::System => Timestamp::now(),
            Kind::Rehearsal { skipped_ns, .. } => {
                at(real_ns().saturating_add(skipped_ns.load(Ordering::SeqCst)))
            }
            Kind::Test { now_ns } => at(now_ns.load(Ordering::SeqCst)),
        }
    }

    /// Waits for `duration` of this clock's time.
    pub async fn sleep(&self, duration: Duration) {
        match &*self.0 {
            Kind::System => tokio::time::sleep(duration).await,
            Kind::Rehearsal { longest_wait, .. } => {
                let real = duration.min(*longest_wait);
                tokio::time::sleep(real).await;
                self.skip(duration - real);
            }
            Kind::Test { .. } => {
                self.skip(duration);
                tokio::task::yield_now().await;
            }
        }
    }

    /// Moves a rehearsal or test clock forward without waiting; does nothing on the system clock.
    pub fn skip(&self, duration: Duration) {
        let ns = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        match &*self.0 {
            Kind::System => {}
            Kind::Rehearsal { skipped_ns, .. } => {
                skipped_ns.fetch_add(ns, Ordering::SeqCst);
            }
            Kind::Test { now_ns } => {
                now_ns.fetch_add(ns, Ordering::SeqCst);
            }
        }
    }

    /// Returns whether long waits are shortened, which the report of such a run mentions.
    pub fn is_scaled(&self) -> bool {
        !matches!(&*self.0, Kind::System)
    }
}

/// How long to go on asking, and the time between two questions.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub limit: Duration,
    pub pause: Duration,
}

impl Patience {
    /// Returns a test of whether the limit has passed since now.
    pub fn from_now(self, clock: &Clock) -> impl Fn() -> bool {
        let end = after(clock.now(), self.limit);
        move || clock.now() >= end
    }
}

/// Asks until `look` breaks with an answer; once `is_over`, continues with what the last look was still waiting for. `rest`
/// passes the time between two looks. The only loop of its kind.
///
/// # Errors
/// Those of `look` and `rest`.
pub async fn ask<T, W, E, F, R>(
    is_over: impl Fn() -> bool,
    mut look: impl FnMut() -> F,
    rest: impl Fn() -> R,
) -> Result<ControlFlow<T, W>, E>
where
    F: Future<Output = Result<ControlFlow<T, W>, E>>,
    R: Future<Output = Result<(), E>>,
{
    loop {
        let seen = look().await?;
        if seen.is_break() || is_over() {
            return Ok(seen);
        }
        rest().await?;
    }
}

/// Returns the time from `from` to `to`, or zero if `to` is earlier.
pub fn until(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// Returns `from` plus `duration`, or the latest instant that can be written if that overflows.
pub fn after(from: Timestamp, duration: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| from.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}

fn real_ns() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

fn at(ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(ns)).unwrap_or(Timestamp::MAX)
}

/// Monotonic real time since its start, for measuring latencies. Follows tokio's clock in tests that pause it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rehearsal_skips_all_but_the_longest_wait() {
        let clock = Clock::rehearsal(Duration::from_millis(300));
        let before = clock.now();
        let real = tokio::time::Instant::now();
        clock.sleep(Duration::from_secs(86_400)).await;
        assert_eq!(real.elapsed(), Duration::from_millis(300));
        let passed = until(before, clock.now());
        assert!(passed >= Duration::from_secs(86_399), "{passed:?}");
    }

    #[tokio::test]
    async fn a_test_clock_moves_only_on_request() {
        let clock = Clock::test(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
        clock.sleep(Duration::from_secs(60)).await;
        assert_eq!(until(Timestamp::UNIX_EPOCH, clock.now()), Duration::from_secs(60));
    }

    #[test]
    fn a_passed_deadline_is_no_wait() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(until(after(now, Duration::from_secs(1)), now), Duration::ZERO);
    }
}
