//! Removes what a run made along the way: collections, staging indexes, folders of files, views, probe records.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Duration;

use super::permit::{Permit, Refusal, carry_out, permit};
use super::{Effect, ownership};
use crate::clock::Patience;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Namespace, Resource, ResourceKind, Span};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::store::Import;

/// The prefix of the folder name for a run's files.
const FOLDER: &str = "vecshift-import-";
/// The longest time that a removal may take.
const GONE: Duration = Duration::from_secs(900);
const PAUSE: Duration = Duration::from_secs(2);

/// Asks for the removal once, in the step of this name, and returns whether the resource is gone.
///
/// # Errors
/// A refusal that leaves it alone if it does not belong to this run; `Timeout` if it still exists after the deadline;
/// any error of the provider.
pub(in crate::run) async fn remove_resource(
    context: &Context,
    resource: &Resource,
    step: &str,
) -> Result<bool, Refusal> {
    let effect = Effect::RemoveResource(resource.clone());
    let ask = async {
        let permit = permit(context, &effect).await.map_err(Refusal::of_ownership_alone)?;
        let is_gone =
            remove(context, resource, permit).await.map_err(|error| match resource.kind {
                ResourceKind::View => Refusal::of_another(error),
                _ => Refusal::from(error),
            })?;
        Ok::<_, Refusal>(if is_gone { Break(()) } else { Continue(()) })
    };
    let patience = Patience { limit: GONE, pause: PAUSE };
    let seen = context.look_again(step, patience, ask, |()| still_there(resource)).await?;
    Ok(seen.is_some())
}

fn still_there(resource: &Resource) -> Error {
    let message = format!("{resource} is still there after {}", Span(GONE));
    Error::new(ErrorKind::Timeout, message)
}

/// Asks for the removal once and returns whether the resource is gone.
async fn remove(context: &Context, resource: &Resource, _: Permit) -> Result<bool> {
    let hands = &context.world.hands;
    match resource.kind {
        ResourceKind::Collection => {
            let source = hands.source();
            let deleted = source.must_discard()?.delete_collection(&resource.name).await;
            Ok(is_accepted(deleted)?
                && source.must_freeze()?.collection(&resource.name).await?.is_none())
        }
        ResourceKind::StagingIndex => {
            let index = hands.other(&resource.name)?;
            Ok(is_accepted(index.must_remove()?.delete_index().await)?
                && index.describe().await?.is_none())
        }
        ResourceKind::ImportFolder => is_folder_gone(context, &resource.name).await,
        ResourceKind::View => {
            let made = context.state.made(resource).cloned();
            let view = made.and_then(|made| made.view);
            if let (Some(view), Some(views)) = (view, context.world.source.views()) {
                views.close(&view).await?;
            }
            Ok(true)
        }
    }
}

/// Cancels imports that still read the folder, then removes its files. Returns whether both are done.
async fn is_folder_gone(context: &Context, uri: &str) -> Result<bool> {
    let mut is_read = false;
    for import in imports_of(context, uri).await? {
        if !import.is_complete() && !import.has_failed() {
            is_accepted(
                context.world.hands.target().must_discard()?.cancel_import(&import.id).await,
            )?;
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
    context.world.fence.pass().await?;
    place.remove(files).await?;
    Ok(place.list().await?.is_empty())
}

/// Returns the imports from a folder into the target; empty if the target does not exist or does not support imports.
pub(in crate::run) async fn imports_of(context: &Context, uri: &str) -> Result<Vec<Import>> {
    let same = |other: &str| other.trim_end_matches('/') == uri.trim_end_matches('/');
    let Some(bulk) = context.world.target.bulk() else { return Ok(Vec::new()) };
    match bulk.imports().await {
        Ok(imports) => Ok(imports.into_iter().filter(|import| same(&import.uri)).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Returns whether a request was accepted. A refusal may be temporary, such as while a resource is still being made,
/// and so may a service that is unavailable.
fn is_accepted(asked: Result<()>) -> Result<bool> {
    match asked {
        Ok(()) => Ok(true),
        Err(error) if error.is_retryable() => Ok(false),
        Err(error) if matches!(error.kind(), ErrorKind::Refused | ErrorKind::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a namespace that holds nothing but this run's probe records.
pub(in crate::run) async fn remove_probe(context: &Context, namespace: &Namespace) -> Result<()> {
    let effect = Effect::RemoveProbe(namespace.clone());
    let remove = |permit| Box::pin(delete_namespace(context, permit)) as _;
    Ok(carry_out(context, &effect, remove).await?)
}

/// Removes what a process of this run that was killed left of its probes.
///
/// # Errors
/// Those of the provider; a target that is not the run's is left alone.
pub(in crate::run) async fn remove_probes(context: &Context) -> Result<()> {
    let target = &context.world.target;
    if !target.describe().await?.is_some_and(|seen| seen.ready) {
        return Ok(());
    }
    let held = target.stats().await?.namespaces.into_keys();
    for namespace in held.filter(|namespace| ownership::is_probe(context, namespace)) {
        let effect = Effect::RemoveProbe(namespace);
        let remove = |permit| Box::pin(delete_namespace(context, permit)) as _;
        match carry_out(context, &effect, remove).await {
            Err(refusal) if refusal.leaves_it_alone() => {}
            removed => removed?,
        }
    }
    Ok(())
}

async fn delete_namespace(context: &Context, permit: Permit) -> Result<()> {
    let Effect::RemoveProbe(namespace) = permit.effect() else { return Ok(()) };
    context.world.hands.target().must_remove()?.delete_namespace(namespace).await
}

/// The name of the folder for a copy's files.
pub(in crate::run) fn folder_name(context: &Context, copy: &CopyStage) -> String {
    format!("{FOLDER}{}", ownership::own_name(context, copy))
}
