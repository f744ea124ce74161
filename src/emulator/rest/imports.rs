//! Bulk imports over REST.

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use crate::emulator::data::{Call, Reply};
use crate::emulator::error::{Answer, Refusal};
use crate::emulator::import::Import;
use crate::emulator::importer;
use crate::emulator::incoming::Incoming;
use crate::pinecone_wire::json::{
    ImportModel, ImportStarted, Int, OnError, Page, Pagination, StartImport,
};

use super::reply::ok;

/// Accepts an integration without effect: buckets are reached with the emulator's own keys.
pub(super) fn start(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let body: StartImport = incoming.read()?;
    let on_error = match body.error_mode.and_then(|mode| mode.on_error) {
        None => OnError::default(),
        Some(word) => OnError::read(&word).ok_or_else(|| {
            Refusal::invalid(format!("errorMode.onError must be abort or continue, got {word}"))
        })?,
    };
    let id = importer::start(call, &body.uri, on_error)?;
    ok(Reply::plain(ImportStarted { id }))
}

pub(super) fn list(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    let page = importer::list(call, incoming.limit()?, incoming.page())?;
    let data = page.items.iter().map(|import| model(import)).collect();
    ok(Reply::plain(Page { data, pagination: Pagination::to(page.next) }))
}

pub(super) fn describe(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    ok(Reply::plain(model(&*importer::find(call, &incoming.name)?)))
}

pub(super) fn cancel(call: &Call, incoming: &Incoming) -> Answer<Response<Body>> {
    importer::cancel(call, &incoming.name)?;
    ok(Reply::plain(json!({})))
}

fn model(import: &Import) -> ImportModel {
    let state = import.state();
    ImportModel {
        id: import.id.clone(),
        uri: import.uri.clone(),
        status: state.status.word().to_owned(),
        created_at: Some(import.created_at.to_string()),
        finished_at: state.finished_at.map(|at| at.to_string()),
        percent_complete: Some(state.percent),
        records_imported: Some(Int(state.records)),
        error: state.error,
    }
}
