//! Source namespaces for which no copy planned shards.

use super::found::{Change, Kind};
use crate::copy::choose;
use crate::error::Result;
use crate::journal::{RunState, copied};
use crate::model::{IndexStats, Namespace};
use crate::plan::CopyStage;
use crate::run::Context;

/// Returns how an unplanned namespace deviates from the plan; `None` if the plan leaves it behind, or if a copy that
/// has yet to run will take it.
///
/// # Errors
/// `Invalid` if a glob of the plan does not parse.
pub(super) fn unplanned(context: &Context, name: &Namespace, count: u64) -> Result<Option<Change>> {
    if !context.state.stages.iter().any(|stage| !stage.shards.is_empty()) {
        return Ok(None);
    }
    let is_selected = is_selected(context, name, count)?;
    let change = |kind, added, removed| Change { added, removed, ..Change::new(name, kind) };
    let first = context.state.first_counts.as_deref();
    let before = first.map(|first| first.get(name).copied().unwrap_or(0));
    Ok(match before {
        // A copy that has yet to run takes it.
        Some(before) if before > 0 && is_selected && is_to_run(context, name, count)? => None,
        _ if is_selected => Some(change(Kind::Appeared, count, 0)),
        Some(0) => Some(change(Kind::Appeared, count, 0)),
        Some(before) if before != count => {
            let (added, removed) = (count.saturating_sub(before), before.saturating_sub(count));
            Some(change(Kind::LeftBehind, added, removed))
        }
        // Unchanged, or recorded by an earlier version, which kept no counts.
        Some(_) | None => None,
    })
}

/// Returns the namespaces that appeared after the copy was planned, with their record counts.
///
/// # Errors
/// `Invalid` if a glob of the plan does not parse.
pub(in crate::run) fn appeared(
    context: &Context,
    counts: &IndexStats,
) -> Result<Vec<(Namespace, u64)>> {
    let planned = copied(&context.state);
    let mut found = Vec::new();
    for (name, count) in counts.namespaces.iter().filter(|(_, count)| **count > 0) {
        let is_new = !planned.contains_key(name)
            && unplanned(context, name, *count)?.is_some_and(|of| of.kind == Kind::Appeared);
        if is_new {
            found.push((name.clone(), *count));
        }
    }
    Ok(found)
}

/// Returns whether any copy stage of the plan selects this namespace.
fn is_selected(context: &Context, name: &Namespace, count: u64) -> Result<bool> {
    takes(&context.plan.copies_or_whole(), name, count)
}

/// Returns whether a copy stage that has not planned its shards yet selects this namespace.
fn is_to_run(context: &Context, name: &Namespace, count: u64) -> Result<bool> {
    let mut copies = context.plan.copies.clone();
    copies.retain(|copy| {
        let is_planned = |state: &RunState| state.stage(&copy.id).is_some_and(|of| of.is_planned);
        !is_planned(&context.state)
    });
    takes(&copies, name, count)
}

fn takes(copies: &[CopyStage], name: &Namespace, count: u64) -> Result<bool> {
    let stats = IndexStats { namespaces: [(name.clone(), count)].into(), ..IndexStats::default() };
    for copy in copies {
        if !choose(&stats, copy.asked.namespaces.as_ref())?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
