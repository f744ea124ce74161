//! `POST /indexes` of 2026-07.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::emulator::capacity::ReadCapacity;
use crate::emulator::control::{create, rules};
use crate::emulator::error::{Answer, Refusal};
use crate::emulator::index::Extras;
use crate::model::{Deployment, IndexSpec, Metric, VectorType};
use crate::pinecone_wire::Version;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateBody {
    schema: SchemaBody,
    name: Option<String>,
    deployment: Option<DeploymentBody>,
    read_capacity: Option<Value>,
    deletion_protection: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    cmek_id: Option<String>,
    source_collection: Option<String>,
    source_backup_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaBody {
    fields: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeploymentBody {
    deployment_type: String,
    cloud: Option<String>,
    region: Option<String>,
    environment: Option<String>,
    // Of pods, which are only answered with.
    pod_type: Option<String>,
    replicas: Option<u32>,
    shards: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DenseBody {
    #[serde(rename = "type")]
    kind: String,
    dimension: u32,
    metric: Option<String>,
    #[serde(rename = "description")]
    _description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SparseBody {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "description")]
    _description: Option<String>,
}

/// What the body asks for; `name` is taken where it says none.
pub(crate) fn read(body: &[u8], name: impl FnOnce() -> String) -> Answer<(IndexSpec, Extras)> {
    let body: CreateBody = serde_json::from_slice(body).map_err(Refusal::unreadable)?;
    if body.source_collection.is_some() || body.source_backup_id.is_some() {
        return Err(Refusal::invalid(
            "Creating an index from collection or backup is not yet supported",
        ));
    }
    if body.cmek_id.is_some() {
        return Err(Refusal::invalid("The emulator has no customer-managed encryption keys."));
    }
    let name = body.name.unwrap_or_else(name);
    rules::check_name("Index name", &name)?;
    let deployment = body.deployment.map(DeploymentBody::read).transpose()?;
    let (vector_type, dimension, metric) = body.schema.read()?;
    create::check_shape(vector_type, dimension, Some(metric))?;
    let mut tags = BTreeMap::new();
    rules::merge_tags(&mut tags, body.tags.unwrap_or_default(), Version::V2026_07)?;
    let protection = body.deletion_protection.as_deref().unwrap_or("disabled");
    let spec = IndexSpec {
        name,
        dimension,
        metric,
        vector_type,
        deployment: deployment.unwrap_or_else(default_deployment),
        deletion_protection: rules::read_switch("deletion_protection", protection)?,
        tags,
    };
    let read_capacity = body.read_capacity.as_ref().map(ReadCapacity::read).transpose()?;
    let extras = Extras { read_capacity: read_capacity.unwrap_or_default(), ..Extras::default() };
    Ok((spec, extras))
}

fn default_deployment() -> Deployment {
    Deployment::Serverless { cloud: "aws".to_owned(), region: "us-east-1".to_owned() }
}

impl DeploymentBody {
    fn read(self) -> Answer<Deployment> {
        let is_of_pods =
            self.pod_type.is_some() || self.replicas.is_some() || self.shards.is_some();
        match self.deployment_type.as_str() {
            "pod" => {
                Err(Refusal::invalid("deployment_type 'pod' is not supported on this API version."))
            }
            "byoc" => Err(create::no_environment(&self.environment.unwrap_or_default())),
            "managed" if !is_of_pods && self.environment.is_none() => {
                let (cloud, region) = (self.cloud.unwrap_or_default(), self.region);
                create::serverless(cloud, region.unwrap_or_default())
            }
            "managed" => Err(Refusal::invalid("A managed deployment has cloud and region only.")),
            other => Err(Refusal::unreadable(format!("unknown deployment_type `{other}`"))),
        }
    }
}

impl SchemaBody {
    /// A classic index: its fields are `_values`, `_sparse_values` or both.
    fn read(mut self) -> Answer<(VectorType, Option<u32>, Metric)> {
        let dense = self.fields.remove("_values");
        let sparse = self.fields.remove("_sparse_values");
        if let Some(name) = self.fields.keys().next() {
            return Err(Refusal::invalid(format!(
                "The emulator has no document indexes: a schema is _values, _sparse_values or both, got the field '{name}'."
            )));
        }
        if let Some(sparse) = &sparse {
            let body: SparseBody = field("_sparse_values", sparse)?;
            check_kind("_sparse_values", &body.kind, "sparse_vector")?;
        }
        let Some(dense) = dense else {
            return match sparse {
                Some(_) => Ok((VectorType::Sparse, None, Metric::Dotproduct)),
                None => Err(Refusal::invalid("schema.fields must not be empty.")),
            };
        };
        let body: DenseBody = field("_values", &dense)?;
        check_kind("_values", &body.kind, "dense_vector")?;
        let metric = body.metric.as_deref().map_or(Ok(Metric::Cosine), rules::read_metric)?;
        Ok((VectorType::Dense, Some(body.dimension), metric))
    }
}

fn field<T: serde::de::DeserializeOwned>(name: &str, value: &Value) -> Answer<T> {
    T::deserialize(value)
        .map_err(|error| Refusal::unreadable(format!("schema.fields.{name}: {error}")))
}

fn check_kind(name: &str, kind: &str, wanted: &str) -> Answer<()> {
    if kind == wanted {
        return Ok(());
    }
    Err(Refusal::invalid(format!("The field {name} must be of the type {wanted}, got '{kind}'.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read_json(body: Value) -> Answer<(IndexSpec, Extras)> {
        read(body.to_string().as_bytes(), || "made-up".to_owned())
    }

    fn dense() -> Value {
        json!({"fields": {"_values": {"type": "dense_vector", "dimension": 3, "metric": "euclidean"}}})
    }

    #[test]
    fn a_schema_says_it_all() {
        let (spec, _) = read_json(json!({"schema": dense()})).unwrap();
        assert_eq!((spec.dimension, spec.metric), (Some(3), Metric::Euclidean));
        assert_eq!(spec.name, "made-up");
        assert_eq!(spec.deployment, default_deployment());
        let sparse = json!({"fields": {"_sparse_values": {"type": "sparse_vector"}}});
        let (spec, _) = read_json(json!({"schema": sparse, "name": "s"})).unwrap();
        assert_eq!((spec.vector_type, spec.metric), (VectorType::Sparse, Metric::Dotproduct));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let with = |key: &str, value: Value| {
            let mut body = json!({"schema": dense(), "name": "a"});
            body[key] = value;
            body
        };
        let fields = |fields: Value| with("schema", json!({ "fields": fields }));
        let deployed = |deployment: Value| with("deployment", deployment);
        for (body, status) in [
            (json!({"name": "a"}), 422),
            (with("dimension", json!(3)), 422),
            (with("spec", json!({"serverless": {}})), 422),
            (with("name", json!("A")), 400),
            (with("source_collection", json!("c")), 400),
            (with("source_backup_id", json!("b")), 400),
            (with("cmek_id", json!("k")), 400),
            (fields(json!({})), 400),
            (fields(json!({"body": {"type": "string"}})), 400),
            (fields(json!({"_values": {"type": "dense_vector"}})), 422),
            (fields(json!({"_values": {"type": "sparse_vector", "dimension": 3}})), 400),
            (fields(json!({"_values": {"type": "dense_vector", "dimension": 0}})), 400),
            (
                deployed(
                    json!({"deployment_type": "pod", "environment": "e", "pod_type": "p1.x1"}),
                ),
                400,
            ),
            (deployed(json!({"deployment_type": "byoc", "environment": "e"})), 404),
            (deployed(json!({"deployment_type": "managed", "cloud": "moon", "region": "r"})), 404),
            (deployed(json!({"deployment_type": "tent"})), 422),
        ] {
            assert_eq!(read_json(body.clone()).unwrap_err().status, status, "{body}");
        }
    }
}
