//! Checks what an index holds now, by its own counts.

use super::counts::agreed;
use super::{Checked, Effect, identity};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{RunState, Transfer, copied, given};
use crate::model::{IndexStats, Namespace, Observed, Side, StageId, plural};
use crate::plan::file::Traffic;
use crate::plan::{Plan, Stage, StageKind};
use crate::run::{Context, World};

/// The most problems named in a message.
const NAMED: usize = 10;

pub(super) async fn look(context: &Context, effect: &Effect) -> Result<()> {
    match effect {
        Effect::DeleteSource(checked) => still_as_checked(context, checked).await,
        Effect::DeleteTarget { index, is_purge: false } => {
            let seen = identity::must_be_there(context, Side::Target).await?;
            if !seen.ready && seen.state.starts_with("Initializ") {
                // An index that was never ready cannot have been written to, and cannot be counted.
                return Ok(());
            }
            let total = agreed(&context.clock, &*context.world.target).await?.total;
            if total == 0 {
                return Ok(());
            }
            let records = plural(total, "record");
            Err(Error::new(ErrorKind::Refused, format!("`{index}` holds {records}")))
        }
        _ => Ok(()),
    }
}

/// Checks the counts only: everything was read a moment ago, and later changes show in the counts.
async fn still_as_checked(context: &Context, checked: &Checked) -> Result<()> {
    identity::must_both_be_there(context).await?;
    let target = agreed(&context.clock, &*context.world.target).await?;
    let source = agreed(&context.clock, &*context.world.source).await?;
    refuse_uncopied(context, &source, checked.has_snapshot)?;
    if checked.counts.namespaces != source.namespaces {
        let message = format!(
            "the source had {} when it was checked and has {} now, or they are in other namespaces: something writes to it",
            plural(checked.counts.total, "record"),
            Observed::count(source.total)
        );
        return Err(Error::new(ErrorKind::Refused, message).with_hint(
            "stop the writes and run the same command again; the source was not deleted",
        ));
    }
    match short_of(context, &target) {
        // The stage's own assertion limits how many may be missing.
        short if context.asks("target.missing") || short.is_empty() => {}
        short => return refuse(&short),
    }
    refuse_obstacles(context).await
}

/// Refuses to delete a source that something else depends on, or that holds more than records.
///
/// # Errors
/// `Refused` or `Unauthorized`, with the first obstacle.
pub(in crate::run) async fn refuse_obstacles(context: &Context) -> Result<()> {
    match obstacles(&context.world, alias_of(context)).await?.into_iter().next() {
        Some(first) => Err(first),
        None => Ok(()),
    }
}

/// Finds what would keep the source from being deleted in the end; `moved` is the alias that stands for the target by then.
///
/// # Errors
/// Those of the provider.
pub(in crate::run) async fn obstacles(world: &World, moved: Option<&str>) -> Result<Vec<Error>> {
    match world.hands.looking_at_source().remove() {
        Some(remove) => remove.obstacles(moved).await,
        None => Ok(Vec::new()),
    }
}

/// An alias that a canary moves before the source is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) struct Moved<'a> {
    pub alias: &'a str,
    pub by: &'a StageId,
}

/// Returns the alias that is taken for moved by the time the source is deleted, wherever it stands now: its canary has yet to
/// pass, or passed in a rehearsal, which leaves the alias where it is. Once it was moved, what it stands for is seen.
pub(in crate::run) fn alias_to_move<'a>(
    plan: &'a Plan,
    state: &RunState,
    is_rehearsal: bool,
) -> Option<Moved<'a>> {
    let Some(Traffic::Alias(alias)) = &plan.traffic else { return None };
    let is_last = |stage: &&Stage| matches!(stage.kind, StageKind::Decommission(_));
    let before = plan.stages.iter().take_while(|stage| !is_last(stage));
    let mut movers = before.filter(|stage| matches!(stage.kind, StageKind::Canary(_)));
    let is_to_come = |stage: &&Stage| {
        is_rehearsal || state.stage(&stage.id).is_none_or(|stage| !stage.is_passed())
    };
    movers.find(is_to_come).map(|stage| Moved { alias: &alias.name, by: &stage.id })
}

/// Returns the alias that this stage takes for moved.
pub(in crate::run) fn alias_of(context: &Context) -> Option<&str> {
    let is_rehearsal = context.options.is_rehearsal;
    alias_to_move(&context.plan, &context.state, is_rehearsal).map(|moved| moved.alias)
}

/// Refuses to delete a source that holds what no copy has.
///
/// # Errors
/// `Refused`, naming the namespaces.
pub(in crate::run) fn refuse_uncopied(
    context: &Context,
    source: &IndexStats,
    has_snapshot: bool,
) -> Result<()> {
    refuse(&without_a_copy(context, source, has_snapshot))
}

/// Describes records that exist only in the source.
fn without_a_copy(context: &Context, counts: &IndexStats, has_snapshot: bool) -> Vec<String> {
    let copied = copied(&context.state);
    let held = counts.namespaces.iter().filter(|(_, records)| **records > 0);
    let problems = held.filter_map(|(name, now)| match copied.get(name) {
        Some(transfers) => transfers.iter().find_map(|transfer| lost(name, transfer, has_snapshot)),
        None if has_snapshot => None,
        None => {
            let now = plural(*now, "record");
            Some(format!("`{name}` ({now}) was not copied and there is no snapshot"))
        }
    });
    problems.collect()
}

fn lost(name: &Namespace, transfer: &Transfer, has_snapshot: bool) -> Option<String> {
    let tally = transfer.tally();
    if transfer.shards.iter().any(|state| !state.is_complete) {
        return Some(format!("`{name}` was not copied completely"));
    }
    let left = [
        (tally.failed, "were refused by the target"),
        (tally.left_out, "were left out by the filter"),
        (tally.skipped, "were not written over what the target had"),
    ];
    let (records, why) = left.into_iter().find(|(records, _)| *records > 0 && !has_snapshot)?;
    Some(format!("{records} records of `{name}` {why} and there is no snapshot"))
}

/// Describes target namespaces that count fewer records than were copied into them and not erased since.
pub(in crate::run) fn short_of(context: &Context, counts: &IndexStats) -> Vec<String> {
    let given = given(&context.state, &copied(&context.state));
    let short = given.into_iter().filter_map(|(name, given)| {
        let now = counts.count(&name);
        (now < given).then(|| {
            let given = plural(given, "record");
            format!("`{name}` of the target was given {given} and holds {now} now")
        })
    });
    short.collect()
}

fn refuse(problems: &[String]) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let mut shown = problems.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    if let Some(more) = problems.len().checked_sub(NAMED).filter(|more| *more > 0) {
        shown.push_str(&format!("; and {more} more"));
    }
    let message = format!("deleting the source would lose records: {shown}");
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("copy what is missing first, or put it back; the source was not touched"))
}
