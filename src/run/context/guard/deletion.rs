//! Deletes an index: the source at the end, or in a rollback the target made by this run.

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::Duration;

use super::effect::Checked;
use super::permit::{Permit, Refusal, carry_out, permit};
use super::protection::{Protected, Restored};
use super::{Effect, contents, identity, protection};
use crate::clock::Patience;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::Side;
use crate::run::Context;
use crate::run::context::poll::Looked;

/// How long a deleted index may remain visible.
const GONE: Patience =
    Patience { limit: Duration::from_secs(300), pause: Duration::from_millis(500) };

/// Asks for the deletion of the source.
///
/// # Errors
/// `Refused` if a check fails, with the reason; any error of the provider. The source then still exists, unless the
/// service cannot be asked.
pub(in crate::run) async fn delete_source(context: &Context, checked: Checked) -> Result<()> {
    let effect = Effect::DeleteSource(Box::new(checked));
    Ok(carry_out(context, &effect, |permit| Box::pin(ask_for_deletion(context, permit))).await?)
}

/// Records the intent and asks for the deletion. If that fails and the source still exists, records that it was kept.
async fn ask_for_deletion(context: &Context, permit: Permit) -> Result<()> {
    let Effect::DeleteSource(checked) = permit.effect() else { return Ok(()) };
    let (stage, index) = (context.id(), context.plan.source.index.clone());
    let intended = Event::SourceDeleteIntended { stage: stage.clone(), index: index.clone() };
    let remove = context.world.hands.source().must_remove()?;
    context.keep(intended).await?;
    let Err(error) = remove.retire(&checked.counts, contents::alias_of(context)).await else {
        return Ok(());
    };
    match context.world.source.describe().await {
        Ok(Some(seen)) if !seen.is_terminating() => {
            context.record(Event::SourceKept { stage, index, reason: error.to_string() })?;
            Err(error)
        }
        Ok(_) => Ok(()),
        Err(_) => Err(error),
    }
}

/// Finds out what became of an intended deletion of the source whose result is unknown. Returns whether it was deleted, or
/// is about to be gone.
///
/// # Errors
/// `Refused` if the indexes are not those of the journal, because the answer would be about others.
pub(in crate::run) async fn settle(context: &Context) -> Result<bool> {
    let Some(intended) = context.state.stages.iter().find(|stage| stage.delete_intended) else {
        return Ok(false);
    };
    if intended.deleted {
        return Ok(true);
    }
    let stage = intended.id.clone();
    identity::must_be_there(context, Side::Target).await?;
    let index = context.plan.source.index.clone();
    match identity::refuse_another(context, Side::Source).await? {
        Some(seen) if !seen.is_terminating() => {
            let reason = "it is still there".to_owned();
            context.record(Event::SourceKept { stage, index, reason })?;
            Ok(false)
        }
        // Its stage sees it gone.
        Some(_) => Ok(true),
        None => context.record(Event::SourceDeleted { stage, index }).map(|()| true),
    }
}

/// Looks once, in the step of this name, whether the source is gone after its deletion.
///
/// # Errors
/// `Timeout` if it is still there after five minutes; those of looking.
pub(in crate::run) async fn see_gone(context: &Context, step: &str) -> Result<bool> {
    let look = async {
        match identity::refuse_another(context, Side::Source).await {
            Ok(None) => Ok(Break(())),
            Ok(Some(_)) => Ok(Continue(())),
            // A new index of the same name.
            Err(error) if error.kind() == ErrorKind::Refused => Ok(Break(())),
            Err(error) => Err(error),
        }
    };
    let Some(()) = context.look_again(step, GONE, look, still_there).await? else {
        return Ok(false);
    };
    let (stage, index) = (context.id(), context.plan.source.index.clone());
    context.record(Event::SourceDeleted { stage, index }).map(|()| true)
}

fn still_there((): ()) -> Error {
    Error::new(ErrorKind::Timeout, "the deleted index is still there after 5 minutes")
}

/// Deletes the target made by this run, in the step of this name; with `is_purge`, including everything in it. Returns
/// whether it is gone.
///
/// # Errors
/// A refusal that leaves the target alone, or the error that prevented the deletion; `Timeout` if it is still there after
/// five minutes.
pub(in crate::run) async fn delete_target(
    context: &Context,
    index: &str,
    is_purge: bool,
    step: &str,
) -> Result<bool, Refusal> {
    let effect = Effect::DeleteTarget { index: index.to_owned(), is_purge };
    let is_again = context.is_again(step)?;
    let ask = async {
        let seen = match identity::refuse_another(context, Side::Target).await {
            // A new index of the same name.
            Err(error) if is_again && error.kind() == ErrorKind::Refused => return Ok(Break(())),
            // What is refused here is refused by the looks below, which say that it stays.
            Err(error) if error.kind() != ErrorKind::Refused => return Err(error.into()),
            seen => seen.ok().flatten(),
        };
        if seen.as_ref().is_some_and(|seen| seen.is_terminating()) {
            return Ok(Continue(Waiting::Gone));
        }
        if seen.is_none() && is_again {
            return Ok(Break(()));
        }
        delete(context, &effect, is_again).await
    };
    match context.look_once(step, GONE, ask).await? {
        Looked::Seen(()) => Ok(true),
        Looked::Again => Ok(false),
        Looked::Late(Waiting::Gone) => Err(still_there(()).into()),
        Looked::Late(Waiting::Unprotected) => {
            protection::put_back(context, Some(&context.id()), None).await?;
            let message = "the target is still protected against deletion after 5 minutes";
            Err(Error::new(ErrorKind::Timeout, message).into())
        }
    }
}

/// What the deletion of the target waits for.
enum Waiting {
    /// Its protection was lifted, which does not show yet.
    Unprotected,
    Gone,
}

/// Asks for the deletion of the target, once nothing protects it.
async fn delete(
    context: &Context,
    effect: &Effect,
    is_again: bool,
) -> Result<ControlFlow<(), Waiting>, Refusal> {
    // Taken before anything changes, so that an index that stays keeps its protection.
    let _ = permit(context, effect).await?;
    let Protected::AsAsked { is_changed } =
        protection::set_once(context, Side::Target, false, is_again).await?
    else {
        return Ok(Continue(Waiting::Unprotected));
    };
    let delete = |permit| Box::pin(ask_for_target(context, permit)) as _;
    if let Err(refusal) = carry_out(context, effect, delete).await {
        let restored = protection::put_back(context, Some(&context.id()), None).await?;
        // What an earlier step changed is in the state; what this one did is not.
        if restored == Restored::Unchanged && is_changed {
            protection::take_back(context, Side::Target, true).await?;
        }
        return Err(refusal);
    }
    let is_gone = matches!(identity::refuse_another(context, Side::Target).await, Ok(None));
    Ok(if is_gone { Break(()) } else { Continue(Waiting::Gone) })
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
