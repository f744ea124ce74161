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
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::{Answer, Code, Refusal};
use super::index::Index;
use super::project::Shared;
use super::rest::Incoming;
use crate::clock::Timestamp;
use crate::pinecone_wire::Operation;
use crate::pinecone_wire::Version;

/// Answers a request to the control plane.
pub(crate) async fn answer(
    project: &Shared,
    operation: Operation,
    incoming: &Incoming,
) -> Response<Body> {
    let answer = perform(project, operation, incoming).await;
    match answer {
        Ok(body) => render(operation.success(incoming.version), body.as_ref()),
        Err(refusal) => refusal.control(),
    }
}

async fn perform(
    project: &Shared,
    operation: Operation,
    incoming: &Incoming,
) -> Answer<Option<Value>> {
    let (name, now, version) = (incoming.name.as_str(), project.now(), incoming.version);
    Ok(match operation {
        Operation::ListIndexes => {
            let indexes = project.indexes();
            let models: Vec<_> = indexes.iter().map(|index| shown(index, now, version)).collect();
            Some(json!({ "indexes": models }))
        }
        Operation::CreateIndex => {
            let (spec, extras) = match version.has_schema() {
                true => schema::read(&incoming.body, || made_up_name(project))?,
                false => create::read(&incoming.body, version)?,
            };
            let index = create::create(project, spec, extras).await?;
            Some(shown(&index, now, version))
        }
        Operation::DescribeIndex => Some(shown(&*project.index(name)?, now, version)),
        Operation::ConfigureIndex => {
            let index = project.index(name)?;
            let change = match version.has_schema() {
                true => schema::configure(&incoming.body)?,
                false => configure::configure(&incoming.body)?,
            };
            change.apply(&index, now, project.options.ready_after, version)?;
            Some(shown(&index, now, version))
        }
        Operation::DeleteIndex => {
            delete_index(project, name)?;
            None
        }
        Operation::ListCollections => {
            let models: Vec<_> =
                project.collections().iter().map(|collection| collection.model(now)).collect();
            Some(json!({ "collections": models }))
        }
        Operation::CreateCollection => Some(collections::create(project, read(&incoming.body)?)?),
        Operation::DescribeCollection => Some(project.collection(name)?.model(now)),
        Operation::DeleteCollection => {
            if !project.drop_collection(name) {
                return Err(Refusal::not_found(format!("Collection {name} not found.")));
            }
            None
        }
        Operation::ListIndexBackups => Some(backups::list_of_index(project, incoming)?),
        Operation::CreateBackup => Some(backups::create(project, incoming)?),
        Operation::ListBackups => Some(backups::list(project, incoming)?),
        Operation::DescribeBackup => Some(backups::describe(project, incoming)?),
        Operation::DeleteBackup => {
            backups::delete(project, name)?;
            None
        }
        Operation::CreateIndexFromBackup => Some(restores::create_index(project, incoming).await?),
        Operation::ListRestoreJobs => Some(restores::list(project, incoming)?),
        Operation::DescribeRestoreJob => Some(restores::describe(project, incoming)?),
        _ => return Err(Refusal::not_found("not found")),
    })
}

fn shown(index: &Index, now: Timestamp, version: Version) -> Value {
    if version.has_schema() { schema::index(index, now) } else { model::index(index, now, version) }
}

/// The name of an index whose creator gave none.
fn made_up_name(project: &Shared) -> String {
    let id = project.ids.next();
    format!("index-{}", id.split('-').next().unwrap_or_default())
}

fn delete_index(project: &Shared, name: &str) -> Answer<()> {
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
    project.delete(&index);
    Ok(())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Answer<T> {
    serde_json::from_slice(body).map_err(Refusal::unreadable)
}

fn render(status: u16, body: Option<&Value>) -> Response<Body> {
    let text = body.map(Value::to_string).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    if body.is_some() {
        let kind = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}
