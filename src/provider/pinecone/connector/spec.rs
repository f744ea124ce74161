//! What a create stage says of a Pinecone index, and the index that is asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{IndexSpec, Metric, VectorType};
use crate::pinecone_wire::Deployment;
use crate::plan::file::{CreateSpec, Protection};

/// Keys of `create.spec`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct Keys {
    /// A serverless index.
    #[serde(default)]
    pub serverless: Option<ServerlessSpec>,
    /// A pod-based index (only for accounts that may still create pods).
    #[serde(default)]
    pub pod: Option<PodSpec>,
}

impl Keys {
    pub fn of(spec: &CreateSpec) -> Self {
        spec.fields().unwrap_or_default()
    }
}

/// The cloud and region of a serverless index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerlessSpec {
    /// `aws`, `gcp` or `azure`.
    pub cloud: Cloud,
    /// The cloud's region, for example `us-east-1`.
    pub region: String,
}

/// A cloud a serverless index can run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Cloud {
    Aws,
    Gcp,
    Azure,
}

impl Cloud {
    pub fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcp => "gcp",
            Self::Azure => "azure",
        }
    }
}

/// The place and size of a pod-based index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PodSpec {
    /// The environment, for example `us-east-1-aws`.
    pub environment: String,
    /// Type and size: `s1`, `p1` or `p2`, a dot, then `x1`, `x2`, `x4` or `x8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_type: Option<String>,
    /// Copies of the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// Parts the index is split into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
}

/// Returns the index that a create stage asks for.
pub(super) fn asked_for(name: &str, asked: &CreateSpec) -> IndexSpec {
    let vector_type = asked.vector_type.unwrap_or_default();
    let default_metric = match vector_type {
        VectorType::Dense => Metric::Cosine,
        VectorType::Sparse => Metric::Dotproduct,
    };
    let deployment = match Keys::of(asked) {
        Keys { serverless: Some(serverless), .. } => Deployment::Serverless {
            cloud: serverless.cloud.name().to_owned(),
            region: serverless.region,
        },
        Keys { pod: Some(pod), .. } => {
            let (replicas, shards) = (pod.replicas.unwrap_or(1), pod.shards.unwrap_or(1));
            Deployment::Pod {
                environment: pod.environment,
                pod_type: pod.pod_type.unwrap_or_else(|| "p1.x1".to_owned()),
                pods: replicas * shards,
                replicas,
                shards,
                indexed: None,
            }
        }
        Keys { serverless: None, pod: None } => Deployment::Other("unspecified".to_owned()),
    };
    IndexSpec {
        name: name.to_owned(),
        dimension: asked.dimension,
        metric: asked.metric.unwrap_or(default_metric),
        vector_type,
        deployment: deployment.into(),
        deletion_protection: asked.deletion_protection == Some(Protection::Enabled),
        tags: asked.tags.clone(),
    }
}
