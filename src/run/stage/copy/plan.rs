//! Plans the shards: once for a run, and again for namespaces where only that can change the result of another attempt.

use std::collections::{BTreeMap, BTreeSet};

use super::existing::refuse_mixed;
use super::import::Imported;
use super::prove::{by_namespace, gap};
use super::view;
use crate::copy::{Mapping, idle_names};
use crate::error::{Error, Result};
use crate::journal::{Event, Route, ShardState};
use crate::model::{Cursor, Enumeration, Namespace, Range, Shard, Side, View};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::context::guard::{agreed, counted};
use crate::run::line::artifacts::dead_letters;
use crate::run::line::manifest::recorded_as;
use crate::run::line::staging_index;
use crate::run::route::{Enumerator, refuse_gaps};
use crate::run::selection::{refuse_nothing, refuse_recorded, selections};

/// Records the shards, once for a run.
///
/// # Errors
/// `Refused` if no namespace is selected, or not every id of one can be found; `Invalid` if another copy writes to the same
/// namespace; any error of the source.
pub(super) async fn plan_shards(context: &Context, copy: &CopyStage, route: Route) -> Result<()> {
    if context.stage_state()?.is_planned {
        return Ok(());
    }
    let view = view::known(context, copy)?;
    let stats = match view::counts(context, view.as_ref()).await? {
        Some(shown) => shown,
        None => agreed(&context.clock, &*context.world.source).await?,
    };
    let mut selected = selections(&context.plan, &stats)?.into_iter();
    let own = selected.find(|selection| selection.copy.id == copy.id);
    let own = own.ok_or_else(|| Error::unexpected(format!("`{}` is no copy stage", copy.id)))?;
    refuse_nothing(&context.plan, &own, &stats)?;
    let mappings = own.mappings;
    refuse_recorded(context, copy, &mappings)?;
    for idle in idle_names(&context.plan, &copy.asked, &stats) {
        context.note(idle)?;
    }
    let shards = match route {
        Route::Collection => whole(&mappings, &Enumeration::Collection),
        Route::Staging => {
            let index = staging_index(context, copy).name;
            whole(&mappings, &Enumeration::Staging { index })
        }
        Route::Stream | Route::Import => {
            enumerated(context, copy, &mappings, (view, false)).await?
        }
    };
    if !context.stage_state()?.shards.is_empty() {
        context.record(Event::ShardsDropped { stage: context.id(), source: None })?;
    }
    let count = shards.len() as u64;
    for shard in shards {
        context.record(Event::ShardPlanned { stage: context.id(), shard })?;
    }
    context.record(Event::CopyPlanned { stage: context.id(), shards: count })
}

/// Returns whether a namespace that is not planned anew has been read in part.
fn is_half_read(context: &Context, again: &[Mapping]) -> Result<bool> {
    let again: BTreeSet<&Namespace> = again.iter().map(|mapping| &mapping.source).collect();
    let kept = context.stage_state()?.shards.values();
    let mut kept = kept.filter(|state| !again.contains(&state.shard.source));
    Ok(kept.any(|state| !matches!(state.checkpoint.cursor, Cursor::Start | Cursor::End)))
}

fn whole(mappings: &[Mapping], enumeration: &Enumeration) -> Vec<Shard> {
    let shard = |mapping: &Mapping| Shard {
        source: mapping.source.clone(),
        cell: 0,
        target: mapping.target.clone(),
        enumeration: enumeration.clone(),
        expected: mapping.records,
    };
    mappings.iter().map(shard).collect()
}

async fn enumerated(
    context: &Context,
    copy: &CopyStage,
    mappings: &[Mapping],
    (view, is_anew): (Option<View>, bool),
) -> Result<Vec<Shard>> {
    let enumerator = Enumerator {
        plan: &context.plan,
        copy: &copy.asked,
        source: context.world.source_of(&copy.id),
        most_counts: None,
        is_anew,
        view,
    };
    let found = enumerator.all(mappings).await?;
    refuse_gaps(&found)?;
    let shards = found.iter().flat_map(|one| one.shards());
    Ok(shards
        .map(|shard| Shard { enumeration: recorded_as(context, copy, shard.enumeration), ..shard })
        .collect())
}

/// Replans the namespaces that another attempt has to walk again: their shards finished without proof, the target
/// refused records, records that are in files already were erased, or what has yet to be swept has changed. Files that the
/// target has begun to import must not change.
///
/// # Errors
/// As [`plan_shards`].
pub(super) async fn plan_again(context: &Context, copy: &CopyStage, route: Route) -> Result<()> {
    if Imported::of(context, copy).await?.is_some_and(|imported| imported.has_begun) {
        return Ok(());
    }
    let counts = counted(&*context.world.source).await?;
    let mut view = view::known(context, copy)?;
    let shown = view::counts(context, view.as_ref()).await?;
    let mut again: Vec<Mapping> = Vec::new();
    for (namespace, states) in by_namespace(context)? {
        let now = counts.count(&namespace);
        let to_read = shown.as_ref().map(|shown| shown.count(&namespace));
        let erased = context.state.erased_of(Side::Source, &namespace);
        let has_ended = states.iter().all(|state| state.checkpoint.cursor == Cursor::End);
        let was_refused =
            states.iter().any(|state| state.is_complete && state.checkpoint.tally.failed > 0);
        // The files of an import would bring back what was erased.
        let is_written = route == Route::Import && erased > 0;
        let must_again = match has_ended {
            true => was_refused || is_written || gap(&states, now + erased).is_some(),
            false => {
                erased > 0
                    || is_sweep_void(context, &states, (now, to_read)).await?
                    || is_lost(context, copy, &namespace, &states).await?
            }
        };
        if must_again {
            let target = states[0].shard.target.clone();
            again.push(Mapping { source: namespace, target, records: now });
        }
    }
    if !again.is_empty() {
        view::end(context, copy).await?;
        view = match view::is_read_by(copy, route) {
            true => view::open_another(context, copy).await?,
            false => None,
        };
        if view.is_some() && is_half_read(context, &again)? {
            context.note(
                "the view that the source was read from was closed: what is not copied again goes on where it stopped, with what is there now",
            )?;
        }
        if let Some(shown) = view::counts(context, view.as_ref()).await? {
            again.iter_mut().for_each(|one| one.records = shown.count(&one.source));
        }
        replan(context, copy, &again, view).await?;
    }
    let again: BTreeSet<Namespace> = again.into_iter().map(|mapping| mapping.source).collect();
    let kept = context.stage_state()?.shards.values();
    let mut kept = kept.filter(|state| !again.contains(&state.shard.source));
    if kept.any(|state| state.checkpoint.tally.failed > 0) {
        return Ok(());
    }
    let dead_letters = dead_letters(context, copy);
    match tokio::fs::remove_file(&dead_letters).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", dead_letters.display()), error))
        }
        _ => Ok(()),
    }
}

/// Returns whether a namespace that is swept, whole or in cells, has changed since it was planned, as far as it is read: of a
/// view only what that shows counts. A sweep is proven by the count it was planned with.
async fn is_sweep_void(
    context: &Context,
    states: &[ShardState],
    (now, shown): (u64, Option<u64>),
) -> Result<bool> {
    let (now, has_view) = (shown.unwrap_or(now), shown.is_some());
    let expected: u64 = states.iter().map(|state| state.shard.expected).sum();
    let scan = context.world.source.scan();
    let is_bound = |range: &Range| scan.as_ref().is_some_and(|scan| scan.is_bound(range));
    let mut cells = Vec::new();
    for state in states {
        let is_open = state.checkpoint.cursor != Cursor::End;
        match &state.shard.enumeration {
            Enumeration::Scan(range) if is_open && now != expected && is_bound(range) => {
                return Ok(true);
            }
            // Not begun, and planned with a count that is out of date.
            _ if state.checkpoint.cursor == Cursor::Start && now != expected => return Ok(true),
            Enumeration::Scan(range) if is_open && !has_view => {
                cells.push((range, state.shard.expected))
            }
            _ => {}
        }
    }
    for (range, expected) in cells {
        let scan = context.world.source.must_scan()?;
        let counted = scan.recount(&states[0].shard.source, range).await?;
        if counted.is_some_and(|counted| counted != expected) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns whether the source no longer knows where a shard of the namespace was, and says so.
///
/// # Errors
/// Those of [`refuse_mixed`] and of the source.
async fn is_lost(
    context: &Context,
    copy: &CopyStage,
    namespace: &Namespace,
    states: &[ShardState],
) -> Result<bool> {
    let Some(scan) = context.world.source.scan() else { return Ok(false) };
    for state in states {
        let Enumeration::Scan(range) = &state.shard.enumeration else { continue };
        if scan.is_lost(namespace, range, &state.checkpoint.cursor).await? {
            refuse_mixed(context, copy, states)?;
            context.note(format!(
                "`{namespace}` is copied from its beginning again: what was read of it before is not what is there now, or \
                 an earlier version kept the place in another way"
            ))?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Replans the shards of some namespaces. If this is interrupted, the whole copy is planned again.
async fn replan(
    context: &Context,
    copy: &CopyStage,
    again: &[Mapping],
    view: Option<View>,
) -> Result<()> {
    let old = &context.stage_state()?.shards;
    let enumerations: BTreeMap<&Namespace, &Enumeration> =
        old.values().map(|state| (&state.shard.source, &state.shard.enumeration)).collect();
    let (mut shards, mut open) = (Vec::new(), Vec::new());
    for mapping in again {
        match enumerations.get(&mapping.source).copied().cloned() {
            Some(listed @ (Enumeration::Staging { .. } | Enumeration::Collection)) => {
                shards.extend(whole(std::slice::from_ref(mapping), &listed));
            }
            _ => open.push(mapping.clone()),
        }
    }
    if !open.is_empty() {
        shards.extend(enumerated(context, copy, &open, (view, true)).await?);
    }
    for mapping in again {
        let source = Some(mapping.source.clone());
        context.record(Event::ShardsDropped { stage: context.id(), source })?;
    }
    let sources: BTreeSet<&Namespace> = again.iter().map(|mapping| &mapping.source).collect();
    let kept = old.values().filter(|state| !sources.contains(&state.shard.source)).count();
    let count = (kept + shards.len()) as u64;
    for shard in shards {
        context.record(Event::ShardPlanned { stage: context.id(), shard })?;
    }
    context.record(Event::CopyPlanned { stage: context.id(), shards: count })
}
