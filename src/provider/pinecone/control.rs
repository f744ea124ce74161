//! The control plane: what makes, describes, changes and deletes an index.

use serde_json::json;

use super::http::Server;
use super::model::{IndexIn, create_body, protection};
use crate::error::{ErrorKind, Result};
use crate::model::{IndexDescription, IndexSpec};
use crate::pinecone_wire::Operation;
use crate::provider::IndexChange;

/// The control plane of one project.
pub struct Control(pub Server);

impl Control {
    pub async fn describe(&self, name: &str) -> Result<Option<IndexDescription>> {
        match self.0.ask(Operation::DescribeIndex, name, &[]).await {
            Ok(reply) => {
                let found = reply.json::<IndexIn>()?.into_description()?;
                match found.spec.name == name {
                    true => Ok(Some(found)),
                    // Somebody who answers every path with something that has a name.
                    false => Err(reply.of_a_stranger()),
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn create(&self, spec: &IndexSpec) -> Result<()> {
        self.0.send(Operation::CreateIndex, "", &create_body(spec)?).await.map(drop)
    }

    pub async fn configure(&self, name: &str, change: &IndexChange) -> Result<()> {
        let Some(enabled) = change.deletion_protection else { return Ok(()) };
        let body = json!({ "deletion_protection": protection(enabled) });
        self.0.send(Operation::ConfigureIndex, name, &body).await.map(drop)
    }

    pub async fn delete(&self, name: &str) -> Result<()> {
        match self.0.ask(Operation::DeleteIndex, name, &[]).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }
}
