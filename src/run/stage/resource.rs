//! Collections, staging indexes and folders of files: made for a copy, waited for with a deadline, and always removed
//! again.
//!
//! Their names derive from the run, so that a process that resumes it finds what an earlier one made, and a rollback
//! finds what was left between an intent and its effect.

use std::collections::BTreeMap;
use std::ops::ControlFlow::{self, Break, Continue};
use std::time::Duration;

use crate::clock::Patience;
use crate::copy::Mapping;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{RUN_TAG, Resource, ResourceKind, Span, StageId, plural};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::context::guard::{self, counted, own_name};
use crate::run::taken::Taken;
use crate::store::Target;

/// The default time limit for a collection, or an index made from one. Services say minutes to hours.
const READY: Duration = Duration::from_secs(4 * 3600);
const PAUSE: Duration = Duration::from_secs(2);

/// Returns how long a collection and what is made from it may take to become ready.
pub(super) fn ready_within(copy: &CopyStage) -> Duration {
    copy.asked.ready_within.map_or(READY, |span| span.0)
}

/// Returns the collection that is made for a copy.
pub(super) fn collection(context: &Context, copy: &CopyStage) -> Resource {
    let name = format!("vecshift-{}", own_name(context, copy));
    Resource { kind: ResourceKind::Collection, name }
}

/// Asks for a collection of the source, unless it is there.
///
/// # Errors
/// Those of the provider.
pub(super) async fn ask_collection(context: &Context, copy: &CopyStage) -> Result<()> {
    let resource = collection(context, copy);
    let name = resource.name.clone();
    let source = context.world.source.must_freeze()?;
    if source.collection(&name).await?.is_some() {
        intend_once(context, &resource).await?;
    } else {
        intend(context, &resource).await?;
        match source.create_collection(&name).await {
            // The answer to an earlier attempt may have been lost.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => void_where_refused(context, &resource, made)?,
        }
    }
    Ok(())
}

/// Looks once, in the step of this name, whether the collection is ready.
///
/// # Errors
/// `Refused` if it ends up in a failed state; `Timeout` if it is not ready in time.
pub(super) async fn see_collection(
    context: &Context,
    copy: &CopyStage,
    step: &str,
) -> Result<Taken> {
    let resource = collection(context, copy);
    let limit = ready_within(copy);
    let patience = Patience { limit, pause: PAUSE };
    let what = format!("the collection `{}`", resource.name);
    let look = look_at_collection(context, &resource.name);
    match context.look_again(step, patience, look, |()| late(&what, limit)).await? {
        Some(()) => made(context, resource).await.map(|()| Taken::Done),
        None => Ok(Taken::Again),
    }
}

async fn look_at_collection(context: &Context, name: &str) -> Result<ControlFlow<(), ()>> {
    match context.world.source.must_freeze()?.collection(name).await? {
        Some(seen) if seen.is_ready() => Ok(Break(())),
        Some(seen) if seen.has_failed() => {
            let message = format!("the collection `{name}` ended in the state {}", seen.state);
            Err(Error::new(ErrorKind::Refused, message).with_hint(OTHER_WAY))
        }
        _ => Ok(Continue(())),
    }
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

/// The origin of an index made from a collection, in words, and what to do if it is incomplete.
pub(super) const COLLECTED: (&str, &str) = (
    "what was made from the collection",
    "records written after the collection was made are not in it; roll back, and pause writes before the next run",
);

/// Looks once, in a step and within its limit, whether `index` counts the expected number of records in each source
/// namespace of `mappings`. `what` names where they come from.
///
/// # Errors
/// `Timeout` if they do not appear in time.
pub(super) async fn see_records(
    context: &Context,
    index: &dyn Target,
    mappings: &[Mapping],
    (step, limit): (&str, Duration),
    (what, hint): (&str, &'static str),
) -> Result<Taken> {
    let look = async {
        let counts = counted(index).await?;
        let behind: Vec<String> = mappings
            .iter()
            .filter(|mapping| counts.count(&mapping.source) < mapping.records)
            .map(|mapping| {
                let (name, seen) = (&mapping.source, counts.count(&mapping.source));
                format!("`{name}` shows {seen} of {}", plural(mapping.records, "record"))
            })
            .take(5)
            .collect();
        Ok::<_, Error>(if behind.is_empty() { Break(()) } else { Continue(behind) })
    };
    let late = |behind: Vec<String>| {
        let (after, behind) = (Span(limit), behind.join("; "));
        let message = format!("{what} does not show every record after {after}: {behind}");
        Error::new(ErrorKind::Timeout, message).with_hint(hint)
    };
    let seen = context.look_again(step, Patience { limit, pause: PAUSE }, look, late).await?;
    Ok(seen.into())
}

/// Takes a resource that is there for the run's, whose name it has: a process made it, whatever became of its journal.
pub(super) async fn intend_once(context: &Context, resource: &Resource) -> Result<()> {
    match context.stage_state()?.resources.contains(resource) {
        true => Ok(()),
        false => intend(context, resource).await,
    }
}

pub(super) async fn intend(context: &Context, resource: &Resource) -> Result<()> {
    let (stage, resource) = (context.id(), resource.clone());
    context.keep(Event::ResourceIntended { stage, resource }).await
}

/// Records once that the resource exists, and what it is.
pub(super) async fn made(context: &Context, resource: Resource) -> Result<()> {
    let state = context.stage_state()?;
    if !state.resources.contains(&resource) || state.made.contains_key(&resource) {
        return Ok(());
    }
    let (stage, seen) = (context.id(), guard::show(context, &resource).await?);
    context.record(Event::ResourceMade { stage, resource, seen })
}

/// Voids the intent if the service refused to make the resource, so that nothing was made.
pub(super) fn void_where_refused<T>(
    context: &Context,
    resource: &Resource,
    made: Result<T>,
) -> Result<T> {
    if made.as_ref().is_err_and(is_refusal) {
        let (stage, resource) = (context.id(), resource.clone());
        context.record(Event::ResourceRemoved { stage, resource })?;
    }
    made
}

/// Returns whether the error means that the service did nothing.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Invalid
            | ErrorKind::NotFound
            | ErrorKind::Unauthorized
            | ErrorKind::Refused
            | ErrorKind::Unsupported
    )
}

/// The tag that marks an index as made by this run.
pub(super) fn own_tags(context: &Context) -> BTreeMap<String, String> {
    let run = context.state.run.clone();
    BTreeMap::from([(RUN_TAG.to_owned(), run)])
}

/// The name of the step that removes a resource.
pub(super) fn removal(resource: &Resource) -> String {
    format!("remove {resource}")
}

/// Removes one resource that the stage `of` made, in the step that is named after it. Anything that turns out not to belong
/// to the run stays, with a note.
///
/// # Errors
/// `Timeout` if it still exists after its deadline; any error of the provider.
pub(super) async fn remove_one(
    context: &Context,
    of: &StageId,
    resource: &Resource,
) -> Result<Taken> {
    match guard::remove_resource(context, resource, &removal(resource)).await {
        Ok(false) => Ok(Taken::Again),
        Ok(true) => {
            let (stage, resource) = (of.clone(), resource.clone());
            context.record(Event::ResourceRemoved { stage, resource }).map(|()| Taken::Done)
        }
        Err(refusal) if refusal.leaves_it_alone() => {
            context.note(format!("kept {resource}: {}", refusal.reason())).map(|()| Taken::Done)
        }
        Err(refusal) => Err(Error::from(refusal).with_context("resource", resource)),
    }
}

/// Describes what was removed: `; removed collection \`a\``, or nothing.
pub(super) fn words(removed: &[Resource]) -> String {
    removed.iter().map(|resource| format!("; removed {resource}")).collect()
}
