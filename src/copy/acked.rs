use async_trait::async_trait;

use crate::error::Result;
use crate::model::Checkpoint;

/// Keeps how far a shard has come.
#[async_trait]
pub trait Keep: Send {
    /// Keeps a checkpoint, or leaves it for a later one of the same shard. The last one of a shard has to be kept.
    async fn keep(&mut self, checkpoint: Acked<Checkpoint>) -> Result<()>;
}

/// Something that the target has acknowledged.
///
/// Only the end of the pipeline that settles chunks creates one, and only such a value becomes a checkpoint event:
/// nothing can be marked as copied that was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acked<T>(T);

impl<T> Acked<T> {
    pub(super) fn new(value: T) -> Self {
        Self(value)
    }

    pub fn into_inner(self) -> T {
        self.0
    }

    pub fn get(&self) -> &T {
        &self.0
    }
}
