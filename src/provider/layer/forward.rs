//! A layer around a provider: every method of both traits, once.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Layer, Operation};
use crate::error::Result;
use crate::model::{IndexDescription, IndexSpec, IndexStats, Namespace, Record, RecordId};
use crate::provider::{
    Admin, Capabilities, Collection, Filter, IdPage, Import, IndexChange, Inventory, Match, Query,
    Refusal, Source, Target, Upserted,
};

/// `inner`, with every call going through `layer`.
pub struct Layered<L, I: ?Sized> {
    layer: L,
    inner: Arc<I>,
}

impl<L, I: ?Sized> Layered<L, I> {
    pub fn new(layer: L, inner: Arc<I>) -> Self {
        Self { layer, inner }
    }
}

macro_rules! through {
    ($self:ident, $operation:expr, $method:ident($($argument:expr),*)) => {
        $self.layer.call($operation, || $self.inner.$method($($argument),*)).await
    };
}

#[async_trait]
impl<L: Layer, I: Source + ?Sized> Source for Layered<L, I> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn describe(&self) -> Result<Option<IndexDescription>> {
        through!(self, Operation::read("describe").control(), describe())
    }

    async fn stats(&self) -> Result<IndexStats> {
        through!(self, Operation::read("stats"), stats())
    }

    async fn inventory(&self) -> Result<Option<Inventory>> {
        through!(self, Operation::read("inventory"), inventory())
    }

    async fn filtered_stats(&self, filter: &Filter) -> Result<IndexStats> {
        through!(self, Operation::read("filtered_stats"), filtered_stats(filter))
    }

    async fn list(
        &self,
        namespace: &Namespace,
        prefix: &str,
        page: Option<&str>,
    ) -> Result<IdPage> {
        through!(self, Operation::read("list").within(namespace), list(namespace, prefix, page))
    }

    async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>> {
        let operation = Operation::read("fetch").within(namespace).of(ids.len());
        through!(self, operation, fetch(namespace, ids))
    }

    async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Vec<Match>> {
        through!(self, Operation::read("query").within(namespace), query(namespace, query))
    }

    async fn is_visible(&self, namespace: &Namespace, lsn: u64) -> Result<Option<bool>> {
        through!(self, Operation::read("is_visible").within(namespace), is_visible(namespace, lsn))
    }
}

#[async_trait]
impl<L: Layer, I: Target + ?Sized> Target for Layered<L, I> {
    async fn create(&self, spec: &IndexSpec) -> Result<()> {
        through!(self, Operation::write("create").control().not_idempotent(), create(spec))
    }

    async fn create_collection(&self, name: &str) -> Result<()> {
        let operation = Operation::write("create_collection").control().not_idempotent();
        through!(self, operation, create_collection(name))
    }

    async fn collection(&self, name: &str) -> Result<Option<Collection>> {
        through!(self, Operation::read("describe_collection").control(), collection(name))
    }

    async fn create_from(&self, spec: &IndexSpec, collection: &str) -> Result<()> {
        let operation = Operation::write("create").control().not_idempotent();
        through!(self, operation, create_from(spec, collection))
    }

    async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Upserted> {
        let operation = Operation::write("upsert").within(namespace).carrying(records);
        through!(self, operation, upsert(namespace, records))
    }

    async fn start_import(&self, uri: &str, integration: Option<&str>) -> Result<String> {
        let operation = Operation::write("start_import").not_idempotent();
        through!(self, operation, start_import(uri, integration))
    }

    async fn imports(&self) -> Result<Vec<Import>> {
        through!(self, Operation::read("list_imports"), imports())
    }

    fn request_bytes(&self, record: &Record) -> usize {
        self.inner.request_bytes(record)
    }

    fn rejects(&self, record: &Record, planned: Option<&IndexSpec>) -> Option<Refusal> {
        self.inner.rejects(record, planned)
    }
}

#[async_trait]
impl<L: Layer, I: Admin + ?Sized> Admin for Layered<L, I> {
    async fn configure(&self, change: &IndexChange) -> Result<()> {
        through!(self, Operation::write("configure").control(), configure(change))
    }

    async fn delete_index(&self) -> Result<()> {
        through!(self, Operation::write("delete_index").control(), delete_index())
    }

    async fn delete_collection(&self, name: &str) -> Result<()> {
        through!(self, Operation::write("delete_collection").control(), delete_collection(name))
    }

    async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()> {
        let operation = Operation::write("delete").within(namespace).of(ids.len());
        through!(self, operation, delete(namespace, ids))
    }

    async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()> {
        let operation = Operation::write("delete_matching").within(namespace);
        through!(self, operation, delete_matching(namespace, filter))
    }

    async fn delete_namespace(&self, namespace: &Namespace) -> Result<()> {
        let operation = Operation::write("delete_namespace").within(namespace);
        through!(self, operation, delete_namespace(namespace))
    }

    async fn cancel_import(&self, id: &str) -> Result<()> {
        through!(self, Operation::write("cancel_import"), cancel_import(id))
    }
}
