//! Backups of serverless indexes.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::emulator::backup::Backup;
use crate::emulator::error::{Answer, Code, Refusal};
use crate::emulator::progress::{Ending, Progress, Stage};
use crate::emulator::project::Shared;
use crate::emulator::rest::Incoming;
use crate::model::{Deployment, VectorType};
use crate::pinecone_wire::{Version, limits};

use super::{paging, read, schema};

#[derive(Default, Deserialize)]
struct BackupBody {
    name: Option<String>,
    description: Option<String>,
}

/// A body that is absent is an empty one.
fn read_body(incoming: &Incoming) -> Answer<BackupBody> {
    if incoming.body.is_empty() {
        return Ok(BackupBody::default());
    }
    read(&incoming.body)
}

pub(crate) fn create(project: &Shared, incoming: &Incoming) -> Answer<Value> {
    let body = read_body(incoming)?;
    let (index, now) = (project.index(&incoming.name)?, project.now());
    if index.is_pod {
        return Err(Refusal::invalid("Backups can only be created from serverless indexes."));
    }
    if !index.is_ready(now) {
        return Err(Refusal::invalid(format!("Source index {} is not ready.", index.name)));
    }
    if project.backups.all().len() >= limits::BACKUPS {
        let message = "Increase your quota or upgrade to create more backups.";
        return Err(Refusal::new(403, Code::Forbidden, message));
    }
    let progress = Progress::new(now, project.options.backup_ready_after, Ending::Well);
    let mut backup = Backup::of(project.ids.next(), &index, now, progress);
    backup.name = body.name;
    backup.description = body.description;
    let backup = project.backups.put(backup);
    Ok(model(project, &backup, incoming.version))
}

/// Backups of one index. Those of an index that is gone are shown on request (2026-07).
pub(crate) fn list_of_index(project: &Shared, incoming: &Incoming) -> Answer<Value> {
    let name = incoming.name.as_str();
    let version = incoming.version;
    let is_all = version.has_schema() && incoming.parameter("include_deleted") == Some("true");
    let index = project.find(name);
    if index.is_none() && !is_all {
        return Err(Refusal::not_found(format!("Index {name} not found.")));
    }
    let is_wanted = |backup: &Backup| {
        let is_of_index = index.as_ref().is_some_and(|index| index.id == backup.source_id);
        is_of_index || is_all && backup.spec.name == name
    };
    paging::page(&project.backups, incoming, is_wanted, |backup| model(project, backup, version))
}

pub(crate) fn list(project: &Shared, incoming: &Incoming) -> Answer<Value> {
    let show = |backup: &Backup| model(project, backup, incoming.version);
    paging::page(&project.backups, incoming, |_| true, show)
}

pub(crate) fn describe(project: &Shared, incoming: &Incoming) -> Answer<Value> {
    let backup = project.backups.find(&incoming.name).ok_or_else(|| not_found(&incoming.name))?;
    Ok(model(project, &backup, incoming.version))
}

pub(crate) fn delete(project: &Shared, id: &str) -> Answer<()> {
    let now = project.now();
    project.backups.find(id).ok_or_else(|| not_found(id))?;
    let pending: Vec<_> = project
        .restores
        .all()
        .iter()
        .filter(|restore| restore.backup == id && restore.is_pending(now))
        .map(|restore| format!("'{}'", restore.id))
        .collect();
    if !pending.is_empty() {
        let message = format!(
            "Unable to delete backup. There are pending restore jobs for this backup: [{}]",
            pending.join(", ")
        );
        return Err(Refusal::new(412, Code::FailedPrecondition, message));
    }
    project.backups.remove(id);
    Ok(())
}

pub(crate) fn not_found(id: &str) -> Refusal {
    Refusal::not_found(format!("Backup {id} not found."))
}

fn model(project: &Shared, backup: &Backup, version: Version) -> Value {
    let now = project.now();
    let (cloud, region) = match &backup.spec.deployment {
        Deployment::Serverless { cloud, region } => (cloud.as_str(), region.as_str()),
        _ => ("", ""),
    };
    let mut model = json!({
        "backup_id": backup.id,
        "source_index_name": backup.spec.name,
        "source_index_id": backup.source_id,
        "status": status(backup, now, version),
        "cloud": cloud,
        "region": region,
        "created_at": backup.progress.began.to_string(),
    });
    let optional = [("name", &backup.name), ("description", &backup.description)];
    for (key, value) in optional {
        if let Some(value) = value {
            model[key] = json!(value);
        }
    }
    if backup.is_ready(now) {
        model["record_count"] = json!(backup.records.count());
        model["namespace_count"] = json!(backup.records.spaces.len());
        model["size_bytes"] = json!(backup.bytes);
    }
    if !backup.spec.tags.is_empty() {
        model["tags"] = json!(backup.spec.tags);
    }
    match version.has_schema() {
        true => {
            let fields = schema::fields(&backup.spec, &backup.extras);
            model["schema"] = json!({ "fields": fields });
            if let Some(gone) = project.gone_at(&backup.source_id) {
                model["source_index_deleted_at"] = json!(gone.to_string());
            }
        }
        false => {
            if let Some(schema) = &backup.extras.schema {
                model["schema"] = schema.clone();
            }
            model["metric"] = json!(backup.spec.metric.name());
            if backup.spec.vector_type == VectorType::Dense {
                model["dimension"] = json!(backup.spec.dimension);
            }
        }
    }
    model
}

fn status(backup: &Backup, now: crate::clock::Timestamp, version: Version) -> &'static str {
    match backup.progress.stage(now) {
        Stage::UnderWay => "Initializing",
        Stage::Done => "Ready",
        Stage::Failed if version.has_schema() => "InitializationFailed",
        Stage::Failed => "Failed",
    }
}
