//! The description of an index.

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::emulator::index::{Extras, Index};
use crate::model::{IndexSpec, VectorType};
use crate::pinecone_wire::Deployment;
use crate::pinecone_wire::control::schema::{
    self, BYOC, DENSE_VECTOR, DenseField, IndexModel, MANAGED, POD, SPARSE_VALUES, SPARSE_VECTOR,
    Schema, SparseField, VALUES,
};
use crate::pinecone_wire::json::MetadataSchema;
use crate::pinecone_wire::words;

pub(crate) fn index(index: &Index, now: Timestamp) -> IndexModel {
    let spec = index.spec();
    IndexModel {
        host: Some(index.host.clone()),
        status: index.status(now),
        deployment: deployment(&spec.deployment),
        schema: of(&spec, &index.extras),
        deletion_protection: Some(words::switch(spec.deletion_protection).to_owned()),
        name: spec.name,
        tags: Some(spec.tags).filter(|tags| !tags.is_empty()),
        read_capacity: (!index.is_pod).then(|| index.capacity(now)),
        source_collection: index.extras.source_collection.clone(),
        source_backup_id: index.extras.source_backup.clone(),
    }
}

/// Returns the schema of such an index: a dense one reports both vector fields.
pub(crate) fn of(spec: &IndexSpec, extras: &Extras) -> Schema {
    let mut fields = Map::new();
    if spec.vector_type == VectorType::Dense {
        let dense = DenseField {
            kind: DENSE_VECTOR.to_owned(),
            dimension: spec.dimension.unwrap_or_default(),
            metric: Some(words::metric(spec.metric).to_owned()),
            description: None,
        };
        fields.insert(VALUES.to_owned(), value(dense));
    }
    let sparse = SparseField { kind: SPARSE_VECTOR.to_owned(), description: None };
    fields.insert(SPARSE_VALUES.to_owned(), value(sparse));
    fields.extend(extras.schema.as_ref().map(of_metadata).unwrap_or_default().fields);
    fields.into()
}

/// Returns metadata fields of older versions, which have no type.
pub(crate) fn of_metadata(schema: &MetadataSchema) -> Schema {
    let fields = schema.fields.iter().map(|(name, field)| (name.clone(), value(field)));
    fields.collect::<Map<_, _>>().into()
}

/// Writes a field as it stands in a schema, which cannot fail.
fn value(field: impl serde::Serialize) -> Value {
    serde_json::to_value(field).unwrap_or_default()
}

fn deployment(deployment: &crate::model::Deployment) -> schema::Deployment {
    let unknown = || Deployment::Other(deployment.kind.clone());
    match Deployment::of(deployment).unwrap_or_else(unknown) {
        Deployment::Serverless { cloud, region } => schema::Deployment {
            deployment_type: MANAGED.to_owned(),
            cloud: Some(cloud),
            region: Some(region),
            ..Default::default()
        },
        Deployment::Pod { environment, pod_type, replicas, shards, .. } => schema::Deployment {
            deployment_type: POD.to_owned(),
            environment: Some(environment),
            pod_type: Some(pod_type),
            replicas: Some(replicas),
            shards: Some(shards),
            ..Default::default()
        },
        Deployment::Other(environment) => schema::Deployment {
            deployment_type: BYOC.to_owned(),
            environment: Some(environment),
            ..Default::default()
        },
    }
}
