//! Collections, staging indexes and folders of files: made for a copy, waited for with a deadline, removed again whatever happens.
//!
//! Their names come from the run, so that a process that takes the run up finds what an earlier one made, and a
//! rollback finds what was left between an intent and its effect.

use std::sync::Arc;
use std::time::Duration;

use super::create::wait_index;
use crate::clock::after;
use crate::copy::Mapping;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{IndexSpec, Resource, ResourceKind, Span, StageId};
use crate::plan::CopyStage;
use crate::provider::{Import, Target};
use crate::run::Context;

/// How long a collection and an index made from it may take, where the plan does not say. Pinecone's guide says
/// minutes to hours.
const READY: Duration = Duration::from_secs(4 * 3600);
/// How long a removal may take.
const GONE: Duration = Duration::from_secs(900);
const PAUSE: Duration = Duration::from_secs(2);

/// How long a collection and what is made from it may take to be ready.
pub(super) fn ready_within(copy: &CopyStage) -> Duration {
    copy.asked.ready_within.map_or(READY, |span| span.0)
}

/// How the folder of a copy's files is called, before [`own_name`].
pub(super) const FOLDER: &str = "vecshift-import-";

/// What the names of the resources that a copy of this run makes end with: `-2` of its second copy stage.
pub(super) fn own_name(context: &Context, copy: &CopyStage) -> String {
    let run = context.recorder.with_state(|state| state.run.clone());
    // The end of a run's name is what differs between runs of one moment. Names have at most 45 characters.
    let end: String = run.chars().skip(run.chars().count().saturating_sub(16)).collect();
    match copy.number {
        1 => end,
        number => format!("{end}-{number}"),
    }
}

fn collection(context: &Context, copy: &CopyStage) -> Resource {
    let name = format!("vecshift-{}", own_name(context, copy));
    Resource { kind: ResourceKind::Collection, name }
}

fn staging_index(context: &Context, copy: &CopyStage) -> Resource {
    let name = format!("vecshift-staging-{}", own_name(context, copy));
    Resource { kind: ResourceKind::StagingIndex, name }
}

/// A collection of the source that is ready; its name.
///
/// # Errors
/// `Refused` where it ends in a failed state, `Timeout` where it is not ready in time.
pub(super) async fn make_collection(context: &Context, copy: &CopyStage) -> Result<String> {
    let resource = collection(context, copy);
    let name = resource.name.clone();
    let source = &context.world.retiring;
    if source.collection(&name).await?.is_none() {
        intend(context, &resource)?;
        match source.create_collection(&name).await {
            // The answer to an earlier try may have been lost.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    let limit = ready_within(copy);
    let deadline = after(context.clock.now(), limit);
    loop {
        let seen = source.collection(&name).await?;
        match seen {
            Some(seen) if seen.is_ready() => break,
            Some(seen) if seen.has_failed() => {
                let message = format!("the collection `{name}` ended in the state {}", seen.state);
                return Err(Error::new(ErrorKind::Refused, message).with_hint(OTHER_WAY));
            }
            Some(_) | None if context.clock.now() >= deadline => {
                return Err(late(&format!("the collection `{name}`"), limit));
            }
            _ => context.sleep(PAUSE).await?,
        }
    }
    made(context, resource)?;
    Ok(name)
}

const OTHER_WAY: &str =
    "roll back, which removes it, and run again; or copy record by record: `strategy: stream`";

pub(super) fn late(what: &str, limit: Duration) -> Error {
    let message = format!("{what} was not ready within {}", Span(limit));
    Error::new(ErrorKind::Timeout, message).with_hint(
        "run the same command again to go on waiting; give it longer with `ready_within` of the copy stage; or \
         roll back, which removes it",
    )
}

/// An index that lists the source's ids: made from a collection, which is removed when it holds every record.
///
/// # Errors
/// As [`make_collection`]; `Timeout` where the records do not appear in time.
pub(super) async fn make_staging(
    context: &Context,
    copy: &CopyStage,
    source: &IndexSpec,
    target: &IndexSpec,
    mappings: &[Mapping],
) -> Result<(String, Arc<dyn Target>)> {
    let resource = staging_index(context, copy);
    let name = resource.name.clone();
    let index = context.world.open_other(&name)?;
    if index.describe().await?.is_none() {
        let collection = make_collection(context, copy).await?;
        intend(context, &resource)?;
        let spec = IndexSpec {
            name: name.clone(),
            deployment: target.deployment.clone(),
            deletion_protection: false,
            tags: std::collections::BTreeMap::new(),
            ..source.clone()
        };
        match index.create_from(&spec, &collection).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    let limit = ready_within(copy);
    wait_index(context, &*index, limit).await.map_err(|error| match error.kind() {
        ErrorKind::Timeout => late(&format!("the staging index `{name}`"), limit),
        _ => error,
    })?;
    wait_records(context, &*index, mappings, limit, COLLECTED).await?;
    made(context, resource)?;
    remove_of_kind(context, ResourceKind::Collection).await?;
    Ok((name, index))
}

/// What an index is made from, in words, and what to do where it is not enough.
pub(super) const COLLECTED: (&str, &str) = (
    "what was made from the collection",
    "records written after the collection was made are not in it; roll back, and pause writes before the next run",
);

/// Waits until `index` counts as many records in each source namespace of `mappings` as those say. `what` was to bring
/// them.
pub(super) async fn wait_records(
    context: &Context,
    index: &dyn Target,
    mappings: &[Mapping],
    limit: Duration,
    (what, hint): (&str, &'static str),
) -> Result<()> {
    let deadline = after(context.clock.now(), limit);
    loop {
        let counts = index.stats().await?;
        let behind: Vec<String> = mappings
            .iter()
            .filter(|mapping| counts.count(&mapping.source) < mapping.records)
            .map(|mapping| {
                let (name, seen) = (&mapping.source, counts.count(&mapping.source));
                format!("`{name}` shows {seen} of {} records", mapping.records)
            })
            .take(5)
            .collect();
        if behind.is_empty() {
            return Ok(());
        }
        if context.clock.now() >= deadline {
            let message = format!(
                "{what} does not show every record after {}: {}",
                Span(limit),
                behind.join("; ")
            );
            return Err(Error::new(ErrorKind::Timeout, message).with_hint(hint));
        }
        context.sleep(PAUSE).await?;
    }
}

pub(super) fn intend(context: &Context, resource: &Resource) -> Result<()> {
    context.record(Event::ResourceIntended { stage: context.id(), resource: resource.clone() })
}

/// Records that it is there, once.
fn made(context: &Context, resource: Resource) -> Result<()> {
    let stage = context.id();
    let is_ours = context.state()?.resources.contains(&resource);
    if !is_ours {
        return Ok(());
    }
    context.record(Event::ResourceMade { stage, resource })
}

/// Removes every resource that this run made and has not removed.
///
/// # Errors
/// `Timeout` where one is still there after its deadline; those of the provider.
pub(super) async fn remove_all(context: &Context) -> Result<Vec<Resource>> {
    remove(context, |_, _| true).await
}

/// As [`remove_all`], of the stage alone.
pub(super) async fn remove_own(context: &Context) -> Result<Vec<Resource>> {
    let own = context.id();
    remove(context, |stage, _| *stage == own).await
}

async fn remove_of_kind(context: &Context, kind: ResourceKind) -> Result<Vec<Resource>> {
    remove(context, |_, resource| resource.kind == kind).await
}

async fn remove(
    context: &Context,
    is_meant: impl Fn(&StageId, &Resource) -> bool + Send,
) -> Result<Vec<Resource>> {
    let mut left: Vec<(StageId, Resource)> = context.recorder.with_state(|state| {
        let meant = state.resources().filter(|(stage, resource)| is_meant(stage, resource));
        meant.map(|(stage, resource)| (stage.clone(), resource.clone())).collect()
    });
    // What was made from another goes first.
    left.reverse();
    let mut removed = Vec::new();
    for (stage, resource) in left {
        let gone = remove_one(context, &resource).await;
        gone.map_err(|error| error.with_context("resource", &resource))?;
        context.record(Event::ResourceRemoved { stage, resource: resource.clone() })?;
        removed.push(resource);
    }
    Ok(removed)
}

async fn remove_one(context: &Context, resource: &Resource) -> Result<()> {
    let deadline = after(context.clock.now(), GONE);
    let source = &context.world.retiring;
    loop {
        let is_gone = match resource.kind {
            ResourceKind::Collection => {
                let deleted = source.delete_collection(&resource.name).await;
                is_accepted(deleted)? && source.collection(&resource.name).await?.is_none()
            }
            ResourceKind::StagingIndex => {
                let index = context.world.open_other(&resource.name)?;
                is_accepted(index.delete_index().await)? && index.describe().await?.is_none()
            }
            ResourceKind::ImportFolder => is_folder_gone(context, &resource.name).await?,
        };
        if is_gone {
            return Ok(());
        }
        if context.clock.now() >= deadline {
            return Err(Error::new(
                ErrorKind::Timeout,
                format!("{resource} is still there after {}", Span(GONE)),
            ));
        }
        context.sleep(PAUSE).await?;
    }
}

/// Ends what still reads the folder, then removes its files; whether both is done.
async fn is_folder_gone(context: &Context, uri: &str) -> Result<bool> {
    let mut is_read = false;
    for import in imports_of(context, uri).await? {
        if !import.is_complete() && !import.has_failed() {
            context.world.target.cancel_import(&import.id).await?;
            is_read = true;
        }
    }
    if is_read {
        return Ok(false);
    }
    let place = context.world.open_place(uri)?;
    if !place.leaf().starts_with(FOLDER) {
        let message = format!("{uri} is not the folder of a run: nothing is removed from it");
        return Err(Error::new(ErrorKind::Refused, message));
    }
    let files = place.list().await?.into_iter().map(|found| found.path).collect();
    place.remove(files).await?;
    Ok(place.list().await?.is_empty())
}

/// The imports of a folder into the target; none where the target is not there or knows no imports.
pub(super) async fn imports_of(context: &Context, uri: &str) -> Result<Vec<Import>> {
    let same = |other: &str| other.trim_end_matches('/') == uri.trim_end_matches('/');
    match context.world.target.imports().await {
        Ok(imports) => Ok(imports.into_iter().filter(|import| same(&import.uri)).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whether a deletion was taken; a refusal may pass, as one does while something is still being made.
fn is_accepted(deleted: Result<()>) -> Result<bool> {
    match deleted {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::Refused | ErrorKind::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What was removed, for the report: `; removed collection \`a\``, or nothing.
pub(super) fn words(removed: &[Resource]) -> String {
    removed.iter().map(|resource| format!("; removed {resource}")).collect()
}
