//! The stages, a folder for each kind: which step comes next, how a step is taken, how it is undone.
//!
//! What comes next is a pure function of the plan and the state. Any step may be killed at any moment and is then taken
//! again: it looks at the world first, and an intent is on disk before each effect.

mod audit;
mod canary;
mod check;
mod copy;
mod counted;
mod create;
mod decommission;
mod probes;
mod ready;
mod resource;
mod snapshot;
mod verify;

use super::context::Context;
use super::context::guard;
use super::taken::Taken;
use super::view::{Next, View};
use crate::error::{Error, Result};
use crate::journal::{Event, StageState};
use crate::model::{Resource, ShardId};
use crate::plan::StageKind;

pub(super) use check::Check;
pub use copy::Held;
pub(super) use copy::look;

/// A step of a stage.
#[derive(Clone, Debug, PartialEq)]
pub enum StageStep {
    Audit(audit::Step),
    Create(create::Step),
    Copy(copy::Step),
    Verify(verify::Step),
    Canary(canary::Step),
    Decommission(decommission::Step),
    Snapshot(snapshot::Step),
}

/// A step in undoing a stage.
#[derive(Clone, Debug, PartialEq)]
pub enum UndoStep {
    /// Removes what the stage made along the way.
    Remove(Resource),
    /// Finds out whether an index is the run's that it may have asked for.
    Claim,
    /// Undoes the rest of the stage.
    Rest,
}

impl StageStep {
    /// Returns whether the step may read or add to files that the run has written before.
    pub(super) fn needs_files(&self) -> bool {
        !matches!(self, Self::Create(_) | Self::Canary(_))
    }

    /// Returns the shard that the step copies, beside which others are copied; `None` for a step that goes alone.
    pub(super) fn shard(&self) -> Option<&ShardId> {
        match self {
            Self::Copy(copy::Step::Shard(shard)) => Some(shard),
            _ => None,
        }
    }

    /// Returns the name under which the journal keeps that the step was taken; `None` for one that is taken again and
    /// again.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Audit(step) => Some(step.name().to_owned()),
            Self::Create(step) => Some(step.name()),
            Self::Copy(step) => step.name(),
            Self::Verify(step) => Some(step.name()),
            Self::Canary(step) => step.name(),
            Self::Decommission(step) => Some(step.name().to_owned()),
            Self::Snapshot(step) => Some(step.name().to_owned()),
        }
    }
}

impl UndoStep {
    /// Does the same as [`StageStep::name`].
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Remove(resource) => Some(resource::removal(resource)),
            Self::Claim => Some("claim".to_owned()),
            Self::Rest => Some("undo".to_owned()),
        }
    }
}

/// Decides what comes next in a stage that is under way.
pub(super) fn next(view: View<'_>) -> Next<StageStep> {
    match &view.asked().kind {
        StageKind::Audit(_) => audit::next(view).map(StageStep::Audit),
        StageKind::Create(_) => create::next(view).map(StageStep::Create),
        StageKind::Copy(copy) => copy::next(copy, view).map(StageStep::Copy),
        StageKind::Verify(asked) => verify::next(asked, view).map(StageStep::Verify),
        StageKind::Canary(asked) => canary::next(asked, view).map(StageStep::Canary),
        StageKind::Decommission(asked) => {
            decommission::next(asked, view).map(StageStep::Decommission)
        }
        StageKind::Snapshot(_) => snapshot::next(view).map(StageStep::Snapshot),
    }
}

/// Takes a step of a stage.
///
/// # Errors
/// Those of the step; another try may succeed.
pub(super) async fn take(step: &StageStep, context: &Context) -> Result<Taken> {
    match (step, &context.stage().kind) {
        (StageStep::Audit(step), StageKind::Audit(asked)) => {
            audit::take(*step, asked, context).await?;
        }
        (StageStep::Create(step), StageKind::Create(asked)) => {
            return create::take(step, asked, context).await;
        }
        (StageStep::Copy(step), StageKind::Copy(copy)) => {
            return copy::take(step, copy, context).await;
        }
        (StageStep::Verify(step), StageKind::Verify(asked)) => {
            return verify::take(*step, asked, context).await;
        }
        (StageStep::Canary(step), StageKind::Canary(asked)) => {
            canary::take(*step, asked, context).await?;
        }
        (StageStep::Decommission(step), StageKind::Decommission(asked)) => {
            return decommission::take(*step, asked, context).await;
        }
        (StageStep::Snapshot(step), StageKind::Snapshot(asked)) => {
            snapshot::take(*step, asked, context).await?;
        }
        (step, _) => {
            let word = context.stage().word;
            return Err(Error::unexpected(format!("a {word} has no step {step:?}")));
        }
    }
    Ok(Taken::Done)
}

/// Decides what comes next in undoing a stage. What was made from another resource is removed first.
pub(super) fn next_undo(stage: &StageState) -> UndoStep {
    let steps = stage.resources.iter().rev().map(|resource| UndoStep::Remove(resource.clone()));
    let may_be_made = stage.create_intended && stage.created_index.is_none();
    let steps = steps.chain(may_be_made.then_some(UndoStep::Claim));
    let is_left =
        |step: &UndoStep| step.name().is_some_and(|name| !stage.steps_taken.contains(&name));
    steps.into_iter().find(is_left).unwrap_or(UndoStep::Rest)
}

/// Takes a step in undoing a stage.
///
/// # Errors
/// Those of the step.
pub(super) async fn undo(step: &UndoStep, context: &Context) -> Result<Taken> {
    match step {
        UndoStep::Remove(resource) => {
            return resource::remove_one(context, &context.id(), resource).await;
        }
        UndoStep::Claim => return guard::claim(context).await.map(|_| Taken::Done),
        UndoStep::Rest => {}
    }
    let name = step.name().unwrap_or_default();
    let what = match &context.stage().kind {
        StageKind::Audit(_) => Some("nothing to undo".to_owned()),
        StageKind::Create(_) => create::undo(context, &name).await?,
        StageKind::Copy(copy) => Some(copy::undo(context, copy).await?),
        StageKind::Verify(asked) => Some(verify::undo(asked, context).await?),
        StageKind::Canary(_) => Some(canary::undo(context).await?),
        StageKind::Decommission(_) => decommission::undo(context, &name).await?,
        StageKind::Snapshot(asked) => Some(snapshot::undo(asked, context).await?),
    };
    let Some(what) = what else { return Ok(Taken::Again) };
    context.record(Event::UndoTaken { stage: context.id(), what: Some(what), error: None })?;
    Ok(Taken::Done)
}

/// Checks that the world is still as a stage left it when it passed.
///
/// # Errors
/// Those of looking at the world.
pub(super) async fn check(context: &Context) -> Result<Check> {
    match &context.stage().kind {
        StageKind::Create(asked) => create::check(asked, context).await,
        StageKind::Canary(asked) => canary::check(asked, context).await,
        StageKind::Decommission(_) => decommission::check(context).await,
        // A snapshot is of the time when it was taken; where it is taken to afterwards is its owner's.
        StageKind::Audit(_)
        | StageKind::Copy(_)
        | StageKind::Verify(_)
        | StageKind::Snapshot(_) => Ok(Check::Holds),
    }
}
