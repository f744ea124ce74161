//! Indexes made from a backup, and the jobs that make them.

use std::sync::OnceLock;

use crate::emulator::backup::Backup;
use crate::emulator::capacity::Wanted;
use crate::emulator::error::{Answer, Code, Refusal};
use crate::emulator::incoming::Incoming;
use crate::emulator::index::Extras;
use crate::emulator::progress::{Ending, Progress};
use crate::emulator::project::{NewIndex, Shared};
use crate::emulator::restore::Restore;
use crate::model::IndexSpec;
use crate::pinecone_wire::Version;
use crate::pinecone_wire::control::{RestoreBackup, RestoreJob, RestoreStarted};
use crate::pinecone_wire::json::Page;
use crate::pinecone_wire::state::RestoreState;

use super::{backups, paging, rules};

/// Starts a restore; answers with the ids of the job and of the index.
pub(crate) async fn create_index(project: &Shared, incoming: &Incoming) -> Answer<RestoreStarted> {
    let body: RestoreBackup = rules::read(&incoming.body)?;
    rules::check_name("Index name", &body.name)?;
    let id = incoming.name.as_str();
    let backup = project.backups.find(id).ok_or_else(|| backups::not_found(id))?;
    if !backup.is_ready(project.now()) {
        let message = format!("Backup {id} is not ready.");
        return Err(Refusal::new(400, Code::FailedPrecondition, message));
    }
    let asked = body.read_capacity.as_ref().filter(|_| incoming.version.has_schema());
    let read_capacity = Wanted::read(asked)?;
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
    Ok(RestoreStarted { restore_job_id: restore.id.clone(), index_id: restore.target_id.clone() })
}

/// Returns the specification of the restored index: the backup's under a new name, with its tags unless others are
/// given.
fn spec_of(backup: &Backup, body: RestoreBackup, version: Version) -> Answer<IndexSpec> {
    let mut spec = backup.spec.clone();
    spec.name = body.name.into_owned();
    if let Some(tags) = body.tags {
        spec.tags.clear();
        rules::merge_tags(&mut spec.tags, tags, version)?;
    }
    let protection = rules::read_protection(body.deletion_protection.as_deref())?;
    spec.deletion_protection = protection.unwrap_or_default();
    Ok(spec)
}

pub(crate) fn list(project: &Shared, incoming: &Incoming) -> Answer<Page<RestoreJob>> {
    let show = |restore: &Restore| model(project, restore, incoming.version);
    paging::page(&project.restores, incoming, |_| true, show)
}

pub(crate) fn describe(project: &Shared, incoming: &Incoming) -> Answer<RestoreJob> {
    let id = incoming.name.as_str();
    let found = project.restores.find(id);
    let restore =
        found.ok_or_else(|| Refusal::not_found(format!("Restore job {id} not found.")))?;
    Ok(model(project, &restore, incoming.version))
}

fn model(project: &Shared, restore: &Restore, version: Version) -> RestoreJob {
    let now = project.now();
    let state = restore.state(now);
    // Versions from 2026-07 on report no progress before the end.
    let is_told = state == RestoreState::Completed || !version.has_schema();
    RestoreJob {
        restore_job_id: restore.id.clone(),
        backup_id: restore.backup.clone(),
        target_index_name: restore.target_name.clone(),
        target_index_id: restore.target_id.clone(),
        status: state.word().to_owned(),
        created_at: restore.progress.began.to_string(),
        completed_at: restore.ended_at(now).map(|ended| ended.to_string()),
        percent_complete: is_told.then(|| restore.progress.percent(now)),
    }
}
