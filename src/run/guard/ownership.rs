//! Checks that this run made what is to be removed. An intent is not enough: the service must have confirmed it.

use super::Effect;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{RUN_TAG, Resource, ResourceKind};
use crate::plan::CopyStage;
use crate::run::Context;

/// The prefix of probe namespaces.
const PROBES: &str = "vecshift-";

pub(super) async fn look(context: &Context, effect: &Effect) -> Result<()> {
    match effect {
        Effect::DeleteTarget { index, .. } => {
            let is_ours = context.state()?.created_index.as_ref() == Some(index);
            must_be(is_ours, format!("the index `{index}` was not made by this run"))
        }
        Effect::RemoveResource(resource) => of_this_run(context, resource).await,
        Effect::RemoveProbe(namespace) => must_be(
            namespace.as_str().starts_with(PROBES),
            format!("`{namespace}` is no namespace of probes"),
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

/// Checks that the resource's name identifies the run and, for a staging index, that its tag does too.
async fn of_this_run(context: &Context, resource: &Resource) -> Result<()> {
    must_be(
        resource.name.contains(&own_part(context)),
        format!("the name of the {resource} does not carry this run"),
    )?;
    if resource.kind == ResourceKind::StagingIndex
        && let Some(seen) = context.world.hands.other(&resource.name)?.describe().await?
        && let Some(run) = seen.spec.tags.get(RUN_TAG)
    {
        let run_of_this = context.recorder.with_state(|state| state.run.clone());
        return must_be(*run == run_of_this, format!("the {resource} was made by the run {run}"));
    }
    Ok(())
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
    let run = context.recorder.with_state(|state| state.run.clone());
    // Names have at most 45 characters. The end of a run's id is the part that differs between runs started together.
    run.chars().skip(run.chars().count().saturating_sub(16)).collect()
}

/// Records an index as created by this run if its creation was requested, the answer was lost, and the index found
/// there carries this run's tag.
pub(in crate::run) async fn claim(context: &Context) -> Result<()> {
    let state = context.state()?;
    if !state.create_intended || state.created_index.is_some() {
        return Ok(());
    }
    let Some(seen) = context.world.target.describe().await? else { return Ok(()) };
    let run = context.recorder.with_state(|state| state.run.clone());
    if seen.spec.tags.get(RUN_TAG) != Some(&run) {
        return Ok(());
    }
    context.record(Event::IndexCreated {
        stage: context.id(),
        index: seen.spec.name.clone(),
        identity: Some(seen.identity()),
    })
}
