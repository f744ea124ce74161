//! The `IndexModel` of 2026-07.

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::emulator::index::{Extras, Index};
use crate::model::{Deployment, IndexSpec, VectorType};

pub(crate) fn index(index: &Index, now: Timestamp) -> Value {
    let spec = index.spec();
    let mut model = json!({
        "name": spec.name,
        "host": index.host,
        "status": { "ready": index.is_ready(now), "state": index.state(now) },
        "deployment": deployment(&spec.deployment),
        "schema": { "fields": fields(&spec, &index.extras) },
        "deletion_protection": if spec.deletion_protection { "enabled" } else { "disabled" },
        "tags": if spec.tags.is_empty() { Value::Null } else { json!(spec.tags) },
    });
    if !index.is_pod {
        model["read_capacity"] = index.capacity(now);
    }
    if let Some(collection) = &index.extras.source_collection {
        model["source_collection"] = json!(collection);
    }
    if let Some(backup) = &index.extras.source_backup {
        model["source_backup_id"] = json!(backup);
    }
    model
}

/// A dense index reports both vector fields; metadata fields of older versions have no type.
pub(crate) fn fields(spec: &IndexSpec, extras: &Extras) -> Value {
    let mut fields = Map::new();
    if spec.vector_type == VectorType::Dense {
        let dense = json!({
            "type": "dense_vector",
            "dimension": spec.dimension,
            "metric": spec.metric.name(),
            "description": null,
        });
        fields.insert("_values".to_owned(), dense);
    }
    let sparse = json!({ "type": "sparse_vector", "description": null });
    fields.insert("_sparse_values".to_owned(), sparse);
    let metadata = extras.schema.as_ref().and_then(|schema| schema.get("fields")?.as_object());
    for (name, field) in metadata.into_iter().flatten() {
        fields.insert(name.clone(), field.clone());
    }
    Value::Object(fields)
}

fn deployment(deployment: &Deployment) -> Value {
    match deployment {
        Deployment::Serverless { cloud, region } => {
            json!({ "deployment_type": "managed", "cloud": cloud, "region": region })
        }
        Deployment::Pod { environment, pod_type, replicas, shards, .. } => json!({
            "deployment_type": "pod",
            "environment": environment,
            "pod_type": pod_type,
            "replicas": replicas,
            "shards": shards,
        }),
        Deployment::Other(environment) => {
            json!({ "deployment_type": "byoc", "environment": environment })
        }
    }
}
