//! Whether what goes was made by this run. An intent is not enough: the service has to have said so.

use super::Effect;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{RUN_TAG, Resource, ResourceKind};
use crate::plan::CopyStage;
use crate::run::Context;

/// What namespaces of probes begin with.
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

/// The name carries the run; a staging index says so by its tag, too.
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

/// What the names of the resources that a copy of this run makes end with: `-2` of its second copy stage.
pub(in crate::run) fn own_name(context: &Context, copy: &CopyStage) -> String {
    let own = own_part(context);
    match copy.number {
        1 => own,
        number => format!("{own}-{number}"),
    }
}

fn own_part(context: &Context) -> String {
    let run = context.recorder.with_state(|state| state.run.clone());
    // The end of a run's name is what differs between runs of one moment. Names have at most 45 characters.
    run.chars().skip(run.chars().count().saturating_sub(16)).collect()
}

/// Takes an index as made by this run where a creation was asked for, its answer was not heard, and the index that is
/// there carries the tag of this run.
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
