//! Namespaces over REST.

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use crate::emulator::data::{Call, NamespaceView, Reply};
use crate::emulator::error::Answer;
use crate::emulator::incoming::Incoming;
use crate::model::Namespace;
use crate::pinecone_wire::json::{
    CreateNamespace, IndexedFields, Int, MetadataSchema, NamespaceModel, Namespaces, Pagination,
};
use crate::pinecone_wire::{Version, parameter};

use super::reply::ok;

pub(super) fn create(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: CreateNamespace = incoming.read()?;
    let view = call.create_namespace(&body.name, body.schema.as_ref())?;
    ok(Reply::plain(shown(call, view, incoming.version)))
}

pub(super) fn describe(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let view = call.describe_namespace(&Namespace::new(&incoming.name))?;
    ok(Reply::plain(shown(call, view, incoming.version)))
}

pub(super) fn delete(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    call.delete_namespace(&Namespace::new(&incoming.name))?;
    ok(Reply::plain(json!({})))
}

pub(super) fn list(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let prefix = incoming.parameter(parameter::PREFIX).unwrap_or_default();
    let (page, total) = call.list_namespaces(prefix, incoming.limit()?, incoming.page())?;
    let shown = |view| shown(call, view, incoming.version);
    ok(Reply::plain(Namespaces {
        namespaces: page.items.into_iter().map(shown).collect(),
        pagination: Pagination::to(page.next),
        total_count: Int(total as u64),
    }))
}

fn shown(call: &Call, view: NamespaceView, version: Version) -> NamespaceModel {
    NamespaceModel {
        size_bytes: version.has_schema().then(|| Int(call.namespace_bytes(&view.name))),
        name: view.name,
        record_count: Int(view.record_count),
        schema: view.filterable.as_deref().map(MetadataSchema::of),
        indexed_fields: view.filterable.map(|fields| IndexedFields { fields }),
    }
}
