//! Backups of serverless indexes.

use crate::emulator::backup::Backup;
use crate::emulator::error::{Answer, Code, Refusal};
use crate::emulator::incoming::Incoming;
use crate::emulator::progress::{Ending, Progress, Stage};
use crate::emulator::project::Shared;
use crate::pinecone_wire::Deployment;
use crate::pinecone_wire::control::schema::Schema;
use crate::pinecone_wire::control::{BackupModel, CreateBackup};
use crate::pinecone_wire::json::{Int, Page};
use crate::pinecone_wire::state::BackupState;
use crate::pinecone_wire::{Version, limits, parameter, words};

use super::{paging, rules, schema};

/// Reads the body; an absent one counts as empty.
fn read_body(incoming: &Incoming) -> Answer<CreateBackup<'_>> {
    if incoming.body.is_empty() {
        return Ok(CreateBackup::default());
    }
    rules::read(&incoming.body)
}

pub(crate) fn create(project: &Shared, incoming: &Incoming) -> Answer<BackupModel> {
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
    backup.name = body.name.map(Into::into);
    backup.description = body.description.map(Into::into);
    let backup = project.backups.put(backup);
    Ok(model(project, &backup, incoming.version))
}

/// Lists the backups of one index. Those of a deleted index are shown on request (2026-07).
pub(crate) fn list_of_index(project: &Shared, incoming: &Incoming) -> Answer<Page<BackupModel>> {
    let name = incoming.name.as_str();
    let version = incoming.version;
    let is_all =
        version.has_schema() && incoming.parameter(parameter::INCLUDE_DELETED) == Some("true");
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

pub(crate) fn list(project: &Shared, incoming: &Incoming) -> Answer<Page<BackupModel>> {
    let show = |backup: &Backup| model(project, backup, incoming.version);
    paging::page(&project.backups, incoming, |_| true, show)
}

pub(crate) fn describe(project: &Shared, incoming: &Incoming) -> Answer<BackupModel> {
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

fn model(project: &Shared, backup: &Backup, version: Version) -> BackupModel {
    let (now, spec) = (project.now(), &backup.spec);
    let is_ready = backup.is_ready(now);
    let (cloud, region) = match Deployment::of(&spec.deployment) {
        Some(Deployment::Serverless { cloud, region }) => (cloud, region),
        _ => Default::default(),
    };
    let model = BackupModel {
        backup_id: backup.id.clone(),
        name: backup.name.clone(),
        description: backup.description.clone(),
        source_index_name: spec.name.clone(),
        source_index_id: backup.source_id.clone(),
        status: state(backup, now, version).word().to_owned(),
        cloud,
        region,
        schema: schema(backup, version),
        record_count: is_ready.then(|| Int(backup.records.count() as u64)),
        namespace_count: is_ready.then_some(Int(backup.records.spaces.len() as u64)),
        size_bytes: is_ready.then_some(Int(backup.bytes as u64)),
        tags: (!spec.tags.is_empty()).then(|| spec.tags.clone()),
        created_at: backup.progress.began.to_string(),
        ..BackupModel::default()
    };
    match version.has_schema() {
        true => BackupModel {
            source_index_deleted_at: project.gone_at(&backup.source_id).map(|at| at.to_string()),
            ..model
        },
        false => BackupModel {
            dimension: spec.dimension.map(|dimension| Int(dimension.into())),
            metric: Some(words::metric(spec.metric).to_owned()),
            ..model
        },
    }
}

/// Returns the schema; up to 2026-04 only the fields that can be filtered on, if there are any.
fn schema(backup: &Backup, version: Version) -> Option<Schema> {
    match version.has_schema() {
        true => Some(schema::of(&backup.spec, &backup.extras)),
        false => backup.extras.schema.as_ref().map(schema::of_metadata),
    }
}

fn state(backup: &Backup, now: crate::clock::Timestamp, version: Version) -> BackupState {
    match backup.progress.stage(now) {
        Stage::UnderWay => BackupState::Initializing,
        Stage::Done => BackupState::Ready,
        Stage::Failed if version.has_schema() => BackupState::InitializationFailed,
        Stage::Failed => BackupState::Failed,
    }
}
