//! Indexes in version 2026-07.
//!
//! No OpenAPI file of this version was at hand; it was read from Pinecone's Python SDK 10.2.0 and its documentation.
//! An index that was made with `dimension` and `metric` and one whose schema is `_values` and `_sparse_values` are the
//! same kind; document indexes, the other kind, are not covered. Types of requests refuse unknown members; types that
//! also occur in answers keep them as `unknown`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ReadCapacity, Status};

/// The vector fields of a schema.
pub(crate) const VALUES: &str = "_values";
pub(crate) const SPARSE_VALUES: &str = "_sparse_values";

/// Types of the vector fields.
pub(crate) const DENSE_VECTOR: &str = "dense_vector";
pub(crate) const SPARSE_VECTOR: &str = "sparse_vector";

/// Types of deployments. Pods are only described.
pub(crate) const MANAGED: &str = "managed";
pub(crate) const BYOC: &str = "byoc";
pub(crate) const POD: &str = "pod";

/// Fields by name. The sort of field decides how it is read: as a [`DenseField`], a [`SparseField`], or one of metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Schema {
    pub fields: Map<String, Value>,
    /// Members that this program does not know.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

impl From<Map<String, Value>> for Schema {
    fn from(fields: Map<String, Value>) -> Self {
        Self { fields, unknown: BTreeMap::new() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DenseField {
    #[serde(rename = "type")]
    pub kind: String,
    pub dimension: u32,
    #[serde(default)]
    pub metric: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SparseField {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub description: Option<String>,
}

/// The place of an index: `cloud` and `region` of a managed one, `environment` of others, and what pods are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deployment {
    #[serde(default)]
    pub deployment_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
    /// Members that this program does not know.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateIndex {
    pub schema: Schema,
    /// Made up by the service if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_capacity: Option<ReadCapacity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmek_id: Option<String>,
    /// Known, but refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_collection: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_backup_id: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigureIndex {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<PodChange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_capacity: Option<ReadCapacity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PodChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_type: Option<String>,
}

/// The description of an index. `tags` is `null` if there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexModel {
    pub name: String,
    #[serde(default)]
    pub host: Option<String>,
    #[serde(default)]
    pub status: Status,
    #[serde(default)]
    pub deployment: Deployment,
    #[serde(default)]
    pub schema: Schema,
    #[serde(default)]
    pub deletion_protection: Option<String>,
    #[serde(default)]
    pub tags: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_capacity: Option<ReadCapacity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_collection: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_backup_id: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Indexes {
    #[serde(default)]
    pub indexes: Vec<IndexModel>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::is;
    use super::*;

    fn fields(value: Value) -> Schema {
        value.as_object().cloned().unwrap_or_default().into()
    }

    /// The body as Pinecone's Python SDK 10.2.0 sends it.
    #[test]
    fn a_request_of_the_sdk_is_read() {
        let body = json!({"schema": {"fields": {"_values": {"type": "dense_vector", "dimension": 3,
            "metric": "cosine"}}}, "name": "t", "deployment": {"deployment_type": "managed",
            "cloud": "aws", "region": "us-east-1"}, "deletion_protection": "enabled", "tags": {"a": "b"}});
        let read: CreateIndex = serde_json::from_value(body.clone()).unwrap();
        let field = DenseField::deserialize(&read.schema.fields[VALUES]).unwrap();
        assert_eq!((field.kind.as_str(), field.dimension), (DENSE_VECTOR, 3));
        is(&read, body);
        let old = json!({"schema": {"fields": {}}, "dimension": 3});
        assert!(serde_json::from_value::<CreateIndex>(old).is_err());
    }

    #[test]
    fn an_index_is_written_as_it_is_read() {
        let model = IndexModel {
            name: "t".to_owned(),
            host: Some("h".to_owned()),
            status: Status { ready: true, state: Some("Ready".to_owned()) },
            deployment: Deployment {
                deployment_type: POD.to_owned(),
                environment: Some("us-east-1-aws".to_owned()),
                pod_type: Some("p1.x1".to_owned()),
                replicas: Some(2),
                shards: Some(1),
                ..Deployment::default()
            },
            schema: fields(json!({"genre": {"filterable": true}})),
            deletion_protection: Some("disabled".to_owned()),
            source_collection: Some("c".to_owned()),
            ..IndexModel::default()
        };
        is(
            &Indexes { indexes: vec![model] },
            json!({"indexes": [{"name": "t", "host": "h", "status": {"ready": true, "state": "Ready"},
                "deployment": {"deployment_type": "pod", "environment": "us-east-1-aws",
                    "pod_type": "p1.x1", "replicas": 2, "shards": 1},
                "schema": {"fields": {"genre": {"filterable": true}}},
                "deletion_protection": "disabled", "tags": null, "source_collection": "c"}]}),
        );
    }

    #[test]
    fn a_change_refuses_what_it_does_not_know() {
        let change = ConfigureIndex {
            deployment: Some(PodChange { replicas: Some(2), pod_type: None }),
            ..ConfigureIndex::default()
        };
        is(&change, json!({"deployment": {"replicas": 2}}));
        assert!(serde_json::from_value::<ConfigureIndex>(json!({"spec": {}})).is_err());
    }
}
