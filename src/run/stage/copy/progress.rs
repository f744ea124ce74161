//! Progress of a copy over all its shards.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::journal::ShardState;
use crate::model::{ShardId, Tally};
use crate::run::{Context, Progress};

/// The least time between two checkpoints of a shard.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// A timer for a shard's checkpoints, each of which costs a write to disk.
#[derive(Default)]
pub(super) struct Due(Option<Stopwatch>);

impl Due {
    /// Returns whether a checkpoint is due; if so, restarts the timer.
    pub fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|last| last.elapsed() >= CHECKPOINT);
        if is_due {
            self.0 = Some(Stopwatch::start());
        }
        is_due
    }
}

/// Reports progress over all shards.
pub(super) struct Gauge<'a> {
    context: &'a Context,
    total: u64,
    done: Mutex<BTreeMap<ShardId, u64>>,
}

impl<'a> Gauge<'a> {
    pub fn new(context: &'a Context, shards: &[ShardState]) -> Self {
        let total = shards.iter().map(|shard| shard.shard.expected).sum();
        let done = shards
            .iter()
            .map(|shard| (shard.shard.id(), shard.checkpoint.tally.enumerated))
            .collect();
        Self { context, total, done: Mutex::new(done) }
    }

    pub fn update(&self, shard: &ShardId, tally: Tally) {
        let done = {
            let mut all = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(shard.clone(), tally.enumerated);
            all.values().sum()
        };
        self.context.recorder.progress(&Progress {
            stage: self.context.id(),
            unit: "records",
            done,
            total: self.total.max(done),
            note: self.context.world.waiting(),
        });
    }
}
