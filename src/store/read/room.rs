//! A bounded number of bytes that records may take between reading and writing.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// Bytes of records that a run holds at once: read, or on their way out. Whatever the indexes hold, this and the requests
/// under way are what it takes of memory.
const BYTES: usize = 14_000_000;

/// The step in which bytes are counted.
const STEP: usize = 1_024;

/// Room for the records that a run reads. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Room {
    steps: Arc<Semaphore>,
    all: u32,
}

/// Room that is taken; free again when it is dropped.
#[derive(Debug)]
pub struct Held(OwnedSemaphorePermit);

impl Default for Room {
    fn default() -> Self {
        Self::new(BYTES)
    }
}

impl Room {
    pub fn new(bytes: usize) -> Self {
        let all = u32::try_from(bytes.div_ceil(STEP)).unwrap_or(u32::MAX).max(1);
        Self { steps: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Waits for room for so many bytes; those who come first go first. Who asks for more than there is gets all of it.
    pub async fn take(&self, bytes: usize) -> Result<Held> {
        let permit = self.steps.clone().acquire_many_owned(self.steps_of(bytes)).await;
        permit
            .map(Held)
            .map_err(|error| Error::unexpected("the room was closed").with_source(error))
    }

    /// Makes what is held as large as it turned out to be. Where it is more and there is no more room, it stays what it was:
    /// waiting for some while holding some could last for ever.
    pub fn settle(&self, held: &mut Held, bytes: usize) {
        let (is, now) = (held.0.num_permits(), self.steps_of(bytes) as usize);
        if now < is {
            drop(held.0.split(is - now));
        } else if let Ok(more) = self.steps.clone().try_acquire_many_owned((now - is) as u32) {
            held.0.merge(more);
        }
    }

    fn steps_of(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(STEP)).unwrap_or(u32::MAX).clamp(1, self.all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_held_becomes_what_it_is_and_is_given_back() {
        let room = Room::new(10 * STEP);
        let mut held = room.take(6 * STEP).await.unwrap();
        room.settle(&mut held, 2 * STEP);
        assert_eq!(room.steps.available_permits(), 8);
        room.settle(&mut held, 7 * STEP + 1);
        assert_eq!(room.steps.available_permits(), 2);
        let other = room.take(2 * STEP).await.unwrap();
        room.settle(&mut held, 9 * STEP);
        assert_eq!(room.steps.available_permits(), 0, "no room, and no wait");
        drop((held, other));
        let all = room.take(usize::MAX).await.unwrap();
        assert_eq!(room.steps.available_permits(), 0);
        drop(all);
        assert_eq!(room.steps.available_permits(), 10);
    }
}
