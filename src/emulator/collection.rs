//! Collections: a copy of a pod's records at one moment, from which indexes are made.

use std::sync::OnceLock;

use crate::clock::Timestamp;
use crate::pinecone_wire::Deployment;
use crate::pinecone_wire::control::CollectionModel;
use crate::pinecone_wire::json::Int;
use crate::pinecone_wire::state::CollectionState;
use crate::pinecone_wire::words::CLOUDS;

use super::index::Index;
use super::progress::{Progress, Stage};
use super::store::Store;

pub(crate) struct Collection {
    pub name: String,
    pub source: String,
    pub environment: String,
    pub dimension: Option<u32>,
    pub progress: Progress,
    pub records: Store,
    /// Size of the stored records; computed once.
    bytes: OnceLock<usize>,
}

impl Collection {
    /// Creates a collection of what `source` holds now; the records are shared, not copied.
    pub fn of(name: String, source: &Index, now: Timestamp, progress: Progress) -> Self {
        let environment = match Deployment::of(&source.spec().deployment) {
            Some(Deployment::Pod { environment, .. }) => environment,
            _ => String::new(),
        };
        Self {
            name,
            source: source.name.clone(),
            environment,
            dimension: source.dimension,
            progress,
            records: source.read(now).snapshot(),
            bytes: OnceLock::new(),
        }
    }

    fn state(&self, now: Timestamp) -> CollectionState {
        match self.progress.stage(now) {
            Stage::UnderWay => CollectionState::Initializing,
            Stage::Done => CollectionState::Ready,
            Stage::Failed => CollectionState::Failed,
        }
    }

    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.progress.is_done(now)
    }

    /// Returns whether it is still being made from the index `source`.
    pub fn is_pending_of(&self, source: &str, now: Timestamp) -> bool {
        self.source == source && self.progress.stage(now) == Stage::UnderWay
    }

    /// Returns the pod's cloud: the part of the environment's name that gives it (`us-east-1-aws`).
    pub fn cloud(&self) -> Option<&'static str> {
        CLOUDS.into_iter().find(|cloud| self.environment.split('-').any(|part| part == *cloud))
    }

    pub fn model(&self, now: Timestamp) -> CollectionModel {
        let is_ready = self.is_ready(now);
        let size = || {
            let stored = || self.records.records().map(|stored| stored.record.stored_bytes()).sum();
            *self.bytes.get_or_init(stored)
        };
        CollectionModel {
            name: self.name.clone(),
            status: Some(self.state(now).word().to_owned()),
            environment: Some(self.environment.clone()),
            size: is_ready.then(|| Int(size() as u64)),
            dimension: self.dimension.filter(|_| is_ready).map(|dimension| Int(dimension.into())),
            vector_count: is_ready.then(|| Int(self.records.count() as u64)),
        }
    }
}
