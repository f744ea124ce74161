//! Changes deletion protection only as the plan says, and puts it back if the index stays.

use std::ops::ControlFlow;
use std::time::Duration;

use super::permit::{Permit, Refusal, carry_out};
use super::{Effect, identity};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{Side, StageId};
use crate::run::Context;
use crate::run::context::poll::Patience;
use crate::store::{IndexChange, Store};

/// The longest time that a change may take to become visible.
const SEEN: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(500);

/// Lifts the source's protection if it has one and the plan allows it. Returns whether it was lifted.
pub(in crate::run) async fn lift_source(context: &Context, may_lift: bool) -> Result<bool> {
    let seen = identity::must_be_there(context, Side::Source).await?;
    if !seen.spec.deletion_protection {
        return Ok(false);
    }
    if !may_lift {
        let hint = "lift the protection yourself, or let the plan do it: `lift_protection: true`";
        return Err(Error::new(ErrorKind::Refused, "the source is protected against deletion")
            .with_hint(hint));
    }
    change(context, Side::Source, false).await?;
    Ok(true)
}

/// Sets the protection of an existing target as the plan says; leaves it alone if the plan does not say.
pub(in crate::run) async fn protect_target(context: &Context, asked: Option<bool>) -> Result<()> {
    let seen = identity::must_be_there(context, Side::Target).await?;
    match asked {
        Some(is_on) if is_on != seen.spec.deletion_protection => {
            change(context, Side::Target, is_on).await
        }
        _ => Ok(()),
    }
}

/// Records the intent, changes the protection, and waits until the change is visible, as it is applied asynchronously.
pub(super) async fn change(context: &Context, side: Side, is_on: bool) -> Result<()> {
    let intended = Event::ProtectionIntended { stage: context.id(), side, was: !is_on };
    context.keep(intended).await?;
    Ok(set(context, side, is_on).await?)
}

async fn set(context: &Context, side: Side, is_on: bool) -> Result<(), Refusal> {
    let effect = Effect::ChangeProtection { side, is_on };
    let index = hand(context, side);
    carry_out(context, &effect, |permit| Box::pin(configure(index, permit))).await?;
    Ok(wait_seen(context, side, is_on).await?)
}

fn hand(context: &Context, side: Side) -> &dyn Store {
    match side {
        Side::Source => context.world.hands.source(),
        Side::Target => context.world.hands.target(),
    }
}

async fn configure(index: &dyn Store, permit: Permit) -> Result<()> {
    let Effect::ChangeProtection { is_on, .. } = permit.effect() else { return Ok(()) };
    index.must_remove()?.configure(&IndexChange { deletion_protection: Some(*is_on) }).await
}

async fn wait_seen(context: &Context, side: Side, is_on: bool) -> Result<()> {
    let look = || async {
        Ok(match identity::refuse_another(context, side).await? {
            Some(seen) if seen.spec.deletion_protection != is_on => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        })
    };
    let late = |()| {
        let word = if is_on { "off" } else { "on" };
        let message = format!("deletion protection was still {word} after 2 minutes");
        Error::new(ErrorKind::Timeout, message)
    };
    context.poll(Patience { limit: SEEN, pause: PAUSE }, look, late).await
}

/// Restores protection changed by `stage`; with `None`, that of the source, whichever stage lifted it.
///
/// # Errors
/// Any error of the provider. The next process tries again.
pub(in crate::run) async fn put_back(context: &Context, stage: Option<&StageId>) -> Result<bool> {
    let owed: Vec<(StageId, Side, bool)> = context.recorder.with_state(|state| {
        let all = state.stages.iter().flat_map(|stage| {
            stage.protection.iter().map(|(side, was)| (stage.id.clone(), *side, *was))
        });
        all.filter(|(id, side, _)| stage.map_or(*side == Side::Source, |stage| id == stage))
            .collect()
    });
    let is_owed = !owed.is_empty();
    for (stage, side, was) in owed {
        match identity::refuse_another(context, side).await {
            Ok(Some(seen)) if !seen.is_terminating() && seen.spec.deletion_protection != was => {
                set(context, side, was).await?;
            }
            Ok(_) => {}
            // Another index of that name, whose protection was never changed.
            Err(error) if error.kind() == ErrorKind::Refused => {}
            Err(error) => return Err(error),
        }
        context.record(Event::ProtectionRestored { stage, side })?;
    }
    Ok(is_owed)
}
