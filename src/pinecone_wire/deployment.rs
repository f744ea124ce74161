//! The kinds of Pinecone's indexes, which everybody else sees as [`model::Deployment`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model;

/// The kind of an index and the place it runs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    Pod {
        environment: String,
        pod_type: String,
        pods: u32,
        replicas: u32,
        shards: u32,
        /// The only metadata fields that can be filtered on; `None` for all of them.
        indexed: Option<Vec<String>>,
    },
    Serverless {
        cloud: String,
        region: String,
    },
    /// Something this program can look at but not create.
    Other(String),
}

impl Deployment {
    /// Returns the kind that an index of Pinecone's is; `None` for one of another system.
    pub fn of(deployment: &model::Deployment) -> Option<Self> {
        serde_json::from_value(deployment.native.clone()).ok()
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Pod { .. } => "pod",
            Self::Serverless { .. } => "serverless",
            Self::Other(_) => "other",
        }
    }
}

impl From<Deployment> for model::Deployment {
    fn from(deployment: Deployment) -> Self {
        let (place, filterable) = match &deployment {
            // Type, replicas and shards of a pod index can be changed.
            Deployment::Pod { environment, indexed, .. } => {
                (format!("pod {environment}"), indexed.clone())
            }
            other => (other.to_string(), None),
        };
        Self {
            kind: deployment.kind().to_owned(),
            words: deployment.to_string(),
            title: format!("pinecone {deployment}"),
            place,
            filterable,
            knows_metric: true,
            // Whether the service keeps every bit of a vector under cosine is written nowhere; a comparison that finds
            // otherwise says so.
            vectors: model::VectorField::plain(),
            fields: model::MetadataFields::default(),
            native: serde_json::to_value(&deployment).unwrap_or_default(),
        }
    }
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod { pod_type, .. } => write!(f, "pod {pod_type}"),
            Self::Serverless { cloud, region } => write!(f, "serverless {cloud} {region}"),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_else_sees_words_and_gives_back_what_was_said() {
        let pod = Deployment::Pod {
            environment: "us-east-1-aws".into(),
            pod_type: "p1.x1".into(),
            pods: 2,
            replicas: 2,
            shards: 1,
            indexed: Some(vec!["kind".into()]),
        };
        let seen = model::Deployment::from(pod.clone());
        assert_eq!((&*seen.kind, &*seen.words), ("pod", "pod p1.x1"));
        assert_eq!((&*seen.place, &*seen.title), ("pod us-east-1-aws", "pinecone pod p1.x1"));
        assert_eq!(seen.filterable, Some(vec!["kind".to_owned()]));
        assert_eq!(Deployment::of(&seen), Some(pod));
        let files = model::Deployment { native: serde_json::Value::Null, ..seen };
        assert_eq!(Deployment::of(&files), None);
    }
}
