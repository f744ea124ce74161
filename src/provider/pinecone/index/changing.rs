//! Single attempts at the requests that change something, or belong to it.

use super::peer::Peer;
use super::reading::texts;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Filter, IndexSpec, Namespace, Record, RecordId};
use crate::pinecone_wire::proto::record_bytes;
use crate::provider::pinecone::error::or_empty;
use crate::provider::pinecone::imports;
use crate::provider::pinecone::limits::refusal;
use crate::provider::pinecone::size::json_bytes;
use crate::store::{Collection, Import, IndexChange, Refusal};

impl Peer {
    pub(super) async fn create(&self, spec: &IndexSpec) -> Result<()> {
        self.forget();
        self.control.create(spec).await.map_err(|error| self.explain("create", error))
    }

    pub(super) async fn create_collection(&self, name: &str) -> Result<()> {
        let created = self.control.create_collection(name, self.name()).await;
        created.map_err(|error| of_collection("create_collection", name, error))
    }

    pub(super) async fn collection(&self, name: &str) -> Result<Option<Collection>> {
        let found = self.control.collection(name).await;
        found.map_err(|error| of_collection("describe_collection", name, error))
    }

    pub(super) async fn create_from(&self, spec: &IndexSpec, collection: &str) -> Result<()> {
        self.forget();
        let created = self.control.create_from(spec, collection).await;
        created
            .map_err(|error| self.explain("create", error).with_context("collection", collection))
    }

    /// Writes all of `records` or none; returns the number of the write, if there is one.
    pub(super) async fn upsert(
        &self,
        namespace: &Namespace,
        records: &[Record],
    ) -> Result<Option<u64>> {
        if records.is_empty() {
            return Ok(None);
        }
        let connection = self.connection().await?;
        let upserted = connection.call(|plane| plane.upsert(namespace, records)).await;
        let answer = self.settle("upsert", upserted).await;
        let answer =
            answer.map_err(|error| error.with_context("namespace", namespace.explicit()))?;
        if answer.value != records.len() as u64 {
            let message =
                format!("{} of {} records were acknowledged", answer.value, records.len());
            return Err(Error::new(ErrorKind::Unavailable, message)
                .with_operation("upsert")
                .with_context("namespace", namespace.explicit()));
        }
        Ok(answer.lsn.written)
    }

    pub(super) async fn start_import(
        &self,
        uri: &str,
        integration: Option<&str>,
    ) -> Result<String> {
        let started = imports::start(self.connection().await?.server(), uri, integration).await;
        started.map_err(|error| self.explain("start_import", error).with_context("uri", uri))
    }

    pub(super) async fn imports(&self) -> Result<Vec<Import>> {
        let connection = self.connection().await?;
        let found = imports::list(connection.server()).await;
        found.map_err(|error| self.explain("list_imports", error))
    }

    pub(super) fn request_bytes(&self, record: &Record) -> usize {
        match self.is_rest() {
            Some(true) => json_bytes(record),
            _ => record_bytes(record),
        }
    }

    pub(super) fn rejects(&self, record: &Record, planned: Option<&IndexSpec>) -> Option<Refusal> {
        let described = self.description();
        refusal(record, described.as_ref().map(|description| &description.spec).or(planned))
    }
}

impl Peer {
    pub(super) async fn configure(&self, change: &IndexChange) -> Result<()> {
        let changed = self.control.configure(self.name(), change).await;
        changed.map_err(|error| self.explain("configure", error))
    }

    pub(super) async fn delete_index(&self) -> Result<()> {
        self.control
            .delete(self.name())
            .await
            .map_err(|error| self.explain("delete_index", error))?;
        self.forget();
        Ok(())
    }

    pub(super) async fn delete_collection(&self, name: &str) -> Result<()> {
        let deleted = self.control.delete_collection(name).await;
        deleted.map_err(|error| of_collection("delete_collection", name, error))
    }

    pub(super) async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()> {
        let ids = &*texts(ids);
        if ids.is_empty() {
            return Ok(());
        }
        let connection = self.connection().await?;
        let deleted = connection.call(|plane| plane.delete(namespace, ids)).await;
        let deleted = self.settle("delete", or_empty(deleted)).await;
        deleted.map_err(|error| error.with_context("namespace", namespace.explicit()))
    }

    pub(super) async fn delete_matching(
        &self,
        namespace: &Namespace,
        filter: &Filter,
    ) -> Result<()> {
        if filter.asks_nothing() {
            return Err(Error::invalid("a filter that asks nothing would delete everything"));
        }
        let connection = self.connection().await?;
        let deleted = connection.call(|plane| plane.delete_matching(namespace, filter)).await;
        let deleted = self.settle("delete_matching", or_empty(deleted)).await;
        deleted.map_err(|error| error.with_context("namespace", namespace.explicit()))
    }

    pub(super) async fn delete_namespace(&self, namespace: &Namespace) -> Result<()> {
        let connection = self.connection().await?;
        let deleted = if self.is_pod() {
            connection.call(|plane| plane.delete_all(namespace)).await
        } else {
            connection.call(|plane| plane.delete_namespace(namespace)).await
        };
        let deleted = self.settle("delete_namespace", or_empty(deleted)).await;
        deleted.map_err(|error| error.with_context("namespace", namespace.explicit()))
    }

    pub(super) async fn cancel_import(&self, id: &str) -> Result<()> {
        let cancelled = imports::cancel(self.connection().await?.server(), id).await;
        cancelled.map_err(|error| self.explain("cancel_import", error).with_context("import", id))
    }
}

fn of_collection(operation: &'static str, name: &str, error: Error) -> Error {
    error.with_operation(operation).with_context("collection", name)
}
