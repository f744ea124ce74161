//! The control plane, which makes, describes, changes and deletes an index.

use super::http::Server;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexDescription, IndexSpec};
use crate::pinecone_wire::control::{ConfigureIndex, CreateIndex, IndexModel, UnknownMetric};
use crate::pinecone_wire::{Deployment, Operation, words};
use crate::store::IndexChange;

/// The control plane of one project.
pub struct Control(pub Server);

impl Control {
    pub async fn describe(&self, name: &str) -> Result<Option<IndexDescription>> {
        match self.0.ask(Operation::DescribeIndex, name, &[]).await {
            Ok(reply) => {
                let found = described(reply.json()?)?;
                match found.spec.name == name {
                    true => Ok(Some(found)),
                    // A server that answers every path with something that has a name.
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
        let deletion_protection = Some(words::switch(enabled).into());
        let body = ConfigureIndex { deletion_protection, ..ConfigureIndex::default() };
        self.0.send(Operation::ConfigureIndex, name, &body).await.map(drop)
    }

    pub async fn delete(&self, name: &str) -> Result<()> {
        match self.0.ask(Operation::DeleteIndex, name, &[]).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }
}

fn described(index: IndexModel) -> Result<IndexDescription> {
    let name = index.name.clone();
    index.into_description().map_err(|UnknownMetric(metric)| {
        Error::unsupported(format!("the metric `{metric}` is not known to this version"))
            .with_context("index", name)
    })
}

/// Returns the body that asks for `spec`.
pub(super) fn create_body(spec: &IndexSpec) -> Result<CreateIndex> {
    match Deployment::of(&spec.deployment) {
        None | Some(Deployment::Other(_)) => {
            let kind = &spec.deployment;
            Err(Error::unsupported(format!("an index of kind `{kind}` cannot be made")))
        }
        Some(_) => Ok(spec.into()),
    }
}
