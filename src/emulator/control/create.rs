//! Creating an index, empty or from a collection.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::emulator::error::{Answer, Code, Refusal};
use crate::emulator::index::{Extras, Index};
use crate::emulator::progress::{Ending, Progress};
use crate::emulator::project::{NewIndex, Shared};
use crate::emulator::store::Store;
use crate::model::{Deployment, IndexSpec, Metric, VectorType};

use super::rules;

#[derive(Deserialize)]
pub(crate) struct CreateBody {
    name: String,
    spec: SpecBody,
    dimension: Option<u32>,
    metric: Option<String>,
    vector_type: Option<String>,
    deletion_protection: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct SpecBody {
    serverless: Option<ServerlessBody>,
    pod: Option<PodBody>,
    byoc: Option<Value>,
}

#[derive(Deserialize)]
struct ServerlessBody {
    cloud: String,
    region: String,
    source_collection: Option<String>,
    read_capacity: Option<Value>,
    schema: Option<Value>,
}

#[derive(Deserialize)]
struct PodBody {
    environment: String,
    pod_type: Option<String>,
    pods: Option<u32>,
    replicas: Option<u32>,
    shards: Option<u32>,
    metadata_config: Option<MetadataConfig>,
    source_collection: Option<String>,
}

#[derive(Deserialize)]
struct MetadataConfig {
    indexed: Option<Vec<String>>,
}

/// Checks the body and creates the index.
pub(crate) async fn create(project: &Shared, body: CreateBody) -> Answer<Arc<Index>> {
    let (spec, extras) = body.read()?;
    let records = match &extras.source_collection {
        Some(collection) => records_of(project, collection, &spec)?,
        None => Store::default(),
    };
    let ending = match extras.source_collection {
        Some(_) => Ending::from(project.dice.faults().restore),
        None => Ending::Well,
    };
    let progress = Progress::new(project.now(), project.options.ready_after, ending);
    project.create(NewIndex { spec, extras, records, progress, is_made_by_client: true }).await
}

/// The records of a collection that is ready and fits `spec`.
fn records_of(project: &Shared, name: &str, spec: &IndexSpec) -> Answer<Store> {
    let collection = project.collection(name)?;
    if !collection.is_ready(project.now()) {
        let message = format!("Collection {name} is not ready.");
        return Err(Refusal::new(400, Code::FailedPrecondition, message));
    }
    if spec.dimension != collection.dimension {
        return Err(Refusal::invalid(format!(
            "The dimension of the index must be that of the collection {name}, {}.",
            collection.dimension.unwrap_or_default()
        )));
    }
    if let (Deployment::Serverless { cloud, .. }, Some(from)) =
        (&spec.deployment, collection.cloud())
        && cloud != from
    {
        return Err(Refusal::invalid(format!(
            "The index must be in the cloud of the collection {name}, {from}, not in {cloud}."
        )));
    }
    Ok(collection.records.snapshot())
}

impl CreateBody {
    fn read(self) -> Answer<(IndexSpec, Extras)> {
        rules::check_name("Index name", &self.name)?;
        let (deployment, extras) = self.spec.read()?;
        let vector_type = match self.vector_type.as_deref().unwrap_or("dense") {
            "dense" => VectorType::Dense,
            "sparse" => VectorType::Sparse,
            other => {
                let message = format!("vector_type must be dense or sparse, got '{other}'.");
                return Err(Refusal::invalid(message));
            }
        };
        let metric = self.metric.as_deref().map(rules::read_metric).transpose()?;
        check_shape(vector_type, self.dimension, metric)?;
        let mut tags = BTreeMap::new();
        rules::merge_tags(&mut tags, self.tags.unwrap_or_default())?;
        let default = match vector_type {
            VectorType::Dense => Metric::Cosine,
            VectorType::Sparse => Metric::Dotproduct,
        };
        let protection = self.deletion_protection.as_deref().unwrap_or("disabled");
        let spec = IndexSpec {
            name: self.name,
            dimension: self.dimension,
            metric: metric.unwrap_or(default),
            vector_type,
            deployment,
            deletion_protection: rules::read_switch("deletion_protection", protection)?,
            tags,
        };
        Ok((spec, extras))
    }
}

fn check_shape(kind: VectorType, dimension: Option<u32>, metric: Option<Metric>) -> Answer<()> {
    let wrong = match (kind, dimension, metric) {
        (VectorType::Dense, None, _) => "dimension is required for a dense index.",
        (VectorType::Dense, Some(dimension), _) if !(1..=rules::DIMENSION).contains(&dimension) => {
            "dimension must be 1 to 20000."
        }
        (VectorType::Sparse, Some(_), _) => "dimension must not be given for a sparse index.",
        (VectorType::Sparse, _, Some(Metric::Cosine | Metric::Euclidean)) => {
            "the metric of a sparse index must be dotproduct."
        }
        _ => return Ok(()),
    };
    Err(Refusal::invalid(wrong))
}

impl SpecBody {
    fn read(self) -> Answer<(Deployment, Extras)> {
        match (self.serverless, self.pod, self.byoc) {
            (Some(serverless), None, None) => serverless.read(),
            (None, Some(pod), None) => pod.read(),
            (None, None, Some(_)) => {
                Err(Refusal::new(501, Code::Unimplemented, "The emulator has no BYOC indexes."))
            }
            _ => Err(Refusal::invalid("spec must have exactly one of serverless, pod and byoc.")),
        }
    }
}

impl ServerlessBody {
    fn read(self) -> Answer<(Deployment, Extras)> {
        if !["aws", "gcp", "azure"].contains(&self.cloud.as_str()) || self.region.is_empty() {
            let message = format!("Cloud {} with region {} not found.", self.cloud, self.region);
            return Err(Refusal::not_found(message));
        }
        if let Some(schema) = &self.schema {
            check_schema(schema)?;
        }
        let deployment = Deployment::Serverless { cloud: self.cloud, region: self.region };
        let extras = Extras {
            read_capacity: self.read_capacity,
            schema: self.schema,
            source_collection: self.source_collection.filter(|name| !name.is_empty()),
            ..Extras::default()
        };
        Ok((deployment, extras))
    }
}

fn check_schema(schema: &Value) -> Answer<()> {
    let fields = schema.get("fields").and_then(Value::as_object);
    let is_right = fields.is_some_and(|fields| {
        fields.values().all(|field| field.get("filterable") == Some(&Value::Bool(true)))
    });
    if is_right {
        return Ok(());
    }
    Err(Refusal::invalid("schema must be {\"fields\": {name: {\"filterable\": true}}}."))
}

impl PodBody {
    fn read(self) -> Answer<(Deployment, Extras)> {
        let pod_type = self.pod_type.unwrap_or_else(|| "p1.x1".to_owned());
        rules::check_pod_type(&pod_type)?;
        let (replicas, shards) = (self.replicas.unwrap_or(1), self.shards.unwrap_or(1));
        let product = replicas.saturating_mul(shards);
        let pods = self.pods.unwrap_or(product);
        if replicas == 0 || shards == 0 || pods != product && self.shards.is_some() {
            return Err(Refusal::invalid("pods must be shards x replicas, each at least 1."));
        }
        let deployment = Deployment::Pod {
            environment: self.environment,
            pod_type,
            pods,
            replicas,
            shards: if self.shards.is_some() { shards } else { (pods / replicas).max(1) },
            indexed: self.metadata_config.and_then(|config| config.indexed),
        };
        let source_collection = self.source_collection.filter(|name| !name.is_empty());
        Ok((deployment, Extras { source_collection, ..Extras::default() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: Value) -> Answer<(IndexSpec, Extras)> {
        serde_json::from_value::<CreateBody>(body).map_err(Refusal::unreadable)?.read()
    }

    fn serverless(extra: Value) -> Value {
        let mut body = json!({
            "name": "a", "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}
        });
        for (key, value) in extra.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    }

    #[test]
    fn defaults_are_those_of_the_api() {
        let (spec, _) = read(serverless(json!({"dimension": 3}))).unwrap();
        assert_eq!(spec.metric, Metric::Cosine);
        assert!(!spec.deletion_protection);
        let (spec, _) = read(serverless(json!({"vector_type": "sparse"}))).unwrap();
        assert_eq!((spec.metric, spec.dimension), (Metric::Dotproduct, None));
        let pod =
            json!({"name": "p", "dimension": 3, "spec": {"pod": {"environment": "us-east-1-aws"}}});
        let (spec, _) = read(pod).unwrap();
        assert_eq!(spec.deployment.to_string(), "pod p1.x1");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let wrong = [
            (json!({"spec": {}}), 422),
            (serverless(json!({})), 400),
            (serverless(json!({"dimension": 0})), 400),
            (serverless(json!({"dimension": 20_001})), 400),
            (serverless(json!({"dimension": 3, "metric": "hamming"})), 400),
            (serverless(json!({"dimension": 3, "vector_type": "sparse"})), 400),
            (serverless(json!({"vector_type": "sparse", "metric": "cosine"})), 400),
            (serverless(json!({"dimension": 3, "name": "A"})), 400),
            (serverless(json!({"dimension": 3, "deletion_protection": "on"})), 400),
            (serverless(json!({"dimension": 3, "spec": {}})), 400),
            (
                serverless(
                    json!({"dimension": 3, "spec": {"serverless": {"cloud": "x", "region": "y"}}}),
                ),
                404,
            ),
        ];
        for (body, status) in wrong {
            assert_eq!(read(body.clone()).unwrap_err().status, status, "{body}");
        }
    }
}
