//! What is in an index now, by its own counts: asked until two answers in a row agree.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Checked, Effect, identity};
use crate::clock::{Clock, after};
use crate::copy::choose;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::ShardState;
use crate::model::{IndexStats, Namespace, Observed, Side, StageId, Tally};
use crate::provider::Source;
use crate::run::Context;

/// Answers that are asked for before they are given up on.
const ANSWERS: u32 = 20;
/// How long the target may take to show what was written.
const CATCH_UP: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);
/// Problems that are named.
const NAMED: usize = 10;

pub(super) async fn look(context: &Context, effect: &Effect) -> Result<()> {
    match effect {
        Effect::DeleteSource(checked) => still_as_checked(context, checked).await,
        Effect::DeleteTarget { index, is_purge: false } => {
            let seen = identity::must_be_there(context, Side::Target).await?;
            if !seen.ready && seen.state.starts_with("Initializ") {
                // It was never ready: nobody can have written to it, and nobody can count it.
                return Ok(());
            }
            let total = agreed(&context.clock, &*context.world.target).await?.total;
            if total == 0 {
                return Ok(());
            }
            let records = Observed::count(total);
            Err(Error::new(ErrorKind::Refused, format!("`{index}` holds {records} records")))
        }
        _ => Ok(()),
    }
}

/// The counts of an index, once two answers in a row are the same: a namespace that one answer leaves out is there.
///
/// # Errors
/// `Conflict` where the answers keep changing.
pub(super) async fn agreed(clock: &Clock, index: &dyn Source) -> Result<IndexStats> {
    let mut last = Some(index.stats().await?);
    for _ in 0..ANSWERS {
        if let Some(counts) = confirmed(&mut last, index.stats().await?) {
            return Ok(counts);
        }
        clock.sleep(PAUSE).await;
    }
    Err(Error::new(ErrorKind::Conflict, "the index counts its records differently each time")
        .with_hint("something writes to it: stop the writes, then run the same command again"))
}

/// What a run copied out of one namespace, or into one.
#[derive(Default)]
struct Copied {
    shards: Vec<ShardState>,
}

impl Copied {
    fn expected(&self) -> u64 {
        self.shards.iter().map(|state| state.shard.expected).sum()
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.shards.iter().for_each(|state| tally.add(state.checkpoint.tally));
        tally
    }
}

/// An answer that says what the one before it said.
fn confirmed(last: &mut Option<IndexStats>, next: IndexStats) -> Option<IndexStats> {
    let is_same = last.as_ref().is_some_and(|last| last.namespaces == next.namespaces);
    *last = Some(next.clone());
    is_same.then_some(next)
}

/// What each copy took of each namespace, or gave to it.
fn copied_by(
    context: &Context,
    of: fn(&ShardState) -> &Namespace,
) -> BTreeMap<Namespace, BTreeMap<StageId, Copied>> {
    let mut all: BTreeMap<Namespace, BTreeMap<StageId, Copied>> = BTreeMap::new();
    context.recorder.with_state(|state| {
        for stage in &state.stages {
            for shard in stage.shards.values() {
                let copies = all.entry(of(shard).clone()).or_default();
                copies.entry(stage.id.clone()).or_default().shards.push(shard.clone());
            }
        }
    });
    all
}

/// The source's counts, once it is certain that deleting it would lose nothing: it holds what was copied, in the
/// namespaces that were copied; and the target holds that now.
///
/// # Errors
/// `Refused`, naming the namespaces.
pub(in crate::run) async fn refuse_loss(
    context: &Context,
    has_snapshot: bool,
) -> Result<IndexStats> {
    both_are_there(context).await?;
    let source = agreed(&context.clock, &*context.world.source).await?;
    let mut problems = of_the_source(context, &source, has_snapshot);
    let deadline = after(context.clock.now(), CATCH_UP);
    loop {
        let missing =
            of_the_target(context, &agreed(&context.clock, &*context.world.target).await?);
        if missing.is_empty() || !problems.is_empty() || context.clock.now() >= deadline {
            problems.extend(missing);
            break;
        }
        context.sleep(PAUSE).await?;
    }
    refuse(&problems)?;
    Ok(source)
}

/// Counting an index that is gone would take minutes of retries.
async fn both_are_there(context: &Context) -> Result<()> {
    identity::must_be_there(context, Side::Target).await?;
    identity::must_be_there(context, Side::Source).await.map(drop)
}

async fn still_as_checked(context: &Context, checked: &Checked) -> Result<()> {
    both_are_there(context).await?;
    let target = agreed(&context.clock, &*context.world.target).await?;
    let source = agreed(&context.clock, &*context.world.source).await?;
    let mut problems = of_the_source(context, &source, checked.has_snapshot);
    problems.extend(of_the_target(context, &target));
    refuse(&problems)?;
    if checked.counts.namespaces == source.namespaces {
        return Ok(());
    }
    let message = format!(
        "the source had {} records when it was checked and has {} now, or they are in other namespaces: something writes to it",
        checked.counts.total, source.total
    );
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("stop the writes and run the same command again; the source was not deleted"))
}

fn of_the_source(context: &Context, counts: &IndexStats, has_snapshot: bool) -> Vec<String> {
    let copied = copied_by(context, |state| &state.shard.source);
    let first = context.recorder.with_state(|state| state.first_counts.clone());
    let selected = selected(context, counts);
    // What was not there, or was not shown, when the copy was planned.
    let has_appeared = |name: &Namespace| {
        selected.contains(name) || first.as_ref().is_some_and(|first| !first.contains_key(name))
    };
    let held = counts.namespaces.iter().filter(|(_, records)| **records > 0);
    let names: BTreeSet<&Namespace> = held.map(|(name, _)| name).chain(copied.keys()).collect();
    let problem = |name: &Namespace| {
        let now = counts.count(name);
        match copied.get(name) {
            Some(copies) => {
                let now = now + erased(context, Side::Source, name);
                copies.values().find_map(|copied| of_copied(name, copied, now, has_snapshot))
            }
            None if has_appeared(name) => Some(format!(
                "`{name}` ({now} records) appeared after the copy was planned and is in no copy"
            )),
            None if !has_snapshot => {
                Some(format!("`{name}` ({now} records) was not copied and there is no snapshot"))
            }
            None => None,
        }
    };
    names.into_iter().filter_map(problem).collect()
}

/// The namespaces that the plan's copies would take now.
fn selected(context: &Context, counts: &IndexStats) -> BTreeSet<Namespace> {
    let copies = context.plan.copies();
    let chosen =
        copies.iter().filter_map(|copy| choose(counts, copy.asked.namespaces.as_ref()).ok());
    chosen.flatten().map(|(namespace, _)| namespace).collect()
}

fn of_copied(name: &Namespace, copied: &Copied, now: u64, has_snapshot: bool) -> Option<String> {
    let (expected, tally) = (copied.expected(), copied.tally());
    if expected != now {
        return Some(format!(
            "`{name}` had {expected} records when it was copied and has {now} now"
        ));
    }
    if copied.shards.iter().any(|state| !state.is_complete) {
        return Some(format!("`{name}` was not copied completely"));
    }
    let left = [
        (tally.failed, "were refused by the target"),
        (tally.left_out, "were left out by the filter"),
    ];
    let (records, why) = left.into_iter().find(|(records, _)| *records > 0 && !has_snapshot)?;
    Some(format!("{records} records of `{name}` {why} and there is no snapshot"))
}

fn of_the_target(context: &Context, counts: &IndexStats) -> Vec<String> {
    let copied = copied_by(context, |state| &state.shard.target);
    let missing = copied.iter().filter_map(|(name, copies)| {
        let erased = erased(context, Side::Target, name);
        let copied: u64 = copies.values().map(|copied| copied.tally().copied).sum();
        let written = copied.saturating_sub(erased);
        let now = counts.count(name);
        (now < written).then(|| {
            format!("`{name}` of the target was given {written} records and holds {now} now")
        })
    });
    missing.collect()
}

/// Records that somebody had deleted since: what is left has to add up.
fn erased(context: &Context, side: Side, namespace: &Namespace) -> u64 {
    context.recorder.with_state(|state| state.erased_of(side, namespace))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(namespaces: &[&str]) -> IndexStats {
        let namespaces: BTreeMap<_, _> =
            namespaces.iter().map(|name| (Namespace::new(*name), 1)).collect();
        IndexStats { dimension: None, total: namespaces.len() as u64, namespaces }
    }

    fn agreed_of(answers: &[&[&str]]) -> Option<IndexStats> {
        let mut last = None;
        answers.iter().find_map(|names| confirmed(&mut last, stats(names)))
    }

    #[test]
    fn a_namespace_that_one_answer_leaves_out_is_there() {
        assert_eq!(agreed_of(&[&["a"], &["a", "b"], &["a", "b"]]), Some(stats(&["a", "b"])));
        assert_eq!(
            agreed_of(&[&["a", "b"], &["a"], &["a", "b"], &["a", "b"]]),
            Some(stats(&["a", "b"]))
        );
    }

    #[test]
    fn one_answer_and_answers_that_keep_changing_are_none() {
        assert_eq!(agreed_of(&[&["a"]]), None);
        assert_eq!(agreed_of(&[&["a"], &["b"], &["a"], &["b"]]), None);
    }
}
