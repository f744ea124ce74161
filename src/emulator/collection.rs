//! Collections: a copy of a pod's records at one moment, from which indexes are made.

use crate::clock::Timestamp;
use crate::model::Deployment;
use serde_json::{Value, json};

use super::index::Index;
use super::store::Store;

pub(crate) struct Collection {
    pub name: String,
    pub source: String,
    pub environment: String,
    pub dimension: Option<u32>,
    pub ready_at: Timestamp,
    pub records: Store,
}

impl Collection {
    /// What `source` holds now; the records are shared, not copied.
    pub fn of(name: String, source: &Index, now: Timestamp, ready_at: Timestamp) -> Self {
        let environment = match source.spec().deployment {
            Deployment::Pod { environment, .. } => environment,
            _ => String::new(),
        };
        Self {
            name,
            source: source.name.clone(),
            environment,
            dimension: source.dimension,
            ready_at,
            records: source.read(now).snapshot(),
        }
    }

    pub fn is_ready(&self, now: Timestamp) -> bool {
        now >= self.ready_at
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
            "status": if self.is_ready(now) { "Ready" } else { "Initializing" },
            "environment": self.environment,
        });
        if self.is_ready(now) {
            let size: usize =
                self.records.records().map(|stored| stored.record.stored_bytes()).sum();
            model["size"] = json!(size);
            model["dimension"] = json!(self.dimension);
            model["vector_count"] = json!(self.records.count());
        }
        model
    }
}
