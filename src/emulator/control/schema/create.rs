//! `POST /indexes` of 2026-07.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::emulator::capacity::Wanted;
use crate::emulator::control::{create, rules};
use crate::emulator::error::{Answer, Refusal};
use crate::emulator::index::Extras;
use crate::model::{IndexSpec, Metric, VectorType};
use crate::pinecone_wire::Deployment;
use crate::pinecone_wire::Version;
use crate::pinecone_wire::control::schema::{
    self, BYOC, CreateIndex, DENSE_VECTOR, DenseField, MANAGED, POD, SPARSE_VALUES, SPARSE_VECTOR,
    Schema, SparseField, VALUES,
};

/// Reads the body; `name` supplies a name if it has none.
pub(crate) fn read(body: &[u8], name: impl FnOnce() -> String) -> Answer<(IndexSpec, Extras)> {
    let body: CreateIndex = rules::read(body)?;
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
    let deployment = body.deployment.map(place).transpose()?;
    let (vector_type, dimension, metric) = shape(body.schema)?;
    create::check_shape(vector_type, dimension, Some(metric))?;
    let mut tags = BTreeMap::new();
    rules::merge_tags(&mut tags, body.tags.unwrap_or_default(), Version::V2026_07)?;
    let protection = rules::read_protection(body.deletion_protection.as_deref())?;
    let spec = IndexSpec {
        name,
        dimension,
        metric,
        vector_type,
        deployment: deployment.unwrap_or_else(default_deployment).into(),
        deletion_protection: protection.unwrap_or_default(),
        tags,
    };
    let read_capacity = Wanted::read(body.read_capacity.as_ref())?;
    Ok((spec, Extras { read_capacity, ..Extras::default() }))
}

fn default_deployment() -> Deployment {
    Deployment::Serverless { cloud: "aws".to_owned(), region: "us-east-1".to_owned() }
}

fn place(asked: schema::Deployment) -> Answer<Deployment> {
    rules::refuse_unknown(&asked.unknown)?;
    let is_of_pods = asked.pod_type.is_some() || asked.replicas.is_some() || asked.shards.is_some();
    match asked.deployment_type.as_str() {
        POD => Err(Refusal::invalid("deployment_type 'pod' is not supported on this API version.")),
        BYOC => Err(create::no_environment(&asked.environment.unwrap_or_default())),
        MANAGED if !is_of_pods && asked.environment.is_none() => {
            let (cloud, region) = (asked.cloud.unwrap_or_default(), asked.region);
            create::managed(cloud, region.unwrap_or_default())
        }
        MANAGED => Err(Refusal::invalid("A managed deployment has cloud and region only.")),
        other => Err(Refusal::unreadable(format!("unknown deployment_type `{other}`"))),
    }
}

/// Reads a classic index: the fields of its schema are `_values`, `_sparse_values` or both.
fn shape(mut schema: Schema) -> Answer<(VectorType, Option<u32>, Metric)> {
    rules::refuse_unknown(&schema.unknown)?;
    let dense = schema.fields.remove(VALUES);
    let sparse = schema.fields.remove(SPARSE_VALUES);
    if let Some(name) = schema.fields.keys().next() {
        return Err(Refusal::invalid(format!(
            "The emulator has no document indexes: a schema is _values, _sparse_values or both, got the field '{name}'."
        )));
    }
    if let Some(sparse) = &sparse {
        let body: SparseField = field(SPARSE_VALUES, sparse)?;
        check_kind(SPARSE_VALUES, &body.kind, SPARSE_VECTOR)?;
    }
    let Some(dense) = dense else {
        return match sparse {
            Some(_) => Ok((VectorType::Sparse, None, Metric::Dotproduct)),
            None => Err(Refusal::invalid("schema.fields must not be empty.")),
        };
    };
    let body: DenseField = field(VALUES, &dense)?;
    check_kind(VALUES, &body.kind, DENSE_VECTOR)?;
    let metric = body.metric.as_deref().map_or(Ok(Metric::Cosine), rules::read_metric)?;
    Ok((VectorType::Dense, Some(body.dimension), metric))
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
        assert_eq!(spec.deployment, default_deployment().into());
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
