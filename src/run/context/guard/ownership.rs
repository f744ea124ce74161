//! Checks that this run made what is to be removed. An intent is not enough: the service must have confirmed it.

use super::Effect;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{Namespace, RUN_TAG, Resource, ResourceKind, ResourceSeen};
use crate::plan::CopyStage;
use crate::run::Context;

/// The prefix of probe namespaces.
const PROBES: &str = "vecshift-";

pub(super) async fn look(context: &Context, effect: &Effect) -> Result<()> {
    match effect {
        Effect::DeleteTarget { index, .. } => {
            let is_ours = context.stage_state()?.created_index.as_ref() == Some(index);
            must_be(is_ours, format!("the index `{index}` was not made by this run"))
        }
        Effect::RemoveResource(resource) => of_this_run(context, resource).await,
        Effect::RemoveProbe(namespace) => must_be(
            is_probe(context, namespace),
            format!("`{namespace}` is no namespace of this run's probes"),
        ),
        Effect::DeleteSource(_) | Effect::ChangeProtection { .. } | Effect::SetWeight(_) => Ok(()),
    }
}

fn must_be(is_ours: bool, message: String) -> Result<()> {
    match is_ours {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Refused, message)),
    }
}

/// Checks that the resource's name identifies the run, that the tag of an index does too, and that it still is what it was
/// when it was made.
async fn of_this_run(context: &Context, resource: &Resource) -> Result<()> {
    must_be(
        resource.name.contains(&own_part(context)),
        format!("the name of the {resource} does not carry this run"),
    )?;
    let Some(seen) = show(context, resource).await? else { return Ok(()) };
    if let Some(index) = &seen.index {
        let run = context.state.run.clone();
        let by =
            index.run.as_ref().map_or("somebody else".to_owned(), |run| format!("the run {run}"));
        must_be(index.run == Some(run), format!("the {resource} was made by {by}"))?;
    }
    let known = context.state.made(resource).cloned();
    match known.and_then(|known| known.differs(&seen)) {
        None => Ok(()),
        Some(why) => {
            must_be(false, format!("the {resource} is not the one that this run made: {why}"))
        }
    }
}

/// What the service shows of a resource that lives in a project; `None` where it is not there.
///
/// # Errors
/// Those of the provider.
pub(in crate::run) async fn show(
    context: &Context,
    resource: &Resource,
) -> Result<Option<ResourceSeen>> {
    Ok(match resource.kind {
        ResourceKind::ImportFolder | ResourceKind::View => None,
        ResourceKind::Collection => {
            let seen = context.world.source.must_freeze()?.collection(&resource.name).await?;
            seen.map(|seen| ResourceSeen {
                is_being_made: !seen.is_ready() && !seen.has_failed(),
                dimension: seen.dimension,
                records: seen.records,
                ..ResourceSeen::default()
            })
        }
        ResourceKind::StagingIndex => {
            let seen = context.world.hands.other(&resource.name)?.describe().await?;
            seen.map(|seen| ResourceSeen {
                index: Some(seen.identity()),
                ..ResourceSeen::default()
            })
        }
    })
}

/// The namespace for one kind of probe records. It carries the run: nobody else keeps anything in it.
pub(in crate::run) fn probe_namespace(context: &Context, kind: &str) -> Namespace {
    Namespace::new(format!("{PROBES}{kind}-{}", own_part(context)))
}

pub(super) fn is_probe(context: &Context, namespace: &Namespace) -> bool {
    let name = namespace.as_str();
    name.starts_with(PROBES) && name.ends_with(&own_part(context))
}

/// The suffix of the names of resources made for a copy; `-2` is added for the second copy stage.
pub(in crate::run) fn own_name(context: &Context, copy: &CopyStage) -> String {
    let own = own_part(context);
    match copy.number {
        1 => own,
        number => format!("{own}-{number}"),
    }
}

fn own_part(context: &Context) -> String {
    let run = context.state.run.clone();
    // Names have at most 45 characters. The end of a run's id is the part that differs between runs started together.
    run.chars().skip(run.chars().count().saturating_sub(16)).collect()
}

/// Records an index as created by this run if its creation was requested, the answer was lost, and the index found
/// there carries this run's tag. Returns whether the index is this run's.
pub(in crate::run) async fn claim(context: &Context) -> Result<bool> {
    let state = context.stage_state()?;
    if !state.create_intended || state.created_index.is_some() {
        return Ok(state.created_index.is_some());
    }
    claim_asked(context).await
}

/// Does the same for an index whose creation was requested in this step.
pub(in crate::run) async fn claim_asked(context: &Context) -> Result<bool> {
    let Some(seen) = context.world.target.describe().await? else { return Ok(false) };
    let run = context.state.run.clone();
    if seen.spec.tags.get(RUN_TAG) != Some(&run) {
        return Ok(false);
    }
    let (index, identity) = (seen.spec.name.clone(), Some(seen.identity()));
    context.keep(Event::IndexCreated { stage: context.id(), index, identity }).await?;
    Ok(true)
}
