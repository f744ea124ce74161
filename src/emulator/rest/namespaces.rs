//! Namespaces over REST: these bodies are in snake_case.

use axum::body::Body;
use axum::http::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::emulator::data::{Call, NamespaceView, Reply};
use crate::emulator::error::Answer;
use crate::model::Namespace;
use crate::pinecone_wire::Version;

use super::{Incoming, add, ok, pagination};

#[derive(Deserialize)]
struct NamespaceBody {
    name: String,
    schema: Option<Value>,
}

pub(super) fn create(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: NamespaceBody = incoming.read()?;
    let view = call.create_namespace(&body.name, body.schema.as_ref())?;
    ok(Reply::plain(shown(call, &view, incoming.version)))
}

pub(super) fn describe(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let view = call.describe_namespace(&Namespace::new(&incoming.name))?;
    ok(Reply::plain(shown(call, &view, incoming.version)))
}

pub(super) fn delete(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    call.delete_namespace(&Namespace::new(&incoming.name))?;
    ok(Reply::plain(json!({})))
}

pub(super) fn list(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let prefix = incoming.parameter("prefix").unwrap_or_default();
    let token = incoming.parameter("paginationToken");
    let (page, total) = call.list_namespaces(prefix, incoming.number("limit")?, token)?;
    let views: Vec<_> = page.items.iter().map(|view| shown(call, view, incoming.version)).collect();
    let mut body = json!({ "namespaces": views, "total_count": total });
    add(&mut body, "pagination", pagination(page.next.as_deref()));
    ok(Reply::plain(body))
}

fn shown(call: &Call, view: &NamespaceView, version: Version) -> Value {
    let mut body = json!({ "name": view.name, "record_count": view.record_count });
    if version.has_schema() {
        body["size_bytes"] = json!(call.namespace_bytes(&view.name));
    }
    if let Some(fields) = &view.filterable {
        let entries = fields.iter().map(|name| (name.clone(), json!({ "filterable": true })));
        body["schema"] = json!({ "fields": serde_json::Map::from_iter(entries) });
        body["indexed_fields"] = json!({ "fields": fields });
    }
    body
}
