//! Deletes an index: the source at the end, or in a rollback the target made by this run.

use std::ops::ControlFlow;
use std::time::Duration;

use super::effect::Checked;
use super::permit::{Permit, Refusal, carry_out, permit};
use super::{Effect, identity, protection};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{Side, StageId};
use crate::run::Context;
use crate::run::context::poll::Patience;

/// The longest time that a deleted index may remain visible.
const GONE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(500);

/// Asks for the deletion of the source.
///
/// # Errors
/// `Refused` if a check fails, with the reason; any error of the provider. The source then still exists, unless the
/// service cannot be asked.
pub(in crate::run) async fn delete_source(context: &Context, checked: Checked) -> Result<()> {
    let effect = Effect::DeleteSource(checked);
    Ok(carry_out(context, &effect, |permit| Box::pin(ask_for_deletion(context, permit))).await?)
}

/// Records the intent and asks for the deletion. If that fails and the source still exists, records that it was kept.
async fn ask_for_deletion(context: &Context, _: Permit) -> Result<()> {
    let (stage, index) = (context.id(), context.plan.source.index.clone());
    let intended = Event::SourceDeleteIntended { stage: stage.clone(), index: index.clone() };
    let remove = context.world.hands.source().must_remove()?;
    context.keep(intended).await?;
    let Err(error) = remove.delete_index().await else { return Ok(()) };
    match context.world.source.describe().await {
        Ok(Some(seen)) if !seen.is_terminating() => {
            context.record(Event::SourceKept { stage, index, reason: error.to_string() })?;
            Err(error)
        }
        Ok(_) => Ok(()),
        Err(_) => Err(error),
    }
}

/// Finds out what became of an intended deletion of the source whose result is unknown. Returns whether it was deleted.
///
/// # Errors
/// `Refused` if the indexes are not those of the journal, because the answer would be about others.
pub(in crate::run) async fn settle(context: &Context) -> Result<bool> {
    let intended = context.recorder.with_state(|state| {
        let stage = state.stages.iter().find(|stage| stage.delete_intended);
        stage.map(|stage| (stage.id.clone(), stage.deleted))
    });
    let Some((stage, is_deleted)) = intended else { return Ok(false) };
    if is_deleted {
        return Ok(true);
    }
    identity::must_be_there(context, Side::Target).await?;
    match identity::refuse_another(context, Side::Source).await? {
        Some(seen) if !seen.is_terminating() => {
            let index = context.plan.source.index.clone();
            let reason = "it is still there".to_owned();
            context.record(Event::SourceKept { stage, index, reason })?;
            Ok(false)
        }
        _ => finish(context, stage).await.map(|()| true),
    }
}

/// Waits until the source is gone after its deletion.
///
/// # Errors
/// `Timeout` if it is still there after five minutes.
pub(in crate::run) async fn see_gone(context: &Context) -> Result<()> {
    finish(context, context.id()).await
}

async fn finish(context: &Context, stage: StageId) -> Result<()> {
    wait_gone(context, Side::Source).await?;
    let index = context.plan.source.index.clone();
    context.record(Event::SourceDeleted { stage, index })
}

/// Waits until an index is gone. A new index of the same name does not count.
async fn wait_gone(context: &Context, side: Side) -> Result<()> {
    let look = || async {
        Ok(match identity::refuse_another(context, side).await {
            Ok(Some(_)) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        })
    };
    let late =
        |()| Error::new(ErrorKind::Timeout, "the deleted index is still there after 5 minutes");
    context.poll(Patience { limit: GONE, pause: PAUSE }, look, late).await
}

/// Deletes the target made by this run; with `is_purge`, including everything in it.
///
/// # Errors
/// A refusal that leaves the target alone, or the error that prevented the deletion.
pub(in crate::run) async fn delete_target(
    context: &Context,
    index: &str,
    is_purge: bool,
) -> Result<(), Refusal> {
    let effect = Effect::DeleteTarget { index: index.to_owned(), is_purge };
    // Taken before anything changes, so that an index that stays keeps its protection.
    let _ = permit(context, &effect).await?;
    let seen = identity::must_be_there(context, Side::Target).await?;
    if seen.spec.deletion_protection {
        protection::change(context, Side::Target, false).await?;
    }
    let delete = |permit| Box::pin(ask_for_target(context, permit)) as _;
    if let Err(refusal) = carry_out(context, &effect, delete).await {
        protection::put_back(context, Some(&context.id())).await?;
        return Err(refusal);
    }
    Ok(wait_gone(context, Side::Target).await?)
}

async fn ask_for_target(context: &Context, _: Permit) -> Result<()> {
    let Err(error) = context.world.hands.target().must_remove()?.delete_index().await else {
        return Ok(());
    };
    match context.world.target.describe().await {
        Ok(Some(seen)) if !seen.is_terminating() => Err(error),
        Ok(_) => Ok(()),
        Err(_) => Err(error),
    }
}
