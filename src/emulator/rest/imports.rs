//! Bulk imports over REST.

use axum::body::Body;
use axum::http::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::emulator::data::{Call, Reply};
use crate::emulator::error::Answer;
use crate::emulator::import::Import;

use super::{Incoming, add, ok, pagination};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartBody {
    uri: String,
    error_mode: Option<ErrorMode>,
    /// The id of an integration, which has nothing behind it here; buckets are reached with the emulator's own keys.
    #[serde(rename = "integrationId")]
    _integration: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorMode {
    on_error: Option<String>,
}

pub(super) fn start(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: StartBody = incoming.read()?;
    let on_error = body.error_mode.and_then(|mode| mode.on_error);
    let id = call.start_import(&body.uri, on_error.as_deref())?;
    ok(Reply::plain(json!({ "id": id })))
}

pub(super) fn list(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let token = incoming.parameter("paginationToken");
    let page = call.list_imports(incoming.number("limit")?, token)?;
    let models: Vec<_> = page.items.iter().map(|import| model(import)).collect();
    let mut body = json!({ "data": models });
    add(&mut body, "pagination", pagination(page.next.as_deref()));
    ok(Reply::plain(body))
}

pub(super) fn describe(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    ok(Reply::plain(model(&*call.describe_import(&incoming.name)?)))
}

pub(super) fn cancel(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    call.cancel_import(&incoming.name)?;
    ok(Reply::plain(json!({})))
}

fn model(import: &Import) -> Value {
    let state = import.state();
    let mut model = json!({
        "id": import.id,
        "uri": import.uri,
        "status": state.status.name(),
        "createdAt": import.created_at.to_string(),
        "percentComplete": state.percent,
        "recordsImported": state.records,
    });
    add(&mut model, "finishedAt", state.finished_at.map(|at| json!(at.to_string())));
    add(&mut model, "error", state.error.map(Value::from));
    model
}
