//! What the shards of a copy share while a process copies them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::copy::Copier;
use crate::error::Result;
use crate::journal::ShardState;
use crate::model::{ShardId, Tally};

/// The two ends of a copy, and how far it is.
pub(in crate::run) struct Copying {
    pub copier: Copier,
    pub gauge: Gauge,
}

/// The copy that a process is at; the shard that comes first opens it for the others. Cloning shares it.
#[derive(Clone, Default)]
pub(in crate::run) struct Opened(Arc<Mutex<Arc<OnceCell<Arc<Copying>>>>>);

impl Opened {
    /// Returns it, opened by `open` if it is not open.
    ///
    /// # Errors
    /// Those of `open`.
    pub async fn or_open(
        &self,
        open: impl Future<Output = Result<Copying>>,
    ) -> Result<Arc<Copying>> {
        let cell = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let open = || async { open.await.map(Arc::new) };
        cell.get_or_try_init(open).await.cloned()
    }

    /// Lets go of it; who is at it keeps it to the end.
    pub fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }
}

/// How many records of how many all shards have come through.
pub(in crate::run) struct Gauge {
    total: u64,
    done: Mutex<Done>,
}

/// The records that each shard has come through, and all of them.
#[derive(Default)]
struct Done {
    by_shard: BTreeMap<ShardId, u64>,
    all: u64,
}

impl Done {
    fn set(&mut self, shard: ShardId, records: u64) {
        let before = self.by_shard.insert(shard, records).unwrap_or(0);
        self.all = self.all + records - before;
    }
}

impl Gauge {
    pub fn new<'a>(shards: impl Iterator<Item = &'a ShardState>) -> Self {
        let (mut total, mut done) = (0, Done::default());
        for state in shards {
            total += state.shard.expected;
            done.set(state.shard.id(), state.checkpoint.tally.enumerated);
        }
        Self { total, done: Mutex::new(done) }
    }

    /// Notes how far a shard is. Returns how many records are done, and of how many.
    pub fn update(&self, shard: &ShardId, tally: Tally) -> (u64, u64) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.set(shard.clone(), tally.enumerated);
        (done.all, self.total.max(done.all))
    }
}
