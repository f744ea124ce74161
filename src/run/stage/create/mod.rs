//! Ensures that the target index exists as planned, and is ready and usable.

mod next;

use std::time::Duration;

pub use self::next::Step;
use self::next::collected;
pub(super) use self::next::next;
use super::check::Check;
use super::copy::arrived;
use super::counted::measure_records;
use super::probes::{remove_probe, see_probe, write_probe};
use super::ready;
use super::resource::{self, own_tags, ready_within, words};
use crate::assertion::Measured;
use crate::clock::Patience;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{IndexDescription, IndexSpec, Observed, Side, StageId, plural};
use crate::plan::CopyStage;
use crate::plan::file::{Create, Protection};
use crate::provider::Connector;
use crate::provider::registry::connector;
use crate::run::Context;
use crate::run::context::guard::{self, Restored};
use crate::run::route::route_of;
use crate::run::sides::{no_source, refuse_differences, refuse_other_dimension, refuse_unfit};
use crate::run::taken::Taken;

/// The longest time that a new index may take to become ready.
const READY: Duration = Duration::from_secs(600);

/// Returns the index that the stage asks for, and the connector of its system.
fn spec_of(asked: &Create, context: &Context) -> Result<(&'static dyn Connector, IndexSpec)> {
    let target = &context.plan.target;
    let connector = connector(&target.provider)?;
    let spec = connector.asked_for(target, &asked.spec);
    let none = || Error::invalid(format!("{} makes no index", target.provider));
    Ok((connector, spec.ok_or_else(none)?))
}

pub(super) async fn check(asked: &Create, context: &Context) -> Result<Check> {
    let (connector, asked) = spec_of(asked, context)?;
    Ok(match context.world.target.describe().await? {
        None => Check::Drifted(format!("the index `{}` is gone", asked.name)),
        Some(seen) => match connector.differences(&asked, &seen.spec) {
            lines if lines.is_empty() => Check::Holds,
            lines => Check::Drifted(lines.join("; ")),
        },
    })
}

pub(super) async fn take(step: &Step, asked: &Create, context: &Context) -> Result<Taken> {
    let (connector, spec) = spec_of(asked, context)?;
    match step {
        Step::Match => match_source(context, &spec).await?,
        Step::Claim => guard::claim(context).await.map(drop)?,
        Step::Look => {
            if let Some(seen) = guard::refuse_another(context, Side::Target).await? {
                accept(context, &spec, &seen, context.stage_state()?.created_index.is_some())?;
            }
        }
        Step::Choose(copy) => route_of(context, &copy_of(context, copy)?).await.map(drop)?,
        Step::AskCollection(copy) => {
            resource::ask_collection(context, &copy_of(context, copy)?).await.map(drop)?;
        }
        Step::CollectionReady(copy) => {
            return resource::see_collection(context, &copy_of(context, copy)?, &step.name()).await;
        }
        Step::Create => create(context, &spec, connector.most_tags()).await?,
        Step::Ready => return see_ready(context, &step.name()).await,
        Step::Protect => {
            let protection = asked.spec.deletion_protection;
            let is_on = protection.map(|asked| asked == Protection::Enabled);
            return Ok(guard::protect_target(context, is_on, &step.name()).await?.into());
        }
        Step::Probe => write_probe(context, &described(context).await?).await?,
        Step::SeeProbe => {
            return see_probe(context, &described(context).await?, &step.name()).await;
        }
        Step::RemoveProbe => return remove_probe(context, &step.name()).await,
        Step::Measure => measure(context).await?,
    }
    Ok(Taken::Done)
}

fn copy_of(context: &Context, id: &StageId) -> Result<CopyStage> {
    let copy = context.plan.copies.iter().find(|copy| copy.id == *id).cloned();
    copy.ok_or_else(|| Error::unexpected(format!("`{id}` is no copy stage")))
}

async fn described(context: &Context) -> Result<IndexDescription> {
    let seen = context.world.target.describe().await?;
    seen.ok_or_else(|| Error::new(ErrorKind::NotFound, "the target index is gone"))
}

/// Checks that the target can hold what the source has.
async fn match_source(context: &Context, asked: &IndexSpec) -> Result<()> {
    let source = context.world.source.describe().await?.ok_or_else(|| no_source(context))?;
    refuse_other_dimension(&source.spec, asked)?;
    let plan = &context.plan;
    plan.copies.iter().try_for_each(|copy| refuse_unfit(plan, copy, &source.spec, Some(asked)))
}

async fn create(context: &Context, asked: &IndexSpec, most_tags: usize) -> Result<()> {
    let (stage, index) = (context.id(), asked.name.clone());
    let mut tagged = asked.clone();
    if tagged.tags.len() < most_tags {
        tagged.tags.extend(own_tags(context));
    }
    let copy = collected(&context.plan, &context.state);
    let collection = copy.map(|copy| resource::collection(context, &copy).name);
    let target = &context.world.target;
    let collection = match collection {
        Some(name) => Some((target.must_thaw()?, name)),
        None => None,
    };
    let admin = target.must_admin()?;
    context.keep(Event::IndexCreateIntended { stage: stage.clone(), index: index.clone() }).await?;
    let created = match &collection {
        Some((thaw, collection)) => {
            context.note(format!("made from the collection `{collection}`"))?;
            thaw.create_from(&tagged, collection).await
        }
        None => admin.create(&tagged).await,
    };
    match created {
        Ok(()) => {
            let identity = target.describe().await?.map(|seen| seen.identity());
            context.record(Event::IndexCreated { stage, index, identity })
        }
        // The answer to an earlier attempt may have been lost, or somebody else was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let is_ours = guard::claim_asked(context).await?;
            let seen = target.describe().await?.ok_or(error)?;
            accept(context, asked, &seen, is_ours)
        }
        Err(error) => Err(error),
    }
}

/// Accepts an existing index that matches, and refuses one that differs.
fn accept(
    context: &Context,
    asked: &IndexSpec,
    seen: &IndexDescription,
    is_ours: bool,
) -> Result<()> {
    refuse_differences(&context.plan, asked, &seen.spec)?;
    if is_ours {
        return Ok(());
    }
    context.record(Event::IndexFound {
        stage: context.id(),
        index: asked.name.clone(),
        identity: Some(seen.identity()),
    })
}

async fn see_ready(context: &Context, step: &str) -> Result<Taken> {
    let copy = collected(&context.plan, &context.state);
    let limit = copy.map_or(READY, |copy| ready_within(&copy));
    let patience = Patience { limit, pause: ready::PAUSE };
    let look = ready::look(&*context.world.target);
    match context.look_again(step, patience, look, |seen| ready::late(seen, limit)).await? {
        Some(seen) => guard::remember_target(context, &seen).map(|()| Taken::Done),
        None => Ok(Taken::Again),
    }
}

async fn measure(context: &Context) -> Result<()> {
    let seen = described(context).await?;
    let stats = context.world.target.stats().await?;
    let mut measured = Measured::default();
    measured
        .set("target.ready", Observed::Bool(seen.ready), 1)
        .set("target.metric", Observed::Word(seen.spec.metric.name().to_owned()), 1)
        .set("target.kind", Observed::Word(seen.spec.deployment.kind.clone()), 1);
    measure_records(&mut measured, "target", &stats);
    match seen.spec.dimension {
        Some(dimension) => measured.set("target.dimension", Observed::count(dimension.into()), 1),
        None => measured.set_not_measured("target.dimension", "a sparse index has none"),
    };
    context.observed(Side::Target, &measured)
}

/// Undoes the stage, in the step of this name, once what it made along the way is removed. Returns what was undone and what
/// was kept on purpose; `None`: it does not show yet.
pub(super) async fn undo(context: &Context, step: &str) -> Result<Option<String>> {
    let removed = words(&context.stage_state()?.removed);
    let index = context.plan.target.index.clone();
    if context.stage_state()?.created_index.is_none() {
        let restored = match guard::put_back(context, Some(&context.id()), Some(step)).await? {
            Restored::Done => "; its deletion protection is as it was",
            Restored::Unchanged => "",
            Restored::NotYet => return Ok(None),
        };
        guard::remove_probes(context).await?;
        return Ok(Some(format!("`{index}` was not made by this run: kept{restored}{removed}")));
    }
    let is_again = context.is_again(step)?;
    let Some(seen) = context.world.target.describe().await? else {
        let what = if is_again { "deleted `INDEX`" } else { "`INDEX` is gone already" };
        return Ok(Some(format!("{}{removed}", what.replace("INDEX", &index))));
    };
    let is_purge = context.state.cause.as_ref().is_some_and(|cause| cause.is_purge());
    // One that is on its way out is not asked what it holds.
    let copied = match is_again || seen.is_terminating() {
        true => 0,
        false => arrived(context).await?,
    };
    if copied > 0 && !is_purge {
        return Ok(Some(format!(
            "kept `{index}` with the {} copied so far; {}{removed}",
            plural(copied, "record"),
            purge_command(context)
        )));
    }
    match guard::delete_target(context, &index, is_purge, step).await {
        Ok(true) => Ok(Some(format!("deleted `{index}`{removed}"))),
        Ok(false) => Ok(None),
        Err(refusal) if refusal.leaves_it_alone() => Ok(Some(format!(
            "kept `{index}`: {}; {}{removed}",
            refusal.reason(),
            purge_command(context)
        ))),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Says how to delete the target, in a rehearsal without a command, which would act on the real run.
fn purge_command(context: &Context) -> String {
    if context.options.is_rehearsal {
        return "a rollback with `--purge` would delete it if this run made it".to_owned();
    }
    let plan = context.plan.path.display();
    format!("`vecshift rollback --purge {plan}` deletes it if this run made it")
}
