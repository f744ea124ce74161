//! Index descriptions of the control plane, read tolerantly: unknown members are ignored, unknown words kept,
//! `null` is absent. Written by hand from the OpenAPI files 2025-10 and 2026-04.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::model::{Deployment, IndexDescription, IndexSpec, Metric, VectorType};

#[derive(Deserialize)]
pub struct IndexIn {
    name: String,
    #[serde(default)]
    dimension: Option<super::json::Int>,
    #[serde(default)]
    metric: Option<String>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    deletion_protection: Option<String>,
    #[serde(default)]
    tags: Option<BTreeMap<String, Option<String>>>,
    #[serde(default)]
    spec: Option<Map<String, Value>>,
    #[serde(default)]
    status: Option<StatusIn>,
    #[serde(default)]
    vector_type: Option<String>,
}

#[derive(Default, Deserialize)]
struct StatusIn {
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    state: Option<String>,
}

#[derive(Deserialize)]
struct PodIn {
    #[serde(default)]
    environment: Option<String>,
    #[serde(default)]
    pod_type: Option<String>,
    #[serde(default)]
    pods: Option<u32>,
    #[serde(default)]
    replicas: Option<u32>,
    #[serde(default)]
    shards: Option<u32>,
    #[serde(default)]
    metadata_config: Option<MetadataConfigIn>,
}

#[derive(Deserialize)]
struct MetadataConfigIn {
    #[serde(default)]
    indexed: Option<Vec<String>>,
}

impl IndexIn {
    pub fn into_description(self) -> Result<IndexDescription> {
        let status = self.status.unwrap_or_default();
        let vector_type = match self.vector_type.as_deref() {
            Some("sparse") => VectorType::Sparse,
            _ => VectorType::Dense,
        };
        let tags = self.tags.unwrap_or_default();
        Ok(IndexDescription {
            spec: IndexSpec {
                dimension: self.dimension.and_then(|value| u32::try_from(value.0).ok()),
                metric: metric(self.metric.as_deref(), vector_type, &self.name)?,
                vector_type,
                deployment: deployment(self.spec.unwrap_or_default()),
                deletion_protection: self.deletion_protection.as_deref() == Some("enabled"),
                tags: tags.into_iter().filter_map(|(key, value)| Some((key, value?))).collect(),
                name: self.name,
            },
            host: self.host.unwrap_or_default(),
            ready: status.ready,
            state: status.state.unwrap_or_default(),
        })
    }
}

/// An unknown metric cannot be kept: everything that is judged depends on it.
fn metric(word: Option<&str>, vector_type: VectorType, index: &str) -> Result<Metric> {
    match word {
        Some("cosine") => Ok(Metric::Cosine),
        Some("dotproduct") => Ok(Metric::Dotproduct),
        Some("euclidean") => Ok(Metric::Euclidean),
        None if vector_type == VectorType::Sparse => Ok(Metric::Dotproduct),
        None => Ok(Metric::Cosine),
        Some(other) => {
            Err(Error::unsupported(format!("the metric `{other}` is not known to this version"))
                .with_context("index", index))
        }
    }
}

fn deployment(spec: Map<String, Value>) -> Deployment {
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    if let Some(value) = spec.get("serverless") {
        return Deployment::Serverless {
            cloud: text(value, "cloud"),
            region: text(value, "region"),
        };
    }
    if let Some(value) = spec.get("pod")
        && let Ok(pod) = serde_json::from_value::<PodIn>(value.clone())
    {
        let (replicas, shards) = (pod.replicas.unwrap_or(1), pod.shards.unwrap_or(1));
        return Deployment::Pod {
            environment: pod.environment.unwrap_or_default(),
            pod_type: pod.pod_type.unwrap_or_default(),
            pods: pod.pods.unwrap_or(replicas * shards),
            replicas,
            shards,
            indexed: pod.metadata_config.and_then(|config| config.indexed),
        };
    }
    let kind = spec.keys().next().map_or("unknown", String::as_str);
    Deployment::Other(kind.to_owned())
}

/// The body that asks for `spec`.
pub fn create_body(spec: &IndexSpec) -> Result<Value> {
    let deployment = match &spec.deployment {
        Deployment::Serverless { cloud, region } => {
            json!({ "serverless": { "cloud": cloud, "region": region } })
        }
        Deployment::Pod { environment, pod_type, pods, replicas, shards, indexed } => {
            let mut pod = json!({
                "environment": environment,
                "pod_type": pod_type,
                "pods": pods,
                "replicas": replicas,
                "shards": shards,
            });
            if let Some(fields) = indexed {
                pod["metadata_config"] = json!({ "indexed": fields });
            }
            json!({ "pod": pod })
        }
        Deployment::Other(kind) => {
            return Err(Error::unsupported(format!("an index of kind `{kind}` cannot be made")));
        }
    };
    let mut body = json!({
        "name": spec.name,
        "metric": spec.metric.name(),
        "spec": deployment,
        "deletion_protection": protection(spec.deletion_protection),
    });
    if let Some(dimension) = spec.dimension {
        body["dimension"] = json!(dimension);
    }
    if spec.vector_type == VectorType::Sparse {
        body["vector_type"] = json!("sparse");
    }
    if !spec.tags.is_empty() {
        body["tags"] = json!(spec.tags);
    }
    Ok(body)
}

pub fn protection(enabled: bool) -> &'static str {
    if enabled { "enabled" } else { "disabled" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> IndexDescription {
        serde_json::from_str::<IndexIn>(text).unwrap().into_description().unwrap()
    }

    #[test]
    fn a_pod_is_read() {
        let index = read(
            r#"{"name":"p","dimension":"3072","metric":"cosine","host":"p-1.svc.pinecone.io",
                "deletion_protection":"disabled","tags":null,"embed":null,"vector_type":"dense",
                "spec":{"pod":{"environment":"us-east-1-aws","pod_type":"p1.x1","pods":2,"replicas":2,
                "shards":1,"metadata_config":{"indexed":["a"]},"source_collection":null}},
                "status":{"ready":true,"state":"Ready","new":{}},"unheard":[1]}"#,
        );
        assert_eq!(index.spec.dimension, Some(3072));
        assert_eq!(index.spec.deployment.kind(), "pod");
        assert!(index.ready && index.spec.tags.is_empty());
        let Deployment::Pod { pods, indexed, .. } = index.spec.deployment else { panic!() };
        assert_eq!((pods, indexed), (2, Some(vec!["a".to_owned()])));
    }

    #[test]
    fn a_sparse_serverless_index_is_read() {
        let index = read(
            r#"{"name":"s","dimension":null,"metric":"dotproduct","host":"http://127.0.0.1:1",
                "deletion_protection":"enabled","tags":{"a":"b"},"vector_type":"sparse",
                "spec":{"serverless":{"cloud":"aws","region":"us-east-1","read_capacity":{}}},
                "status":{"ready":false,"state":"SomethingNew"}}"#,
        );
        assert_eq!(index.spec.vector_type, VectorType::Sparse);
        assert_eq!((index.state.as_str(), index.ready), ("SomethingNew", false));
        assert!(index.spec.deletion_protection);
    }

    #[test]
    fn what_is_not_known_is_kept_by_its_name() {
        let index = read(
            r#"{"name":"b","metric":"cosine","host":"h","vector_type":"dense",
                "spec":{"byoc":{"environment":"e"}},"status":{"ready":true,"state":"Ready"}}"#,
        );
        assert_eq!(index.spec.deployment, Deployment::Other("byoc".into()));
        assert!(create_body(&index.spec).is_err());
    }

    #[test]
    fn a_body_reads_back_as_the_spec_it_came_from() {
        for deployment in [
            Deployment::Serverless { cloud: "aws".into(), region: "us-east-1".into() },
            Deployment::Pod {
                environment: "us-east-1-aws".into(),
                pod_type: "s1.x2".into(),
                pods: 6,
                replicas: 3,
                shards: 2,
                indexed: Some(vec!["genre".into()]),
            },
        ] {
            let spec = IndexSpec {
                name: "t".into(),
                dimension: Some(8),
                metric: Metric::Dotproduct,
                vector_type: VectorType::Dense,
                deployment,
                deletion_protection: true,
                tags: BTreeMap::from([("k".into(), "v".into())]),
            };
            let body = create_body(&spec).unwrap();
            assert_eq!(read(&body.to_string()).spec, spec);
        }
    }
}
