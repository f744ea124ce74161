//! The control plane over REST: indexes, collections, backups and restore jobs.
//!
//! Versions up to 2026-04 speak of `dimension`, `metric` and `spec` (`create`, `configure`, `model`), 2026-07 of
//! `schema` and `deployment` (`schema/`); behind both are the same indexes.

mod backups;
mod collections;
mod configure;
mod create;
mod model;
mod paging;
mod restores;
mod rules;
mod schema;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use super::error::{Answer, Code, Refusal};
use super::incoming::Incoming;
use super::index::Index;
use super::project::Shared;
use crate::clock::Timestamp;
use crate::model::IndexSpec;
use crate::pinecone_wire::control::{self as wire, Collections};
use crate::pinecone_wire::{Operation, Version};

/// Answers a request to the control plane.
pub(crate) async fn answer(
    project: &Shared,
    operation: Operation,
    incoming: &Incoming,
) -> Response<Body> {
    match perform(project, operation, incoming).await {
        Ok(body) => render(operation.success(incoming.version), body),
        Err(refusal) => refusal.control(),
    }
}

/// The body of an answer: JSON, or nothing.
type Text = Option<Vec<u8>>;

async fn perform(project: &Shared, operation: Operation, incoming: &Incoming) -> Answer<Text> {
    let (name, now, version) = (incoming.name.as_str(), project.now(), incoming.version);
    match operation {
        Operation::ListIndexes => list_indexes(project, version),
        Operation::CreateIndex => {
            let (spec, extras) = match version.has_schema() {
                true => schema::read(&incoming.body, || made_up_name(project))?,
                false => create::read(&incoming.body, version)?,
            };
            shown(&*create::create(project, spec, extras).await?, now, version)
        }
        Operation::DescribeIndex => shown(&*project.index(name)?, now, version),
        Operation::ConfigureIndex => {
            let index = project.index(name)?;
            // What is kept last is what holds.
            let _one_at_a_time = project.creating.lock().await;
            let change = match version.has_schema() {
                true => schema::configure(&incoming.body)?,
                false => configure::configure(&incoming.body)?,
            };
            change.apply(&index, now, project.options.ready_after, version)?;
            project.keep_settings(&index).await?;
            shown(&index, now, version)
        }
        Operation::DeleteIndex => delete_index(project, name).await.map(|()| None),
        Operation::ListCollections => {
            let collections = project.collections();
            let collections = collections.iter().map(|collection| collection.model(now)).collect();
            text(&Collections { collections })
        }
        Operation::CreateCollection => {
            text(&collections::create(project, rules::read(&incoming.body)?)?)
        }
        Operation::DescribeCollection => text(&project.collection(name)?.model(now)),
        Operation::DeleteCollection => match project.drop_collection(name) {
            true => Ok(None),
            false => Err(Refusal::not_found(format!("Collection {name} not found."))),
        },
        Operation::ListIndexBackups => text(&backups::list_of_index(project, incoming)?),
        Operation::CreateBackup => text(&backups::create(project, incoming)?),
        Operation::ListBackups => text(&backups::list(project, incoming)?),
        Operation::DescribeBackup => text(&backups::describe(project, incoming)?),
        Operation::DeleteBackup => backups::delete(project, name).map(|()| None),
        Operation::CreateIndexFromBackup => text(&restores::create_index(project, incoming).await?),
        Operation::ListRestoreJobs => text(&restores::list(project, incoming)?),
        Operation::DescribeRestoreJob => text(&restores::describe(project, incoming)?),
        _ => Err(Refusal::not_found("not found")),
    }
}

fn text(body: &impl Serialize) -> Answer<Text> {
    let text = serde_json::to_vec(body);
    text.map(Some).map_err(|error| Refusal::new(500, Code::Internal, error.to_string()))
}

fn list_indexes(project: &Shared, version: Version) -> Answer<Text> {
    let (indexes, now) = (project.indexes(), project.now());
    match version.has_schema() {
        true => {
            let indexes = indexes.iter().map(|index| schema::index(index, now)).collect();
            text(&wire::schema::Indexes { indexes })
        }
        false => {
            let indexes = indexes.iter().map(|index| model::index(index, now, version)).collect();
            text(&wire::Indexes { indexes })
        }
    }
}

fn shown(index: &Index, now: Timestamp, version: Version) -> Answer<Text> {
    match version.has_schema() {
        true => text(&schema::index(index, now)),
        false => text(&model::index(index, now, version)),
    }
}

/// Makes up a name for an index created without one.
fn made_up_name(project: &Shared) -> String {
    let id = project.ids.next();
    format!("index-{}", id.split('-').next().unwrap_or_default())
}

async fn delete_index(project: &Shared, name: &str) -> Answer<()> {
    let (index, now) = (project.index(name)?, project.now());
    if index.spec().deletion_protection {
        let message = format!(
            "Deletion protection is enabled for this index: disable it before deleting {name}."
        );
        return Err(Refusal::new(403, Code::Forbidden, message));
    }
    let pending = project
        .collections()
        .into_iter()
        .find(|collection| collection.is_pending_of(&index.name, now));
    if let Some(collection) = pending {
        let message = format!("Index {name} has the pending collection {}.", collection.name);
        return Err(Refusal::new(412, Code::FailedPrecondition, message));
    }
    project.delete(&index).await
}

/// Checks that there can be such an index, as for one that a client asks for.
pub(crate) fn check_index(spec: &IndexSpec) -> Answer<()> {
    rules::check_name("Index name", &spec.name)?;
    create::check_shape(spec.vector_type, spec.dimension, Some(spec.metric))
}

fn render(status: u16, body: Text) -> Response<Body> {
    let is_json = body.is_some();
    let mut response = Response::new(Body::from(body.unwrap_or_default()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    if is_json {
        let kind = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}
