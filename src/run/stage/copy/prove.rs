//! Proves that a copy is complete by comparing what was settled with the source's counts, namespace by namespace.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::journal::{Event, ShardState};
use crate::model::{Cursor, Namespace, Side};
use crate::run::Context;

/// The current state of every shard, by namespace.
pub(super) fn by_namespace(context: &Context) -> Result<BTreeMap<Namespace, Vec<ShardState>>> {
    let mut all: BTreeMap<Namespace, Vec<ShardState>> = BTreeMap::new();
    for state in context.state()?.shards.into_values() {
        all.entry(state.shard.source.clone()).or_default().push(state);
    }
    Ok(all)
}

/// Marks the shards of a namespace complete if every record the source counts is settled. Returns the gaps of the
/// others.
pub(super) async fn prove(context: &Context) -> Result<Vec<String>> {
    let counts = context.world.source.stats().await?;
    let mut gaps = Vec::new();
    for (namespace, states) in by_namespace(context)? {
        let erased = context.recorder.with_state(|state| state.erased_of(Side::Source, &namespace));
        if let Some(gap) = gap(&states, counts.count(&namespace) + erased) {
            gaps.push(format!("`{namespace}`: {gap}"));
            continue;
        }
        for state in states.iter().filter(|state| !state.is_complete) {
            let shard = state.shard.id();
            context.record(Event::ShardCompleted { stage: context.id(), shard })?;
        }
    }
    Ok(gaps)
}

pub(super) fn report(context: &Context, gaps: &[String]) -> Result<()> {
    for gap in gaps.iter().take(20) {
        context.note(format!("not complete: {gap}"))?;
    }
    if gaps.len() > 20 {
        context.note(format!("not complete: {} namespaces more", gaps.len() - 20))?;
    }
    Ok(())
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
            "the source counted {expected} records at first and {now} now: something writes to it"
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
    if tally.missing > 0 {
        return Some(format!("{} ids{place} are not in the source", tally.missing));
    }
    if tally.enumerated != expected {
        return Some(format!(
            "the source counts {expected} records{place} and {} ids were found",
            tally.enumerated
        ));
    }
    None
}
