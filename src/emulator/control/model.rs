//! The `IndexModel` of the versions up to 2026-04.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::emulator::index::Index;
use crate::model::{Deployment, VectorType};
use crate::pinecone_wire::Version;

pub(crate) fn index(index: &Index, now: Timestamp, version: Version) -> Value {
    let spec = index.spec();
    let mut model = json!({
        "name": spec.name,
        "metric": spec.metric.name(),
        "host": index.host,
        "deletion_protection": if spec.deletion_protection { "enabled" } else { "disabled" },
        "spec": deployment(index, &spec.deployment, version),
        "status": {
            "ready": index.is_ready(now),
            "state": index.state(now),
        },
        "vector_type": match spec.vector_type {
            VectorType::Dense => "dense",
            VectorType::Sparse => "sparse",
        },
    });
    // A sparse index has no such member.
    if let Some(dimension) = spec.dimension {
        model["dimension"] = json!(dimension);
    }
    if !spec.tags.is_empty() {
        model["tags"] = json!(spec.tags);
    }
    if !index.is_pod && version >= Version::V2025_10 {
        model["spec"][spec.deployment.kind()]["read_capacity"] = index.capacity(now);
    }
    model
}

fn deployment(index: &Index, deployment: &Deployment, version: Version) -> Value {
    let mut inner = match deployment {
        Deployment::Serverless { cloud, region } => json!({
            "cloud": cloud,
            "region": region,
        }),
        Deployment::Pod { environment, pod_type, pods, replicas, shards, indexed } => {
            let mut pod = json!({
                "environment": environment,
                "pod_type": pod_type,
                "pods": pods,
                "replicas": replicas,
                "shards": shards,
            });
            if let Some(indexed) = indexed {
                pod["metadata_config"] = json!({ "indexed": indexed });
            }
            pod
        }
        Deployment::Other(_) => json!({}),
    };
    if let Some(collection) = &index.extras.source_collection {
        inner["source_collection"] = json!(collection);
    }
    if let Some(schema) = index.extras.schema.as_ref().filter(|_| version >= Version::V2025_10) {
        inner["schema"] = schema.clone();
    }
    json!({ deployment.kind(): inner })
}
