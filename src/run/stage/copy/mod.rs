//! Copies every record of the selected namespaces and proves that it did.
//!
//! [`next`] has the order of the steps. `plan` records the shards, and `shards` copies them. `view` keeps the source as it is
//! for them where the source can, `staging` makes an index that lists the ids, `collected` waits for a target that was made with its records, `merge` proves that merged namespaces share
//! no id, and `existing` handles ids the target already holds. `import` has the target import what was written as files, and
//! `finish` has it make what is only worth making once the records are there. `prove` compares what was settled with the
//! source's own counts, `mapping` writes the names for the application, and `outcome` says what became of the records.

mod collected;
mod due;
mod existing;
mod finish;
mod import;
mod mapping;
mod merge;
mod next;
mod outcome;
mod plan;
mod prove;
mod retries;
mod shards;
mod staging;
mod view;

pub use existing::Held;
pub(crate) use existing::look;
use import::Imported;
pub use next::Step;
pub(super) use next::next;
pub(super) use outcome::{arrived, undo};

use super::resource::{ask_collection, remove_one, see_collection};
use crate::error::Result;
use crate::journal::Event;
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::context::guard;
use crate::run::line::{is_open, manifest};
use crate::run::route::{chosen_route, route_of};
use crate::run::taken::Taken;
use crate::store::Obstacle;

/// Takes a step.
///
/// # Errors
/// Those of the step; another try may succeed.
pub(super) async fn take(step: &Step, copy: &CopyStage, context: &Context) -> Result<Taken> {
    let name = step.name().unwrap_or_default();
    match step {
        Step::Inventory => {
            retries::count_on(context);
            note_inventory(context).await?;
        }
        Step::Choose => drop(route_of(context, copy).await?),
        Step::Plan => plan::plan_shards(context, copy, chosen_route(context, copy)?).await?,
        Step::PlanAgain => plan::plan_again(context, copy, chosen_route(context, copy)?).await?,
        Step::SeeCollected => return collected::see_collected(context, copy, &name).await,
        Step::AskCollection => {
            if !staging::is_there(context, copy).await? {
                ask_collection(context, copy).await?;
            }
        }
        Step::SeeCollection => {
            if !staging::is_there(context, copy).await? {
                return see_collection(context, copy, &name).await;
            }
        }
        Step::AskStaging => staging::ask(context, copy).await?,
        Step::SeeStaging => return staging::see_ready(context, copy, &name).await,
        Step::SeeListed => return staging::see_listed(context, copy, &name).await,
        Step::SortIds => manifest::prepare_ids(context, copy).await?,
        Step::SeeDisjoint => merge::prove_merges(context, copy).await?,
        Step::SeeExisting => existing::prepare_existing(context, copy).await?,
        Step::OpenView => drop(view::open(context, copy).await?),
        Step::Begin => begin(context, copy).await?,
        Step::Shard(shard) => shards::copy_shard(context, copy, shard).await?,
        Step::Prove => {
            context.copying.close();
            prove::prove(context, copy).await?;
        }
        Step::Import => {
            if let Some(imported) = Imported::of(context, copy).await? {
                imported.start(context).await?;
            }
        }
        Step::SeeImport => {
            if let Some(imported) = Imported::of(context, copy).await? {
                return imported.see_ended(context, &name).await;
            }
        }
        Step::SeeImported => {
            if let Some(imported) = Imported::of(context, copy).await? {
                return imported.see_counted(context, &name).await;
            }
        }
        Step::SeeReturned => prove::prove_returned(context, copy).await?,
        Step::Remove(of, resource) => return remove_one(context, of, resource).await,
        Step::Finish => return finish::see_finished(context, &name).await,
        Step::Measure => outcome::measure(context, copy).await?,
    }
    Ok(Taken::Done)
}

/// Notes once per run which files the source consists of and what in them is not read, in the audit or when the copy
/// begins.
///
/// # Errors
/// `Refused` with what no copy can be made with, where no audit has said it.
async fn note_inventory(context: &Context) -> Result<()> {
    let is_audited = context.plan.audit.is_some();
    let is_begun = context.state.stages.iter().any(|stage| !stage.shards.is_empty());
    if is_audited || is_begun {
        return Ok(());
    }
    let inventory = context.world.source.inventory().await?;
    for sentence in inventory.iter().flat_map(|inventory| inventory.sentences()) {
        context.note(sentence)?;
    }
    Obstacle::refuse(&inventory.unwrap_or_default().obstacles)
}

/// Makes the folder of an import ready, and says that reading begins.
async fn begin(context: &Context, copy: &CopyStage) -> Result<()> {
    guard::refuse_shared_storage(&context.plan, &context.world).await?;
    if let Some(imported) = Imported::of(context, copy).await? {
        imported.begin(context).await?;
    }
    // Whatever an earlier attempt learned is learned anew.
    context.copying.close();
    match is_open(context, copy) {
        true => context.record(Event::CopyingStarted { stage: context.id() }),
        false => Ok(()),
    }
}
