//! Collections: a copy of a pod's records at one moment, from which indexes are made.

use std::sync::OnceLock;

use crate::clock::Timestamp;
use crate::model::Deployment;
use serde_json::{Value, json};

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
    /// The size of the records as they are stored; counted once.
    bytes: OnceLock<usize>,
}

impl Collection {
    /// What `source` holds now; the records are shared, not copied.
    pub fn of(name: String, source: &Index, now: Timestamp, progress: Progress) -> Self {
        let environment = match source.spec().deployment {
            Deployment::Pod { environment, .. } => environment,
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

    /// No document names the state of a collection that could not be made.
    fn status(&self, now: Timestamp) -> &'static str {
        match self.progress.stage(now) {
            Stage::UnderWay => "Initializing",
            Stage::Done => "Ready",
            Stage::Failed => "Failed",
        }
    }

    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.progress.is_done(now)
    }

    /// Whether it is still being made from the index `source`.
    pub fn is_pending_of(&self, source: &str, now: Timestamp) -> bool {
        self.source == source && self.progress.stage(now) == Stage::UnderWay
    }

    /// The cloud of the pod: the part of the environment's name that says so (`us-east-1-aws`).
    pub fn cloud(&self) -> Option<&'static str> {
        ["aws", "gcp", "azure"]
            .into_iter()
            .find(|cloud| self.environment.split('-').any(|part| part == *cloud))
    }

    pub fn model(&self, now: Timestamp) -> Value {
        let mut model = json!({
            "name": self.name,
            "status": self.status(now),
            "environment": self.environment,
        });
        if self.is_ready(now) {
            let count = || self.records.records().map(|stored| stored.record.stored_bytes()).sum();
            model["size"] = json!(self.bytes.get_or_init(count));
            model["dimension"] = json!(self.dimension);
            model["vector_count"] = json!(self.records.count());
        }
        model
    }
}
