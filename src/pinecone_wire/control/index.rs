//! Indexes in the versions up to 2026-04 (OpenAPI files 2025-10 and 2026-04).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ReadCapacity, Status};
use crate::model::{IndexDescription, IndexSpec, Metric, VectorType};
use crate::pinecone_wire::json::{Int, MetadataSchema};
use crate::pinecone_wire::{Deployment, words};

/// The place of an index: exactly one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serverless: Option<Serverless>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodSpec>,
    /// A place that this program does not look into, by its name: `byoc`.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Serverless {
    #[serde(default)]
    pub cloud: Option<String>,
    #[serde(default)]
    pub region: Option<String>,
    /// Present since 2025-04.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_collection: Option<String>,
    /// Present since 2025-10, as is `schema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_capacity: Option<ReadCapacity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<MetadataSchema>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PodSpec {
    #[serde(default)]
    pub environment: Option<String>,
    #[serde(default)]
    pub pod_type: Option<String>,
    /// Number of pods: `replicas` times `shards`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_config: Option<MetadataConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_collection: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetadataConfig {
    /// The only fields that can be filtered on; all of them if there is no list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexed: Option<Vec<String>>,
}

impl From<&crate::model::Deployment> for Spec {
    fn from(deployment: &crate::model::Deployment) -> Self {
        let unknown = || Deployment::Other(deployment.kind.clone());
        match Deployment::of(deployment).unwrap_or_else(unknown) {
            Deployment::Serverless { cloud, region } => {
                let (cloud, region) = (Some(cloud), Some(region));
                let serverless = Some(Serverless { cloud, region, ..Serverless::default() });
                Self { serverless, ..Self::default() }
            }
            Deployment::Pod { environment, pod_type, pods, replicas, shards, indexed } => {
                let config = |indexed| MetadataConfig { indexed: Some(indexed) };
                let pod = PodSpec {
                    environment: Some(environment),
                    pod_type: Some(pod_type),
                    pods: Some(pods),
                    replicas: Some(replicas),
                    shards: Some(shards),
                    metadata_config: indexed.map(config),
                    source_collection: None,
                };
                Self { pod: Some(pod), ..Self::default() }
            }
            Deployment::Other(kind) => {
                let other = [(kind, Value::Object(Default::default()))].into();
                Self { other, ..Self::default() }
            }
        }
    }
}

impl Spec {
    /// Name of the collection that the index is made from.
    pub fn set_source_collection(&mut self, name: &str) {
        let source = match (&mut self.serverless, &mut self.pod) {
            (Some(serverless), _) => &mut serverless.source_collection,
            (_, Some(pod)) => &mut pod.source_collection,
            _ => return,
        };
        *source = Some(name.to_owned());
    }

    /// Returns the name of the collection that the index was made from.
    fn source_collection(&self) -> Option<&str> {
        let serverless = self.serverless.as_ref().and_then(|one| one.source_collection.as_deref());
        let pod = self.pod.as_ref().and_then(|one| one.source_collection.as_deref());
        serverless.or(pod).filter(|name| !name.is_empty())
    }

    fn into_deployment(self) -> Deployment {
        match (self.serverless, self.pod) {
            (Some(serverless), _) => Deployment::Serverless {
                cloud: serverless.cloud.unwrap_or_default(),
                region: serverless.region.unwrap_or_default(),
            },
            (None, Some(pod)) => pod.into_deployment(),
            (None, None) => {
                let kind = self.other.into_keys().next();
                Deployment::Other(kind.unwrap_or_else(|| "unknown".to_owned()))
            }
        }
    }
}

impl PodSpec {
    fn into_deployment(self) -> Deployment {
        let (replicas, shards) = (self.replicas.unwrap_or(1), self.shards.unwrap_or(1));
        Deployment::Pod {
            environment: self.environment.unwrap_or_default(),
            pod_type: self.pod_type.unwrap_or_default(),
            pods: self.pods.unwrap_or(replicas.saturating_mul(shards)),
            replicas,
            shards,
            indexed: self.metadata_config.and_then(|config| config.indexed),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CreateIndex {
    pub name: String,
    pub spec: Spec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
}

impl From<&IndexSpec> for CreateIndex {
    fn from(spec: &IndexSpec) -> Self {
        let is_sparse = spec.vector_type == VectorType::Sparse;
        Self {
            name: spec.name.clone(),
            spec: (&spec.deployment).into(),
            dimension: spec.dimension,
            metric: Some(words::metric(spec.metric).to_owned()),
            vector_type: is_sparse.then(|| words::vector_type(spec.vector_type).to_owned()),
            deletion_protection: Some(words::switch(spec.deletion_protection).to_owned()),
            tags: (!spec.tags.is_empty()).then(|| spec.tags.clone()),
        }
    }
}

/// A change to an index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConfigureIndex<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<Cow<'a, str>>,
    /// Tags to merge into the existing ones; an empty value removes a tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<ConfigureSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embed: Option<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConfigureSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodChange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serverless: Option<ServerlessChange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byoc: Option<ServerlessChange>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PodChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_type: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerlessChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_capacity: Option<ReadCapacity>,
}

/// The description of an index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexModel {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<Int>,
    #[serde(default)]
    pub metric: Option<String>,
    #[serde(default)]
    pub host: Option<String>,
    #[serde(default)]
    pub deletion_protection: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, Option<String>>>,
    #[serde(default)]
    pub spec: Option<Spec>,
    #[serde(default)]
    pub status: Option<Status>,
    #[serde(default)]
    pub vector_type: Option<String>,
}

/// A metric that this program does not know. It cannot be kept, as everything that is judged depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownMetric(pub String);

impl IndexModel {
    /// Makes the description of an index like `spec`.
    pub fn of(spec: &IndexSpec, host: &str, status: Status) -> Self {
        let tags = spec.tags.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
        Self {
            name: spec.name.clone(),
            dimension: spec.dimension.map(|dimension| Int(dimension.into())),
            metric: Some(words::metric(spec.metric).to_owned()),
            host: Some(host.to_owned()),
            deletion_protection: Some(words::switch(spec.deletion_protection).to_owned()),
            tags: (!spec.tags.is_empty()).then(|| tags.collect()),
            spec: Some((&spec.deployment).into()),
            status: Some(status),
            vector_type: Some(words::vector_type(spec.vector_type).to_owned()),
        }
    }

    /// Converts the description to the model.
    ///
    /// # Errors
    /// `UnknownMetric` if its metric is not known.
    pub fn into_description(self) -> Result<IndexDescription, UnknownMetric> {
        let status = self.status.unwrap_or_default();
        let vector_type = self.vector_type.as_deref().and_then(words::read_vector_type);
        let vector_type = vector_type.unwrap_or_default();
        let protection = self.deletion_protection.as_deref().and_then(words::read_switch);
        let spec = self.spec.unwrap_or_default();
        let collection = spec.source_collection().map(str::to_owned);
        let tags = self.tags.unwrap_or_default();
        Ok(IndexDescription {
            spec: IndexSpec {
                dimension: self.dimension.and_then(Int::small),
                metric: metric(self.metric, vector_type)?,
                vector_type,
                deployment: spec.into_deployment().into(),
                deletion_protection: protection.unwrap_or_default(),
                tags: tags.into_iter().filter_map(|(key, value)| Some((key, value?))).collect(),
                name: self.name,
            },
            host: self.host.unwrap_or_default(),
            collection,
            marks: Default::default(),
            ready: status.ready,
            state: status.state.unwrap_or_default(),
        })
    }
}

fn metric(word: Option<String>, vector_type: VectorType) -> Result<Metric, UnknownMetric> {
    match word {
        None => Ok(words::default_metric(vector_type)),
        Some(word) => words::read_metric(&word).ok_or(UnknownMetric(word)),
    }
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

    fn read(text: &str) -> IndexDescription {
        serde_json::from_str::<IndexModel>(text).unwrap().into_description().unwrap()
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
        assert_eq!(index.spec.deployment.kind, "pod");
        assert!(index.ready && index.spec.tags.is_empty());
        assert_eq!(index.collection, None);
        let pod = Deployment::of(&index.spec.deployment);
        let Some(Deployment::Pod { pods, indexed, .. }) = pod else { panic!() };
        assert_eq!((pods, indexed), (2, Some(vec!["a".to_owned()])));
    }

    #[test]
    fn a_sparse_serverless_index_is_read() {
        let index = read(
            r#"{"name":"s","dimension":null,"metric":"dotproduct","host":"http://127.0.0.1:1",
                "deletion_protection":"enabled","tags":{"a":"b"},"vector_type":"sparse",
                "spec":{"serverless":{"cloud":"aws","region":"us-east-1","read_capacity":{},
                "source_collection":"frozen"}},"status":{"ready":false,"state":"SomethingNew"}}"#,
        );
        assert_eq!(index.spec.vector_type, VectorType::Sparse);
        assert_eq!((index.state.as_str(), index.ready), ("SomethingNew", false));
        assert_eq!(index.collection.as_deref(), Some("frozen"));
        assert!(index.spec.deletion_protection);
    }

    #[test]
    fn what_is_not_known_is_kept_by_its_name() {
        let index = read(
            r#"{"name":"b","metric":"cosine","host":"h","vector_type":"dense",
                "spec":{"byoc":{"environment":"e"}},"status":{"ready":true,"state":"Ready"}}"#,
        );
        assert_eq!(index.spec.deployment, Deployment::Other("byoc".into()).into());
        let metric = IndexModel { metric: Some("hamming".to_owned()), ..IndexModel::default() };
        assert_eq!(metric.into_description(), Err(UnknownMetric("hamming".to_owned())));
    }

    fn spec(deployment: Deployment) -> IndexSpec {
        IndexSpec {
            name: "t".into(),
            dimension: Some(8),
            metric: Metric::Dotproduct,
            vector_type: VectorType::Dense,
            deployment: deployment.into(),
            deletion_protection: true,
            tags: BTreeMap::from([("k".into(), "v".into())]),
        }
    }

    fn serverless() -> Deployment {
        Deployment::Serverless { cloud: "aws".into(), region: "us-east-1".into() }
    }

    #[test]
    fn a_model_says_the_spec_it_is_of() {
        let pod = Deployment::Pod {
            environment: "us-east-1-aws".into(),
            pod_type: "s1.x2".into(),
            pods: 6,
            replicas: 3,
            shards: 2,
            indexed: Some(vec!["genre".into()]),
        };
        for deployment in [serverless(), pod, Deployment::Other("byoc".into())] {
            let spec = spec(deployment);
            let status = Status { ready: true, state: Some("Ready".to_owned()) };
            let text = serde_json::to_string(&IndexModel::of(&spec, "h", status)).unwrap();
            let read = read(&text);
            assert_eq!((read.spec, read.ready, read.host.as_str()), (spec, true, "h"));
        }
    }

    #[test]
    fn requests_are_written_as_they_are_read() {
        let mut create = CreateIndex::from(&spec(serverless()));
        create.spec.set_source_collection("c");
        is(
            &create,
            json!({"name": "t", "spec": {"serverless": {"cloud": "aws", "region": "us-east-1",
                "source_collection": "c"}}, "dimension": 8, "metric": "dotproduct",
                "deletion_protection": "enabled", "tags": {"k": "v"}}),
        );
        let pod = PodChange { replicas: Some(2), pod_type: None };
        is(
            &ConfigureIndex {
                deletion_protection: Some("disabled".into()),
                spec: Some(ConfigureSpec { pod: Some(pod), ..ConfigureSpec::default() }),
                ..ConfigureIndex::default()
            },
            json!({"deletion_protection": "disabled", "spec": {"pod": {"replicas": 2}}}),
        );
    }
}
