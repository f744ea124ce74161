//! Whose turn it is to list a page.
//!
//! The limit on lists is an index's, and a listing goes from page to page: a namespace by itself uses little of the limit,
//! and sixteen of them together more than there is. So whoever has most ids left goes first, and all of them end together;
//! were they served in turn, the largest would be listed alone at the end, page after page.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// Lists under way at once until a round trip was measured, and the most whatever it takes.
const FIRST: usize = 8;
const MOST: usize = 32;

/// How many lists more are under way than the limit lets out in a round trip, so that none of it is given away. They make
/// every page of a listing come as much later.
const MORE: f64 = 1.1;

/// How much of a mean is what was measured before.
const MEMORY: f64 = 0.875;

/// The turns to list an index. As many are taken at once as its limit lets out during a round trip; what waits for the limit
/// could no longer be overtaken.
#[derive(Debug)]
pub struct Turns {
    /// Lists a second that the index allows; `None` if it is not known to limit them.
    rate: Option<f64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    listings: usize,
    /// The mean time that a list takes, without what it waits for; in seconds.
    round_trip: Option<f64>,
    waiting: BinaryHeap<Waiting>,
    /// How many have waited.
    waited: u64,
}

#[derive(Debug)]
struct Waiting {
    /// Ids that are left to be listed, and who came first.
    order: (u64, Reverse<u64>),
    wake: oneshot::Sender<Turn>,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

/// A turn that was taken; over when it is dropped.
#[derive(Debug)]
pub struct Turn(Option<Arc<Turns>>);

impl Turns {
    /// Turns of an index that allows so many lists a second.
    pub fn new(rate: Option<f64>) -> Arc<Self> {
        Arc::new(Self { rate, state: Mutex::default() })
    }

    /// Counts a listing until that is dropped.
    pub fn begin(self: &Arc<Self>) -> Counted {
        self.lock().listings += 1;
        Counted(self.clone())
    }

    /// Waits for a turn for a listing of which so many ids are left.
    pub async fn take(self: &Arc<Self>, left: u64) -> Result<Turn> {
        let woken = {
            let mut state = self.lock();
            if state.waiting.is_empty() && state.taken < self.most(&state) {
                state.taken += 1;
                return Ok(Turn(Some(self.clone())));
            }
            let (wake, woken) = oneshot::channel();
            state.waited += 1;
            let order = (left, Reverse(state.waited));
            state.waiting.push(Waiting { order, wake });
            woken
        };
        woken.await.map_err(|error| Error::unexpected("a turn was lost").with_source(error))
    }

    /// Takes note of how long a list took, without what it waited for before.
    pub fn took(&self, time: Duration) {
        let mut state = self.lock();
        let seconds = time.as_secs_f64();
        let mean = |before: f64| before * MEMORY + seconds * (1.0 - MEMORY);
        state.round_trip = Some(state.round_trip.map_or(seconds, mean));
    }

    /// Lists that one listing may have under way at once.
    pub fn at_once(&self) -> usize {
        self.most(&self.lock())
    }

    /// Returns a listing's share of what all listings have together, at least one.
    pub fn share(&self, of: usize) -> usize {
        (of / self.lock().listings.max(1)).max(1)
    }

    /// Returns how long `pages` take one after the other, and how long so many requests take with all that others leave of
    /// the limit; `None` where they leave nothing, or before anything was listed.
    pub fn compare(&self, pages: usize, requests: usize) -> Option<(Duration, Duration)> {
        let state = self.lock();
        let most = self.most(&state);
        let (round_trip, others) = (state.round_trip?, state.listings.saturating_sub(1));
        let left = self.rate.map_or(f64::MAX, |rate| rate - others as f64 / round_trip);
        let left = left.min(most.saturating_sub(others) as f64 / round_trip);
        let time = |count: usize, rate: f64| Duration::try_from_secs_f64(count as f64 / rate);
        Some((time(pages, 1.0 / round_trip).ok()?, time(requests, left).ok()?))
    }

    fn most(&self, state: &State) -> usize {
        match (self.rate, state.round_trip) {
            (_, None) => FIRST,
            (None, _) => MOST,
            (Some(rate), Some(round_trip)) => {
                ((rate * round_trip * MORE).ceil() as usize).clamp(2, MOST)
            }
        }
    }

    /// Gives turns to those who wait for them.
    fn pass_on(self: &Arc<Self>) {
        let mut state = self.lock();
        while state.taken < self.most(&state)
            && let Some(next) = state.waiting.pop()
        {
            match next.wake.send(Turn(Some(self.clone()))) {
                Ok(()) => state.taken += 1,
                // Who waited has gone, and the turn was never taken.
                Err(mut turn) => turn.0 = None,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listing that goes on.
#[derive(Debug)]
pub struct Counted(Arc<Turns>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.lock().listings -= 1;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.lock().taken -= 1;
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_has_most_left_goes_first_and_who_left_is_passed_over() {
        let turns = Turns::new(Some(100.0));
        turns.took(Duration::from_millis(15));
        let taken = [turns.take(1).await.unwrap(), turns.take(1).await.unwrap()];
        let mut small = Box::pin(turns.take(10));
        let mut gone = Box::pin(turns.take(1_000));
        let mut large = Box::pin(turns.take(100));
        let mut also = Box::pin(turns.take(100));
        for waiting in [&mut small, &mut gone, &mut large, &mut also] {
            assert!(waiting.now_or_never().is_none());
        }
        drop(gone);
        let [first, second] = taken;
        drop(first);
        let large = large.now_or_never().unwrap().unwrap();
        assert!(small.as_mut().now_or_never().is_none());
        drop(second);
        let also = also.now_or_never().unwrap().unwrap();
        assert!(small.as_mut().now_or_never().is_none());
        // One that is woken and leaves gives its turn back.
        drop(large);
        drop(small);
        assert_eq!(turns.lock().taken, 1);
        drop(also);
        assert_eq!(turns.lock().taken, 0);
    }

    #[test]
    fn as_many_are_taken_as_the_limit_lets_out_in_a_round_trip() {
        let turns = Turns::new(Some(200.0));
        assert_eq!((turns.at_once(), turns.compare(10, 10)), (FIRST, None));
        turns.took(Duration::from_millis(20));
        assert_eq!(turns.at_once(), 5);
        assert_eq!(turns.share(9), 9);
        let seconds = |chain, parts| Some((Duration::from_secs(chain), Duration::from_secs(parts)));
        let mut listings = vec![turns.begin()];
        assert_eq!(turns.compare(400, 800), seconds(8, 4));
        listings.extend([turns.begin(), turns.begin()]);
        assert_eq!((turns.share(9), turns.compare(400, 800)), (3, seconds(8, 8)));
        listings.extend([turns.begin(), turns.begin()]);
        assert_eq!(turns.compare(400, 800), None);
        let free = Turns::new(None);
        free.took(Duration::from_millis(16));
        assert_eq!(free.at_once(), MOST);
        assert_eq!(free.compare(1, 1_000).unwrap().1, Duration::from_millis(500));
    }
}
