//! Changes deletion protection only as the plan says, and puts it back if the index stays.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Duration;

use super::permit::{Permit, Refusal, carry_out};
use super::{Effect, identity};
use crate::clock::Patience;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{Side, StageId};
use crate::run::Context;
use crate::store::{IndexChange, Store};

/// How long a change may take to become visible, as it is applied asynchronously.
const SEEN: Patience =
    Patience { limit: Duration::from_secs(120), pause: Duration::from_millis(500) };

/// Lifts the source's protection, in the step of this name, if it has one and the plan allows it. Returns whether it has none.
///
/// # Errors
/// `Refused` if the plan does not allow it; `Timeout` if it is still protected after two minutes; any error of the provider.
pub(in crate::run) async fn lift_source(
    context: &Context,
    may_lift: bool,
    step: &str,
) -> Result<bool> {
    let seen = identity::must_be_there(context, Side::Source).await?;
    if seen.spec.deletion_protection && !may_lift {
        let hint = "lift the protection yourself, or let the plan do it: `lift_protection: true`";
        return Err(Error::new(ErrorKind::Refused, "the source is protected against deletion")
            .with_hint(hint));
    }
    set(context, Side::Source, false, step).await
}

/// Sets the protection of an existing target as the plan says, in the step of this name; leaves it alone if the plan does
/// not say. Returns whether it is so.
///
/// # Errors
/// `Timeout` if it is not so after two minutes; any error of the provider.
pub(in crate::run) async fn protect_target(
    context: &Context,
    asked: Option<bool>,
    step: &str,
) -> Result<bool> {
    match asked {
        Some(is_on) => set(context, Side::Target, is_on, step).await,
        None => Ok(true),
    }
}

async fn set(context: &Context, side: Side, is_on: bool, step: &str) -> Result<bool> {
    let is_again = context.is_again(step)?;
    let look = async {
        Ok::<_, Error>(match set_once(context, side, is_on, is_again).await? {
            Protected::AsAsked { .. } => Break(()),
            Protected::NotYet => Continue(()),
        })
    };
    Ok(context.look_again(step, SEEN, look, |()| late(is_on)).await?.is_some())
}

/// What came of a change of protection that is asked for once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protected {
    /// It is as asked; now changed by this step where `is_changed`.
    AsAsked {
        is_changed: bool,
    },
    NotYet,
}

/// Records the intent and changes the protection, unless it is so or was asked for before.
pub(super) async fn set_once(
    context: &Context,
    side: Side,
    is_on: bool,
    is_asked: bool,
) -> Result<Protected> {
    let is_so = || async {
        let seen = identity::must_be_there(context, side).await?;
        Ok::<_, Error>(seen.spec.deletion_protection == is_on)
    };
    if is_so().await? {
        return Ok(Protected::AsAsked { is_changed: false });
    }
    if is_asked {
        return Ok(Protected::NotYet);
    }
    context.keep(Event::ProtectionIntended { stage: context.id(), side, was: !is_on }).await?;
    change(context, side, is_on).await?;
    Ok(match is_so().await? {
        true => Protected::AsAsked { is_changed: true },
        false => Protected::NotYet,
    })
}

async fn change(context: &Context, side: Side, is_on: bool) -> Result<(), Refusal> {
    let effect = Effect::ChangeProtection { side, is_on };
    let index = hand(context, side);
    carry_out(context, &effect, |permit| Box::pin(configure(index, permit))).await
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

fn late(is_on: bool) -> Error {
    let word = if is_on { "off" } else { "on" };
    let message = format!("deletion protection was still {word} after 2 minutes");
    Error::new(ErrorKind::Timeout, message)
}

/// What came of restoring protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum Restored {
    /// Nothing was changed.
    Unchanged,
    Done,
    /// It was asked for and does not show yet.
    NotYet,
}

/// Restores protection changed by `stage`; with `None`, that of the source, whichever stage lifted it. In a step, it is asked
/// for once, and the step is taken again until it shows; outside of any, whoever comes next sees to what does not show.
///
/// # Errors
/// Any error of the provider; `Timeout` if it does not show in time. The next process tries again.
pub(in crate::run) async fn put_back(
    context: &Context,
    stage: Option<&StageId>,
    step: Option<&str>,
) -> Result<Restored> {
    let all = context.state.stages.iter().flat_map(|stage| {
        stage.protection.iter().map(|(side, was)| (stage.id.clone(), *side, *was))
    });
    let owed: Vec<(StageId, Side, bool)> = all
        .filter(|(id, side, _)| stage.map_or(*side == Side::Source, |stage| id == stage))
        .collect();
    let Some((_, _, was)) = owed.first().cloned() else { return Ok(Restored::Unchanged) };
    let is_asked = step.map_or(Ok(false), |step| context.is_again(step))?;
    let restore = async {
        let mut is_left = false;
        for (stage, side, was) in owed {
            match restore(context, side, was, is_asked).await? {
                true => context.record(Event::ProtectionRestored { stage, side })?,
                false => is_left = true,
            }
        }
        Ok::<_, Error>(if is_left { Continue(()) } else { Break(()) })
    };
    let is_seen = match step {
        Some(step) => context.look_again(step, SEEN, restore, |()| late(was)).await?.is_some(),
        None => restore.await?.is_break(),
    };
    Ok(if is_seen { Restored::Done } else { Restored::NotYet })
}

/// Takes back what the same step has changed, after all: the target stays.
///
/// # Errors
/// Any error of the provider. What does not show yet is seen to by whoever comes next.
pub(super) async fn take_back(context: &Context, side: Side, was: bool) -> Result<()> {
    match restore(context, side, was, false).await? {
        true => context.record(Event::ProtectionRestored { stage: context.id(), side }),
        false => Ok(()),
    }
}

/// Returns whether the protection of a side is as it was, after asking for it once.
async fn restore(context: &Context, side: Side, was: bool, is_asked: bool) -> Result<bool> {
    let look = || async {
        match identity::refuse_another(context, side).await {
            Ok(seen) => Ok(seen.filter(|seen| !seen.is_terminating())),
            // Another index of that name, whose protection was never changed.
            Err(error) if error.kind() == ErrorKind::Refused => Ok(None),
            Err(error) => Err(error),
        }
    };
    let Some(seen) = look().await? else { return Ok(true) };
    if is_asked {
        return Ok(seen.spec.deletion_protection == was);
    }
    // Asked for whatever shows: what was changed a moment ago may show later.
    change(context, side, was).await?;
    Ok(look().await?.is_none_or(|seen| seen.spec.deletion_protection == was))
}
