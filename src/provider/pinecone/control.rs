//! The control plane: what makes, describes, changes and deletes an index.

use http::Method;
use serde_json::json;

use super::http::{Server, segment};
use super::model::{IndexIn, create_body, protection};
use crate::error::{ErrorKind, Result};
use crate::model::{IndexDescription, IndexSpec};
use crate::provider::IndexChange;

/// The control plane of one project.
pub struct Control(pub Server);

impl Control {
    pub async fn describe(&self, name: &str) -> Result<Option<IndexDescription>> {
        match self.0.get(&path(name), &[]).await {
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
        self.0.send(Method::POST, "/indexes", &create_body(spec)?).await.map(drop)
    }

    pub async fn configure(&self, name: &str, change: &IndexChange) -> Result<()> {
        let Some(enabled) = change.deletion_protection else { return Ok(()) };
        let body = json!({ "deletion_protection": protection(enabled) });
        self.0.send(Method::PATCH, &path(name), &body).await.map(drop)
    }

    pub async fn delete(&self, name: &str) -> Result<()> {
        match self.0.delete(&path(name)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }
}

fn path(name: &str) -> String {
    format!("/indexes/{}", segment(name))
}
