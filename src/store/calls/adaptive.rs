use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// How many may be under way at once: one more after a round of successes, half after the peer could not keep up.
#[derive(Debug)]
pub(super) struct Adaptive {
    places: Arc<Semaphore>,
    state: Mutex<State>,
    most: usize,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Places that are to vanish when they are given back.
    surplus: usize,
    successes: usize,
    /// How often the limit was halved.
    halvings: u64,
}

/// A place of one that is under way; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: Arc<Adaptive>,
    permit: Option<OwnedSemaphorePermit>,
    /// The halvings before it was taken: those that began together are slowed down once.
    halvings: u64,
}

impl Adaptive {
    /// Starts at half of `most`, at least 1.
    pub fn new(most: usize) -> Arc<Self> {
        Self::starting_at(most.max(1).div_ceil(2), most)
    }

    /// Starts at `most` and stays there unless it is told otherwise.
    pub fn full(most: usize) -> Arc<Self> {
        Self::starting_at(most.max(1), most)
    }

    fn starting_at(limit: usize, most: usize) -> Arc<Self> {
        let state = State { limit, surplus: 0, successes: 0, halvings: 0 };
        let (places, most) = (Arc::new(Semaphore::new(limit)), most.max(1));
        Arc::new(Self { places, state: Mutex::new(state), most })
    }

    /// The present limit.
    #[cfg(test)]
    pub fn limit(&self) -> usize {
        self.lock().limit
    }

    /// Waits for a place.
    pub async fn enter(self: Arc<Self>) -> Result<Place> {
        let permit = self.places.clone().acquire_owned().await;
        let permit =
            permit.map_err(|error| Error::unexpected("a gate was closed").with_source(error))?;
        let halvings = self.lock().halvings;
        Ok(Place { of: self, permit: Some(permit), halvings })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Gives it back after the peer did what it was asked.
    pub fn succeeded(self) {
        let mut state = self.of.lock();
        state.successes += 1;
        if state.successes < state.limit || state.limit >= self.of.most {
            return;
        }
        state.limit += 1;
        state.successes = 0;
        match state.surplus {
            0 => self.of.places.add_permits(1),
            _ => state.surplus -= 1,
        }
    }

    /// Gives it back after the peer asked to slow down, or did not cope.
    pub fn slowed(self) {
        let mut state = self.of.lock();
        if state.halvings > self.halvings {
            return;
        }
        let halved = (state.limit / 2).max(1);
        state.surplus += state.limit - halved;
        state.limit = halved;
        state.successes = 0;
        state.halvings += 1;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.of.lock();
        if state.surplus > 0
            && let Some(permit) = self.permit.take()
        {
            state.surplus -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_halves_when_slowed_and_recovers_one_by_one() {
        let gate = Adaptive::new(8);
        assert_eq!(gate.limit(), 4);
        gate.clone().enter().await.unwrap().slowed();
        assert_eq!(gate.limit(), 2);
        for _ in 0..2 {
            gate.clone().enter().await.unwrap().succeeded();
        }
        assert_eq!(gate.limit(), 3);
        assert_eq!(gate.places.available_permits(), 3);
    }

    #[tokio::test]
    async fn those_that_began_together_slow_it_down_once() {
        let gate = Adaptive::full(8);
        let mut places = Vec::new();
        for _ in 0..8 {
            places.push(gate.clone().enter().await.unwrap());
        }
        places.into_iter().for_each(Place::slowed);
        assert_eq!((gate.limit(), gate.places.available_permits()), (4, 4));
    }

    #[tokio::test]
    async fn it_never_falls_below_one_and_a_dropped_place_is_free_again() {
        let gate = Adaptive::new(2);
        for _ in 0..20 {
            gate.clone().enter().await.unwrap().slowed();
        }
        assert_eq!(gate.limit(), 1);
        drop(gate.clone().enter().await.unwrap());
        assert_eq!(gate.places.available_permits(), 1);
    }
}
