//! Seeded faults: the n-th request of an operation meets the same fate under the same seed.
//!
//! A refused request (429, 503) was never applied, and neither was one whose connection is reset: the
//! reset comes before the request is read. A truncated answer is the nasty case: the request *was*
//! applied, and its answer breaks off.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::Share;
use crate::plan::file::{Faults, LatencyRange};

use super::id::mix;
use crate::pinecone_wire::Operation;

/// An injected fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    RateLimited,
    Unavailable,
    Reset,
    Truncated,
}

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Reset => "reset",
            Self::Truncated => "truncated",
        }
    }
}

/// The fate of one request: the fault it meets, if any, and its latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    pub fault: Option<Fault>,
    /// Delay before the answer is sent.
    pub latency: Duration,
    /// Additional delay of a query of a target.
    pub target_query_latency: Duration,
}

/// Draws fates.
#[derive(Debug, Default)]
pub(crate) struct Dice(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    drawn: BTreeMap<Operation, u64>,
}

impl Dice {
    pub fn new(faults: Faults) -> Self {
        Self(Mutex::new(State { faults, drawn: BTreeMap::new() }))
    }

    /// Replaces the faults and restarts their sequence.
    pub fn set(&self, faults: Faults) {
        *self.lock() = State { faults, drawn: BTreeMap::new() };
    }

    pub fn faults(&self) -> Faults {
        self.lock().faults.clone()
    }

    pub fn lag(&self) -> Duration {
        self.lock().faults.lag.map_or(Duration::ZERO, |lag| lag.0)
    }

    /// Draws the fate of the next request of `operation`.
    pub fn draw(&self, operation: Operation) -> Fate {
        let mut state = self.lock();
        let drawn = state.drawn.entry(operation).or_default();
        let at = *drawn;
        *drawn += 1;
        fate(&state.faults, operation, at)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fate(faults: &Faults, operation: Operation, at: u64) -> Fate {
    let seed = faults.seed.unwrap_or(1);
    let draw = |purpose: u64| even(mix(seed ^ mix(operation as u64 * 16 + purpose) ^ mix(at)));
    let mut rest = draw(0);
    let shares = [
        (Fault::RateLimited, faults.rate_limited),
        (Fault::Unavailable, faults.unavailable),
        (Fault::Reset, faults.reset),
        (Fault::Truncated, faults.truncated),
    ];
    let fault = shares.into_iter().find_map(|(fault, share)| {
        let Share(share) = share.unwrap_or_default();
        let is_hit = rest < share;
        rest -= share;
        is_hit.then_some(fault)
    });
    let latency =
        if operation.is_data() { within(faults.latency, draw(1)) } else { Duration::ZERO };
    let target_query_latency = match operation {
        Operation::Query => within(faults.target_query_latency, draw(2)),
        _ => Duration::ZERO,
    };
    Fate { fault, latency, target_query_latency }
}

fn within(range: Option<LatencyRange>, at: f64) -> Duration {
    range.map_or(Duration::ZERO, |range| range.least + (range.most - range.least).mul_f64(at))
}

/// Returns a number in [0, 1) from the upper 53 bits.
fn even(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(seed: u64) -> Faults {
        Faults {
            rate_limited: Some(Share(0.02)),
            unavailable: Some(Share(0.01)),
            reset: Some(Share(0.01)),
            truncated: Some(Share(0.01)),
            latency: "5ms..25ms".parse().ok(),
            seed: Some(seed),
            ..Faults::default()
        }
    }

    fn draws(dice: &Dice, count: usize) -> Vec<Fate> {
        (0..count).map(|_| dice.draw(Operation::Upsert)).collect()
    }

    #[test]
    fn the_same_seed_plays_the_same_faults() {
        let dice = Dice::new(faults(7));
        let first = draws(&dice, 500);
        dice.draw(Operation::Query);
        dice.set(faults(7));
        dice.draw(Operation::Fetch);
        assert_eq!(draws(&dice, 500), first);
        assert_ne!(draws(&Dice::new(faults(8)), 500), first);
    }

    #[test]
    fn shares_and_latencies_are_what_was_asked_for() {
        let fates = draws(&Dice::new(faults(1)), 20_000);
        let share =
            |fault| fates.iter().filter(|fate| fate.fault == Some(fault)).count() as f64 / 20_000.0;
        assert!((share(Fault::RateLimited) - 0.02).abs() < 0.004);
        assert!((share(Fault::Unavailable) - 0.01).abs() < 0.003);
        assert!((share(Fault::Truncated) - 0.01).abs() < 0.003);
        let range = Duration::from_millis(5)..=Duration::from_millis(25);
        assert!(fates.iter().all(|fate| range.contains(&fate.latency)));
    }

    #[test]
    fn the_control_plane_is_not_slowed() {
        assert_eq!(Dice::new(faults(1)).draw(Operation::CreateIndex).latency, Duration::ZERO);
    }
}
