//! Creation of an index, empty or from a collection, as requested by the versions up to 2026-04.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::emulator::capacity::Wanted;
use crate::emulator::checks;
use crate::emulator::error::{Answer, Code, Refusal};
use crate::emulator::index::{Extras, Index};
use crate::emulator::progress::{Ending, Progress};
use crate::emulator::project::{NewIndex, Shared};
use crate::emulator::store::Store;
use crate::model::{IndexSpec, Metric, VectorType};
use crate::pinecone_wire::Deployment;
use crate::pinecone_wire::control::schema::BYOC;
use crate::pinecone_wire::control::{CreateIndex, PodSpec, Serverless, Spec};
use crate::pinecone_wire::{Version, limits, words};

use super::rules;

/// Reads what a body of the versions up to 2026-04 asks for.
pub(crate) fn read(body: &[u8], version: Version) -> Answer<(IndexSpec, Extras)> {
    let body: CreateIndex = rules::read(body)?;
    rules::check_name("Index name", &body.name)?;
    let (deployment, extras) = place(body.spec, version)?;
    let vector_type = match &body.vector_type {
        None => VectorType::default(),
        Some(word) => words::read_vector_type(word).ok_or_else(|| {
            Refusal::invalid(format!("vector_type must be dense or sparse, got '{word}'."))
        })?,
    };
    let metric = body.metric.as_deref().map(rules::read_metric).transpose()?;
    check_shape(vector_type, body.dimension, metric)?;
    let mut tags = BTreeMap::new();
    rules::merge_tags(&mut tags, body.tags.unwrap_or_default(), version)?;
    let spec = IndexSpec {
        name: body.name,
        dimension: body.dimension,
        metric: metric.unwrap_or_else(|| words::default_metric(vector_type)),
        vector_type,
        deployment: deployment.into(),
        deletion_protection: rules::read_protection(body.deletion_protection.as_deref())?
            .unwrap_or_default(),
        tags,
    };
    Ok((spec, extras))
}

/// Creates an index as requested in either dialect.
pub(crate) async fn create(
    project: &Shared,
    spec: IndexSpec,
    extras: Extras,
) -> Answer<Arc<Index>> {
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

/// Returns the records of a collection that is ready and fits `spec`.
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
    if let (Some(Deployment::Serverless { cloud, .. }), Some(from)) =
        (&Deployment::of(&spec.deployment), collection.cloud())
        && cloud != from
    {
        return Err(Refusal::invalid(format!(
            "The index must be in the cloud of the collection {name}, {from}, not in {cloud}."
        )));
    }
    let namespaces = collection.records.spaces.len();
    if matches!(Deployment::of(&spec.deployment), Some(Deployment::Serverless { .. }))
        && namespaces > limits::COLLECTION_NAMESPACES
    {
        return Err(Refusal::invalid(format!(
            "The collection {name} has {namespaces} namespaces, the limit is {}.",
            limits::COLLECTION_NAMESPACES
        )));
    }
    Ok(collection.records.snapshot())
}

/// Checks that such an index can have this dimension and metric.
pub(crate) fn check_shape(
    kind: VectorType,
    dimension: Option<u32>,
    metric: Option<Metric>,
) -> Answer<()> {
    let wrong = match (kind, dimension, metric) {
        (VectorType::Dense, None, _) => "dimension is required for a dense index.",
        (VectorType::Dense, Some(dimension), _)
            if !(1..=limits::DIMENSION).contains(&dimension) =>
        {
            return Err(Refusal::invalid(format!("dimension must be 1 to {}.", limits::DIMENSION)));
        }
        (VectorType::Sparse, Some(_), _) => "dimension must not be given for a sparse index.",
        (VectorType::Sparse, _, Some(Metric::Cosine | Metric::Euclidean)) => {
            "the metric of a sparse index must be dotproduct."
        }
        _ => return Ok(()),
    };
    Err(Refusal::invalid(wrong))
}

fn place(mut spec: Spec, version: Version) -> Answer<(Deployment, Extras)> {
    let byoc = spec.other.remove(BYOC);
    match (spec.serverless, spec.pod, byoc) {
        (Some(asked), None, None) => serverless(asked, version),
        (None, Some(asked), None) => pod(asked),
        (None, None, Some(asked)) => {
            let name = asked.get("environment").and_then(Value::as_str);
            Err(no_environment(rules::required("environment", name)?))
        }
        _ => Err(Refusal::invalid("spec must have exactly one of serverless, pod and byoc.")),
    }
}

fn serverless(asked: Serverless, version: Version) -> Answer<(Deployment, Extras)> {
    let cloud = rules::required("cloud", asked.cloud)?;
    let deployment = managed(cloud, rules::required("region", asked.region)?)?;
    // A key that a version does not know yet is ignored like any other unknown one.
    let schema = asked.schema.filter(|_| version >= Version::V2025_10);
    let read_capacity = asked.read_capacity.filter(|_| version >= Version::V2025_10);
    let collection = asked.source_collection.filter(|_| version >= Version::V2025_04);
    if let Some(schema) = &schema {
        checks::check_schema(schema)?;
    }
    let extras = Extras {
        read_capacity: Wanted::read(read_capacity.as_ref())?,
        schema,
        source_collection: collection.filter(|name| !name.is_empty()),
        ..Extras::default()
    };
    Ok((deployment, extras))
}

/// A serverless index in one of the clouds.
pub(crate) fn managed(cloud: String, region: String) -> Answer<Deployment> {
    if !words::CLOUDS.contains(&cloud.as_str()) || region.is_empty() {
        let message = format!("Cloud {cloud} with region {region} not found.");
        return Err(Refusal::not_found(message));
    }
    Ok(Deployment::Serverless { cloud, region })
}

/// Refuses an environment of the user's own (BYOC): the emulator's project has none.
pub(crate) fn no_environment(name: &str) -> Refusal {
    Refusal::not_found(format!("BYOC environment {name} not found."))
}

fn pod(asked: PodSpec) -> Answer<(Deployment, Extras)> {
    let pod_type = asked.pod_type.unwrap_or_else(|| words::DEFAULT_POD_TYPE.to_owned());
    rules::check_pod_type(&pod_type)?;
    let (replicas, shards) = (asked.replicas.unwrap_or(1), asked.shards.unwrap_or(1));
    let product = replicas.saturating_mul(shards);
    let pods = asked.pods.unwrap_or(product);
    if replicas == 0 || shards == 0 || pods != product && asked.shards.is_some() {
        return Err(Refusal::invalid("pods must be shards x replicas, each at least 1."));
    }
    let deployment = Deployment::Pod {
        environment: rules::required("environment", asked.environment)?,
        pod_type,
        pods,
        replicas,
        shards: if asked.shards.is_some() { shards } else { (pods / replicas).max(1) },
        indexed: asked.metadata_config.and_then(|config| config.indexed),
    };
    let source_collection = asked.source_collection.filter(|name| !name.is_empty());
    Ok((deployment, Extras { source_collection, ..Extras::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: Value) -> Answer<(IndexSpec, Extras)> {
        super::read(body.to_string().as_bytes(), Version::V2026_04)
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
