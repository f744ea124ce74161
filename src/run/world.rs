use std::sync::Arc;

use crate::provider::{Source, Target};

/// The two indexes of a migration, behind the layers a run wants.
#[derive(Clone)]
pub struct World {
    /// What every stage reads.
    pub source: Arc<dyn Source>,
    pub target: Arc<dyn Target>,
    /// The source as something that can be deleted; only `decommission` gets it.
    pub(super) retiring: Arc<dyn Target>,
    /// How often both sides asked to slow down so far.
    pub throttled: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Requests tried again so far, on both sides.
    pub retries: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl World {
    /// A world of two indexes that both could be written to; the source is only read until it is retired.
    pub fn new(
        source: Arc<dyn Target>,
        target: Arc<dyn Target>,
        throttled: Arc<dyn Fn() -> u64 + Send + Sync>,
        retries: Arc<dyn Fn() -> u64 + Send + Sync>,
    ) -> Self {
        Self { source: source.clone(), target, retiring: source, throttled, retries }
    }
}
