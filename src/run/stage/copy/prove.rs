//! Proves that a copy is complete by comparing what was settled with the source's counts, namespace by namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::import::Imported;
use super::outcome::settled;
use crate::assertion::{Measured, judge_once};
use crate::copy::count_extra;
use crate::error::Result;
use crate::journal::{Event, ShardState};
use crate::model::{Cursor, Enumeration, Namespace, RecordId, Side, Verdict, plural};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::context::guard::{agreed, counted};
use crate::run::line::artifacts::dead_letters;
use crate::run::line::pipeline;
use crate::store::read::Picks;

/// The current state of every shard, by namespace.
pub(super) fn by_namespace(context: &Context) -> Result<BTreeMap<Namespace, Vec<ShardState>>> {
    let mut all: BTreeMap<Namespace, Vec<ShardState>> = BTreeMap::new();
    for state in context.stage_state()?.shards.values() {
        all.entry(state.shard.source.clone()).or_default().push(state.clone());
    }
    Ok(all)
}

/// What stands in the way of an import.
const NOT_IMPORTED: &str = "the files were not imported: an assertion fails on what was written";

/// Marks the shards of a namespace complete if every record the source counts is settled, and records the gaps of the
/// others.
///
/// # Errors
/// Those of counting the source.
pub(super) async fn prove(context: &Context, copy: &CopyStage) -> Result<()> {
    let counts = agreed(&context.clock, &*context.world.source).await?;
    // As many rows as there were prove something of records only if no two of them are one.
    if let Some(scan) = context.world.source.scan() {
        scan.see_distinct(true).await?;
    }
    let mut gaps = Vec::new();
    for (namespace, states) in by_namespace(context)? {
        // The number is of what went since the copy was planned; a copy that is planned anew begins with none.
        let (state, side) = (&context.state, Side::Source);
        let erased = state.erased_of(side, &namespace);
        let was_erased = state.erased_from.contains(&(side, namespace.clone()));
        let found = gap(&states, counts.count(&namespace) + erased);
        // What a collection brought back of it is named by `returned`.
        if let Some(gap) = found.filter(|_| !(was_erased && is_brought_back(&states))) {
            gaps.push(format!("`{namespace}`: {gap}"));
            continue;
        }
        for state in states.iter().filter(|state| !state.is_complete) {
            let shard = state.shard.id();
            context.record(Event::ShardCompleted { stage: context.id(), shard })?;
        }
    }
    if gaps.is_empty()
        && let Some(imported) = Imported::of(context, copy).await?
        && !imported.has_begun
        && has_failed(context)?
    {
        gaps.push(NOT_IMPORTED.to_owned());
    }
    context.record(Event::CopyProven { stage: context.id(), gaps })
}

/// Returns whether an assertion already fails. An import cannot be repeated, so it is not started then.
fn has_failed(context: &Context) -> Result<bool> {
    let measured = settled(context.stage_state()?.tally());
    let strict = context.options.strict;
    let (stage, none) = (context.stage(), Measured::default());
    let implied = stage.implied();
    let all = stage.assertions.iter().chain(&implied);
    let mut judgements = all.map(|assertion| judge_once(assertion, &measured, &none));
    Ok(judgements.any(|one| one.verdict == Verdict::Fail && one.is_blocking(strict)))
}

/// Returns whether a collection holds more of a namespace than the source counts, and nothing less.
fn is_brought_back(states: &[ShardState]) -> bool {
    states.iter().all(|ShardState { shard, checkpoint, .. }| {
        matches!(shard.enumeration, Enumeration::Collection)
            && checkpoint.cursor == Cursor::End
            && checkpoint.tally.missing == 0
            && checkpoint.tally.enumerated >= shard.expected
    })
}

/// Records what was erased from the source and is in the target all the same, namespace by namespace: files that were
/// imported, or a collection, had it before it was erased.
///
/// # Errors
/// Those of reading either side.
pub(super) async fn prove_returned(context: &Context, copy: &CopyStage) -> Result<()> {
    let pipeline = pipeline(context, copy, dead_letters(context, copy)).await?;
    let erased = context.state.erased_from.iter().filter(|(side, _)| *side == Side::Source);
    let erased: BTreeSet<Namespace> = erased.map(|(_, namespace)| namespace.clone()).collect();
    let mut gaps = Vec::new();
    let held = counted(&*context.world.target).await?;
    for (target, sources) in filled(context, &erased)? {
        if held.count(&target) == 0 || sources.is_disjoint(&erased) {
            continue;
        }
        let sources: Vec<Namespace> = sources.into_iter().collect();
        let mut each = |_| Ok(());
        let every: Picks = Arc::new(|_: &RecordId| true);
        let extra = count_extra(&pipeline, &sources, &target, every, &mut each).await?;
        if let Some(extra) = extra.filter(|extra| *extra > 0) {
            gaps.push(format!(
                "`{target}` of the target holds {} deleted from the source: delete the same there \
                 (`vecshift namespaces delete` with `--side target`)",
                plural(extra, "record")
            ));
        }
    }
    match gaps.is_empty() {
        true => Ok(()),
        false => context.record(Event::CopyProven { stage: context.id(), gaps }),
    }
}

/// Namespaces of the target with those of the source that they were filled from. One that was erased whole before the
/// copy was planned is in no plan; a collection brings it under its own name.
fn filled(
    context: &Context,
    erased: &BTreeSet<Namespace>,
) -> Result<BTreeMap<Namespace, BTreeSet<Namespace>>> {
    let mut all: BTreeMap<Namespace, BTreeSet<Namespace>> = BTreeMap::new();
    let mut planned: BTreeSet<Namespace> = BTreeSet::new();
    for ShardState { shard, .. } in context.stage_state()?.shards.values() {
        planned.insert(shard.source.clone());
        all.entry(shard.target.clone()).or_default().insert(shard.source.clone());
    }
    for namespace in erased.difference(&planned) {
        all.entry(namespace.clone()).or_default().insert(namespace.clone());
    }
    Ok(all)
}

/// Describes the difference between what was settled of a namespace and the `now` records the source counts; `None` if
/// there is none.
pub(super) fn gap(states: &[ShardState], now: u64) -> Option<String> {
    let expected: u64 = states.iter().map(|state| state.shard.expected).sum();
    if let Some(gap) = states.iter().find_map(gap_of_shard) {
        return Some(gap);
    }
    if now != expected {
        return Some(format!(
            "the source counted {} at first and {now} now: something writes to it",
            plural(expected, "record")
        ));
    }
    None
}

fn gap_of_shard(state: &ShardState) -> Option<String> {
    let (tally, expected) = (state.checkpoint.tally, state.shard.expected);
    let place = match state.shard.cell {
        0 => String::new(),
        cell => format!(" in cell {cell}"),
    };
    if state.checkpoint.cursor != Cursor::End {
        return Some(format!("it did not come to its end{place}"));
    }
    // A staging index names what was there when it was made; the source may have less by now.
    let is_frozen = matches!(state.shard.enumeration, Enumeration::Staging { .. });
    if tally.missing > 0 && !is_frozen {
        return Some(format!("not in the source: {}{place}", plural(tally.missing, "id")));
    }
    let found = tally.enumerated - tally.missing;
    if found != expected {
        return Some(format!(
            "the source counts {}{place}, and {} {} found",
            plural(expected, "record"),
            plural(found, "id"),
            if found == 1 { "was" } else { "were" }
        ));
    }
    None
}
