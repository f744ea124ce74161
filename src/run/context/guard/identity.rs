//! Checks that an index is the one in the journal, not another of the same name.

use std::collections::BTreeMap;

use super::Effect;
use super::counts::agreed;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{Identity, IndexDescription, ResourceKind, Side};
use crate::plan::{Plan, StageKind};
use crate::provider::registry::would_hold;
use crate::run::{Context, World};

pub(super) async fn look(context: &Context, effect: &Effect) -> Result<()> {
    match effect {
        Effect::DeleteSource(_) => must_both_be_there(context).await,
        Effect::RemoveResource(resource) => match resource.kind {
            // A folder lies in a bucket, and its name identifies the run; a view is closed by the name that it was given.
            ResourceKind::ImportFolder | ResourceKind::View => Ok(()),
            // With another source we would be looking at another project, where a missing resource proves nothing.
            ResourceKind::Collection | ResourceKind::StagingIndex => {
                let seen = refuse_another(context, Side::Source).await;
                seen.map(drop).map_err(|error| error.with_context("resource", resource))
            }
        },
        Effect::DeleteTarget { is_purge, .. } => {
            if *is_purge {
                refuse_another(context, Side::Source).await?;
                refuse_lost_source(context).await?;
            }
            must_be_there(context, Side::Target).await.map(drop)
        }
        Effect::RemoveProbe(_) => must_be_there(context, Side::Target).await.map(drop),
        Effect::ChangeProtection { side, .. } => must_be_there(context, *side).await.map(drop),
        Effect::SetWeight(weight) if weight.0 > 0.0 => {
            must_be_there(context, Side::Target).await.map(drop)
        }
        Effect::SetWeight(_) => refuse_lost_source(context).await,
    }
}

/// Refuses to go back to a source that is gone. One that cannot be looked at right now, as with a key of another project, keeps
/// nobody from going back.
async fn refuse_lost_source(context: &Context) -> Result<()> {
    let is_there = match refuse_another(context, Side::Source).await {
        Ok(seen) => seen.is_some_and(|seen| !seen.is_terminating()),
        Err(_) => true,
    };
    if is_there {
        return Ok(());
    }
    let name = name_of(context, Side::Source);
    let message = format!("the source index `{name}` is gone: nothing goes back to it");
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("the target may have the only copy; put the source back before you roll back"))
}

/// Returns the description of an index that has to exist.
///
/// # Errors
/// `Refused` if it is gone, is being deleted, or is another index of the same name.
pub(super) async fn must_be_there(context: &Context, side: Side) -> Result<IndexDescription> {
    let name = name_of(context, side);
    match refuse_another(context, side).await? {
        Some(seen) if !seen.is_terminating() => Ok(seen),
        seen => {
            let word = if seen.is_some() { "is being deleted" } else { "is gone" };
            Err(Error::new(
                ErrorKind::Refused,
                format!("the {} index `{name}` {word}", side.name()),
            )
            .with_hint("put it back, or roll back and start again"))
        }
    }
}

/// Checks that both indexes exist.
///
/// # Errors
/// Any error of [`must_be_there`], for either side.
pub(in crate::run) async fn must_both_be_there(context: &Context) -> Result<()> {
    must_be_there(context, Side::Target).await?;
    must_be_there(context, Side::Source).await.map(drop)
}

/// Describes an index; `None` if it does not exist.
///
/// # Errors
/// `Refused` if it is not the index in the journal.
pub(in crate::run) async fn refuse_another(
    context: &Context,
    side: Side,
) -> Result<Option<IndexDescription>> {
    look_at(&context.world, &context.state.identities, side).await
}

/// Looks at each index that the journal knows: a run that is taken up goes on with those, or not at all.
///
/// # Errors
/// As [`refuse_another`], of either side.
pub(in crate::run) async fn refuse_others(world: &World, known: &Identities) -> Result<()> {
    for side in known.keys() {
        look_at(world, known, *side).await?;
    }
    Ok(())
}

/// Refuses a source and a target whose records are the same ones, by whatever names and addresses the plan reaches them:
/// what is written to one would be written over the other.
///
/// # Errors
/// `Refused` if they are; those of looking.
pub(in crate::run) async fn refuse_shared_storage(plan: &Plan, world: &World) -> Result<()> {
    if plan.source.provider != plan.target.provider {
        return Ok(());
    }
    if world.is_same_project && would_hold(plan)? {
        let message = format!(
            "the target `{}` would be a part of the source `{}` by its name",
            plan.target.index, plan.source.index
        );
        let hint = "name another target: what is written to it would be read, and dropped, as the source's";
        return Err(Error::new(ErrorKind::Refused, message).with_hint(hint));
    }
    let (source, target) = (world.source.storage().await?, world.target.storage().await?);
    if !source.iter().any(|one| target.contains(one)) {
        return Ok(());
    }
    let message = format!(
        "the source `{}` and the target `{}` hold the same records: what is written to the target would change the source",
        plan.source.index, plan.target.index
    );
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("name another target; nothing was written"))
}

type Identities = BTreeMap<Side, Identity>;

async fn look_at(
    world: &World,
    known: &Identities,
    side: Side,
) -> Result<Option<IndexDescription>> {
    let seen = match side {
        Side::Source => world.source.describe().await?,
        Side::Target => world.target.describe().await?,
    };
    if let (Some(seen), Some(known)) = (&seen, known.get(&side)) {
        refuse_other(side, known, seen)?;
    }
    Ok(seen)
}

/// Refuses an index that is not the `known` one.
///
/// # Errors
/// `Refused` if `seen` is another index.
pub(super) fn refuse_other(side: Side, known: &Identity, seen: &IndexDescription) -> Result<()> {
    let Some(why) = known.differs(&seen.identity()) else { return Ok(()) };
    let (side, name) = (side.name(), &seen.spec.name);
    let message = format!("the {side} index `{name}` is not the one the run began with: {why}");
    Err(Error::new(ErrorKind::Refused, message).with_hint(
        "check the API key and the address; where the index was made anew, roll back and start again",
    ))
}

fn name_of(context: &Context, side: Side) -> &str {
    match side {
        Side::Source => &context.plan.source.index,
        Side::Target => &context.plan.target.index,
    }
}

/// Records the target's identity unless its host is known already.
pub(in crate::run) fn remember_target(context: &Context, seen: &IndexDescription) -> Result<()> {
    let side = Side::Target;
    let known = context.state.identities.get(&side).cloned();
    if known.is_some_and(|known| !known.host.is_empty()) {
        return Ok(());
    }
    let identity = seen.identity();
    context.record(Event::IndexSeen { side, identity, namespaces: BTreeMap::new() })
}

/// Records the identity of both sides once: the source together with its counts, the target once it was created or
/// found.
pub(in crate::run) async fn remember(context: &Context) -> Result<()> {
    let world = &context.world;
    let knows = |side| context.state.identities.contains_key(&side);
    let mut stages = context.plan.stages.iter().zip(&context.state.stages);
    let is_target_made = stages
        .all(|(asked, stage)| !matches!(asked.kind, StageKind::Create(_)) || stage.is_passed());
    if !knows(Side::Source)
        && let Some(seen) = world.source.describe().await?
    {
        let (side, identity) = (Side::Source, seen.identity());
        let namespaces = agreed(&context.clock, &*world.source).await?.namespaces;
        context.record(Event::IndexSeen { side, identity, namespaces })?;
    }
    if !knows(Side::Target)
        && is_target_made
        && let Some(seen) = world.target.describe().await?
    {
        let (side, identity) = (Side::Target, seen.identity());
        context.record(Event::IndexSeen { side, identity, namespaces: BTreeMap::new() })?;
    }
    Ok(())
}
