//! Collections: frozen copies of a pod's records, from which indexes are made.

use serde::Deserialize;
use serde_json::json;

use super::control::Control;
use super::model::create_body;
use crate::error::{ErrorKind, Result};
use crate::model::{Deployment, IndexSpec};
use crate::pinecone_wire::Operation;
use crate::provider::Collection;

#[derive(Deserialize)]
struct CollectionIn {
    name: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    dimension: Option<super::json::Int>,
    #[serde(default)]
    vector_count: Option<super::json::Int>,
    #[serde(default)]
    size: Option<super::json::Int>,
}

impl CollectionIn {
    fn into_collection(self) -> Collection {
        let number = |value: Option<super::json::Int>| value.map(|value| value.0);
        Collection {
            name: self.name,
            state: self.status.unwrap_or_default(),
            dimension: number(self.dimension).and_then(|value| u32::try_from(value).ok()),
            records: number(self.vector_count),
            bytes: number(self.size),
        }
    }
}

impl Control {
    pub async fn create_collection(&self, name: &str, source: &str) -> Result<()> {
        let body = json!({ "name": name, "source": source });
        self.0.send(Operation::CreateCollection, "", &body).await.map(drop)
    }

    pub async fn collection(&self, name: &str) -> Result<Option<Collection>> {
        match self.0.ask(Operation::DescribeCollection, name, &[]).await {
            Ok(reply) => Ok(Some(reply.json::<CollectionIn>()?.into_collection())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn delete_collection(&self, name: &str) -> Result<()> {
        match self.0.ask(Operation::DeleteCollection, name, &[]).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }

    pub async fn create_from(&self, spec: &IndexSpec, collection: &str) -> Result<()> {
        let mut body = create_body(spec)?;
        let kind = match spec.deployment {
            Deployment::Pod { .. } => "pod",
            _ => "serverless",
        };
        body["spec"][kind]["source_collection"] = json!(collection);
        self.0.send(Operation::CreateIndex, "", &body).await.map(drop)
    }
}
