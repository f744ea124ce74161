//! The control plane: indexes and collections over REST, as the versions up to 2026-04 speak it.

mod backups;
mod collections;
mod configure;
mod create;
mod model;
mod paging;
mod restores;
mod rules;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::{Answer, Code, Refusal};
use super::operation::Operation;
use super::project::Shared;
use super::rest::Incoming;

/// Answers a request to the control plane.
pub(crate) async fn answer(
    project: &Shared,
    operation: Operation,
    incoming: &Incoming,
) -> Response<Body> {
    let answer = perform(project, operation, incoming).await;
    match answer {
        Ok((status, body)) => render(status, body.as_ref()),
        Err(refusal) => refusal.control(),
    }
}

async fn perform(
    project: &Shared,
    operation: Operation,
    incoming: &Incoming,
) -> Answer<(u16, Option<Value>)> {
    let (name, now) = (incoming.name.as_str(), project.now());
    Ok(match operation {
        Operation::ListIndexes => {
            let models: Vec<_> =
                project.indexes().iter().map(|index| model::index(index, now)).collect();
            (200, Some(json!({ "indexes": models })))
        }
        Operation::CreateIndex => {
            let index = create::create(project, read(&incoming.body)?).await?;
            (201, Some(model::index(&index, now)))
        }
        Operation::DescribeIndex => (200, Some(model::index(&*project.index(name)?, now))),
        Operation::ConfigureIndex => {
            let index = project.index(name)?;
            configure::configure(&index, read(&incoming.body)?)?;
            (202, Some(model::index(&index, now)))
        }
        Operation::DeleteIndex => {
            delete_index(project, name)?;
            (202, None)
        }
        Operation::ListCollections => {
            let models: Vec<_> =
                project.collections().iter().map(|collection| collection.model(now)).collect();
            (200, Some(json!({ "collections": models })))
        }
        Operation::CreateCollection => {
            (201, Some(collections::create(project, read(&incoming.body)?)?))
        }
        Operation::DescribeCollection => (200, Some(project.collection(name)?.model(now))),
        Operation::DeleteCollection => {
            if !project.drop_collection(name) {
                return Err(Refusal::not_found(format!("Collection {name} not found.")));
            }
            (202, None)
        }
        Operation::ListIndexBackups => (200, Some(backups::list_of_index(project, incoming)?)),
        Operation::CreateBackup => (201, Some(backups::create(project, incoming)?)),
        Operation::ListBackups => (200, Some(backups::list(project, incoming)?)),
        Operation::DescribeBackup => (200, Some(backups::describe(project, incoming)?)),
        Operation::DeleteBackup => {
            backups::delete(project, name)?;
            (202, None)
        }
        Operation::CreateIndexFromBackup => {
            (202, Some(restores::create_index(project, incoming).await?))
        }
        Operation::ListRestoreJobs => (200, Some(restores::list(project, incoming)?)),
        Operation::DescribeRestoreJob => (200, Some(restores::describe(project, incoming)?)),
        _ => return Err(Refusal::not_found("not found")),
    })
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
    project.drop_index(name);
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
