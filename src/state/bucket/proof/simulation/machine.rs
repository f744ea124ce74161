//! Machines: how they reach the store, and how their processes freeze.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::super::LEASE;
use super::super::store::{Fault, Store, Weather};
use super::dice::{Dice, outage};
use super::world::{World, locked};
use crate::state::Bucket;

/// Returns the place of the state as another machine reaches it.
pub(super) fn bucket(world: &World, rng: &mut Dice) -> Bucket {
    // The way to the store may be cut while the one to the index is not.
    let cut = rng.tenths(3).then(|| outage(rng));
    let dice = Mutex::new(Dice::new(rng.next()));
    let machine = Machine { world: world.clone(), cut, rng: dice };
    let store = Store::new(&world.shelf, Arc::new(machine));
    let clock = world.clock(rng);
    let mut bucket = Bucket::new(Arc::new(store), LEASE, "", clock).unwrap();
    bucket.terms.omit = world.omit;
    bucket
}

/// The way of one machine to the store.
struct Machine {
    world: World,
    cut: Option<(Duration, Duration)>,
    rng: Mutex<Dice>,
}

impl Weather for Machine {
    fn next(&self) -> (Duration, Fault, Duration) {
        self.world.tick();
        let rng = &mut *locked(&self.rng);
        let mut way = || match rng.within(0..100) {
            0..3 => Duration::from_millis(rng.within(500..6_000)),
            _ => Duration::from_millis(rng.within(1..60)),
        };
        let (there, back) = (way(), way());
        let now = self.world.began.elapsed();
        if [self.cut, self.world.outage]
            .into_iter()
            .flatten()
            .any(|(from, to)| (from..to).contains(&now))
        {
            return (Duration::from_millis(200), Fault::RequestLost, Duration::ZERO);
        }
        let fault = match rng.within(0..160) {
            0..2 => Fault::AnswerLost,
            2..4 => Fault::RequestLost,
            4..7 => Fault::Late(Duration::from_millis(rng.within(10..40_000))),
            7 => Fault::Conflict,
            8 => Fault::Doubled,
            9 => Fault::Mute,
            10 => Fault::Gone,
            11 => Fault::Slow,
            _ => Fault::Fine,
        };
        self.world.truth().note((now, there, back, format!("{fault:?}")));
        (there, fault, back)
    }
}

/// A process that stands still now and then, for as long as the seed says.
pub(super) struct Freezing<F> {
    pub process: Pin<Box<F>>,
    pub frozen: Option<Pin<Box<Sleep>>>,
    pub rng: Dice,
    pub world: World,
}

impl<F: Future> Future for Freezing<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if self.frozen.is_none() && self.rng.within(0..60) == 0 {
            let longest = if self.rng.tenths(5) { 3_000 } else { 40_000 };
            let time = Duration::from_millis(self.rng.within(1..longest));
            self.frozen = Some(Box::pin(sleep(time)));
            self.world.truth().played.freezes += 1;
        }
        if let Some(frozen) = &mut self.frozen {
            std::task::ready!(frozen.as_mut().poll(context));
            self.frozen = None;
            self.world.tick();
        }
        self.process.as_mut().poll(context)
    }
}
