//! Making an index from a backup, and the jobs that do it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::emulator::backup::Backup;
use crate::emulator::capacity::ReadCapacity;
use crate::emulator::error::{Answer, Code, Refusal};
use crate::emulator::index::Extras;
use crate::emulator::progress::{Ending, Progress};
use crate::emulator::project::{NewIndex, Shared};
use crate::emulator::rest::Incoming;
use crate::emulator::restore::Restore;
use crate::model::IndexSpec;
use crate::pinecone_wire::Version;

use super::{backups, paging, read, rules};

#[derive(Deserialize)]
struct RestoreBody {
    name: String,
    tags: Option<BTreeMap<String, String>>,
    deletion_protection: Option<String>,
    /// The capacity for reads, in versions from 2026-07 on.
    read_capacity: Option<Value>,
}

/// Answers with the ids of the job and of the index.
pub(crate) async fn create_index(project: &Shared, incoming: &Incoming) -> Answer<Value> {
    let body: RestoreBody = read(&incoming.body)?;
    rules::check_name("Index name", &body.name)?;
    let id = incoming.name.as_str();
    let backup = project.backups.find(id).ok_or_else(|| backups::not_found(id))?;
    if !backup.is_ready(project.now()) {
        let message = format!("Backup {id} is not ready.");
        return Err(Refusal::new(400, Code::FailedPrecondition, message));
    }
    let asked = body.read_capacity.as_ref().filter(|_| incoming.version.has_schema());
    let read_capacity = asked.map(ReadCapacity::read).transpose()?.unwrap_or_default();
    let spec = spec_of(&backup, body, incoming.version)?;
    let ending = Ending::from(project.dice.faults().restore);
    let progress = Progress::new(project.now(), project.options.restore_ready_after, ending);
    let extras = Extras {
        source_backup: Some(backup.id.clone()),
        source_collection: None,
        read_capacity,
        ..backup.extras.clone()
    };
    let records = backup.records.snapshot();
    let new = NewIndex { spec, extras, records, progress, is_made_by_client: true };
    let index = project.create(new).await?;
    let restore = project.restores.put(Restore {
        id: project.ids.next(),
        backup: backup.id.clone(),
        target_name: index.name.clone(),
        target_id: index.id.clone(),
        progress,
        cancelled_at: OnceLock::new(),
    });
    Ok(json!({ "restore_job_id": restore.id, "index_id": restore.target_id }))
}

/// The backup's index under a new name; its tags unless others are given.
fn spec_of(backup: &Backup, body: RestoreBody, version: Version) -> Answer<IndexSpec> {
    let mut spec = backup.spec.clone();
    spec.name = body.name;
    if let Some(tags) = body.tags {
        spec.tags.clear();
        rules::merge_tags(&mut spec.tags, tags, version)?;
    }
    let protection = body.deletion_protection.as_deref().unwrap_or("disabled");
    spec.deletion_protection = rules::read_switch("deletion_protection", protection)?;
    Ok(spec)
}

pub(crate) fn list(project: &Shared, incoming: &Incoming) -> Answer<Value> {
    let show = |restore: &Restore| model(project, restore, incoming.version);
    paging::page(&project.restores, incoming, |_| true, show)
}

pub(crate) fn describe(project: &Shared, incoming: &Incoming) -> Answer<Value> {
    let id = incoming.name.as_str();
    let found = project.restores.find(id);
    let restore =
        found.ok_or_else(|| Refusal::not_found(format!("Restore job {id} not found.")))?;
    Ok(model(project, &restore, incoming.version))
}

fn model(project: &Shared, restore: &Restore, version: Version) -> Value {
    let now = project.now();
    let status = restore.status(now);
    let mut model = json!({
        "restore_job_id": restore.id,
        "backup_id": restore.backup,
        "target_index_name": restore.target_name,
        "target_index_id": restore.target_id,
        "status": status,
        "created_at": restore.progress.began.to_string(),
    });
    if let Some(ended) = restore.ended_at(now) {
        model["completed_at"] = json!(ended.to_string());
    }
    // Versions from 2026-07 on tell no progress before the end.
    if status == "Completed" || !version.has_schema() {
        model["percent_complete"] = json!(restore.progress.percent(now));
    }
    model
}
