//! Determines what each copy stage takes from the source, and what none of them takes.

use std::collections::BTreeMap;

use crate::copy::{Mapping, choose, idle_names, map_namespaces};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexStats, Namespace, Observed, Shard, Side, StageId, plural};
use crate::plan::{CopyStage, Plan};
use crate::run::Context;

/// The most namespaces named in a message.
const NAMED: usize = 5;

/// A copy stage and its namespaces.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub copy: CopyStage,
    pub mappings: Vec<Mapping>,
}

impl Selection {
    pub fn records(&self) -> u64 {
        self.mappings.iter().map(|mapping| mapping.records).sum()
    }
}

/// Returns what each copy stage takes from the source as it is now. A plan without copy stages selects everything under
/// its own name.
///
/// # Errors
/// Any error of [`map_namespaces`]; `Invalid` if two copy stages would write to the same target namespace.
pub(crate) fn selections(plan: &Plan, stats: &IndexStats) -> Result<Vec<Selection>> {
    let select = |copy: CopyStage| {
        let mappings = mappings(plan, &copy, stats)?;
        Ok(Selection { copy, mappings })
    };
    let all: Vec<_> = plan.copies_or_whole().into_iter().map(select).collect::<Result<_>>()?;
    let targets = all.iter().flat_map(|one| {
        one.mappings.iter().map(|mapping| (&one.copy.id, &mapping.source, &mapping.target))
    });
    refuse_meeting(targets)?;
    Ok(all)
}

/// Returns the namespaces one copy stage takes, with their names in the target.
pub(crate) fn mappings(plan: &Plan, copy: &CopyStage, stats: &IndexStats) -> Result<Vec<Mapping>> {
    let asked = copy.asked.namespaces.as_ref();
    let chosen = choose(stats, asked)?;
    map_namespaces(plan, chosen, asked).map_err(|error| match copy.is_only {
        true => error,
        false => error.with_context("stage", &copy.id),
    })
}

/// Refuses a copy that takes nothing.
///
/// # Errors
/// `Refused` if no namespace of the source is selected.
pub(crate) fn refuse_nothing(plan: &Plan, selection: &Selection, stats: &IndexStats) -> Result<()> {
    if !selection.mappings.is_empty() {
        return Ok(());
    }
    let idle = idle_names(plan, &selection.copy.asked, stats);
    let why = if idle.is_empty() { String::new() } else { format!(": {}", idle.join("; ")) };
    let of = match selection.copy.is_only {
        true => String::new(),
        false => format!(" by the copy `{}`", selection.copy.id),
    };
    let message = format!("no namespace of the source is selected{of}{why}");
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("look at `namespaces.select` and at what `vecshift namespaces list` shows"))
}

/// Returns the namespaces that hold records but belong to no copy stage, with their record counts.
pub(crate) fn not_taken(selections: &[Selection], stats: &IndexStats) -> BTreeMap<Namespace, u64> {
    let is_taken = |name: &Namespace| {
        let mut all = selections.iter().flat_map(|selection| &selection.mappings);
        all.any(|mapping| mapping.source == *name)
    };
    let left = stats.namespaces.iter().filter(|(name, records)| **records > 0 && !is_taken(name));
    left.map(|(name, records)| (name.clone(), *records)).collect()
}

/// Describes which namespaces no copy takes, naming the largest; `None` if all are taken.
pub(crate) fn not_copied(left: &BTreeMap<Namespace, u64>) -> Option<String> {
    let mut largest: Vec<_> = left.iter().collect();
    largest.sort_by_key(|(_, records)| std::cmp::Reverse(**records));
    let count = |number: u64| Observed::count(number).to_string();
    let records: u64 = left.values().sum();
    let names: Vec<String> = largest
        .iter()
        .take(NAMED)
        .map(|(name, records)| format!("`{name}` ({})", count(**records)))
        .collect();
    let more = largest.len().saturating_sub(NAMED);
    let tail = if more > 0 { format!(" and {} more", count(more as u64)) } else { String::new() };
    let are = if left.len() == 1 { "is" } else { "are" };
    (!left.is_empty()).then(|| {
        format!(
            "{} of the source with {} {are} taken by no copy stage: {}{tail}",
            plural(left.len() as u64, "namespace"),
            plural(records, "record"),
            names.join(", ")
        )
    })
}

/// Returns the distinct namespaces recorded by a copy stage, in order; empty if it has not run.
pub(crate) fn recorded_mappings(context: &Context, copy: &StageId) -> Vec<Mapping> {
    let mut all: BTreeMap<Namespace, Mapping> = BTreeMap::new();
    let states = context.state.stage(copy).into_iter().flat_map(|stage| stage.shards.values());
    for Shard { source, target, expected, .. } in states.map(|state| &state.shard) {
        let (source, target) = (source.clone(), target.clone());
        let empty = Mapping { source: source.clone(), target, records: 0 };
        all.entry(source).or_insert(empty).records += expected;
    }
    all.into_values().collect()
}

/// Returns the namespaces recorded by a copy stage, without the records that were deleted since they were planned from the
/// one of these sides that lost more.
pub(crate) fn mappings_left(context: &Context, copy: &StageId, sides: &[Side]) -> Vec<Mapping> {
    let mut mappings = recorded_mappings(context, copy);
    for Mapping { source, target, records } in &mut mappings {
        let erased = sides.iter().map(|side| match side {
            Side::Source => context.state.erased_of(*side, source),
            Side::Target => context.state.erased_of(*side, target),
        });
        *records = records.saturating_sub(erased.max().unwrap_or(0));
    }
    mappings
}

/// Returns what the copy stages before this stage have recorded, leaving out those that recorded nothing.
pub(crate) fn recorded_selections(context: &Context) -> Vec<Selection> {
    let recorded = context.stage().copies.iter().map(|copy| {
        let mappings = recorded_mappings(context, &copy.id);
        Selection { copy: copy.clone(), mappings }
    });
    recorded.filter(|selection| !selection.mappings.is_empty()).collect()
}

/// Checks that a copy does not write to a namespace that another copy stage of this run has recorded as its own.
///
/// # Errors
/// Any error of [`selections`].
pub(crate) fn refuse_recorded(
    context: &Context,
    copy: &CopyStage,
    mappings: &[Mapping],
) -> Result<()> {
    let mut all: Vec<(StageId, Mapping)> = Vec::new();
    for other in context.plan.copies.iter().filter(|other| other.id != copy.id) {
        let recorded = recorded_mappings(context, &other.id);
        all.extend(recorded.into_iter().map(|mapping| (other.id.clone(), mapping)));
    }
    all.extend(mappings.iter().map(|mapping| (copy.id.clone(), mapping.clone())));
    refuse_meeting(all.iter().map(|(copy, mapping)| (copy, &mapping.source, &mapping.target)))
}

/// Refuses two copy stages that write to the same target namespace.
fn refuse_meeting<'a>(
    all: impl Iterator<Item = (&'a StageId, &'a Namespace, &'a Namespace)>,
) -> Result<()> {
    let mut first: BTreeMap<&Namespace, (&StageId, &Namespace)> = BTreeMap::new();
    let mut meeting = Vec::new();
    for (copy, source, target) in all {
        let (other, theirs) = *first.entry(target).or_insert((copy, source));
        if other != copy {
            meeting.push(format!(
                "`{theirs}` of the copy `{other}` and `{source}` of the copy `{copy}` would both become `{target}`"
            ));
        }
    }
    if meeting.is_empty() {
        return Ok(());
    }
    let more = meeting.len().saturating_sub(NAMED);
    meeting.truncate(NAMED);
    let tail = if more > 0 { format!("; and {more} more") } else { String::new() };
    let message =
        format!("two copy stages write to the same namespace: {}{tail}", meeting.join("; "));
    Err(Error::new(ErrorKind::Invalid, message).with_hint(
        "give one of them other names with `namespaces.rename`, or narrow its `namespaces.select`; one copy stage can \
         bring several namespaces into one with `merge: true`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_goes_to_two_targets_and_two_copies_to_no_same_one() {
        let (first, second) = (StageId::new("first"), StageId::new("second"));
        let refused = |all: &[(&StageId, &str, &str)]| {
            let all: Vec<_> = all
                .iter()
                .map(|(copy, from, to)| (*copy, Namespace::from(*from), Namespace::from(*to)))
                .collect();
            refuse_meeting(all.iter().map(|(copy, from, to)| (*copy, from, to))).err()
        };
        assert!(refused(&[(&first, "a", "x"), (&second, "a", "y")]).is_none());
        // A single copy stage may merge namespaces.
        assert!(refused(&[(&first, "a", "x"), (&first, "b", "x")]).is_none());
        let error =
            refused(&[(&first, "a", "x"), (&first, "b", "y"), (&second, "c", "y")]).unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(
            error.message().ends_with(
                "`b` of the copy `first` and `c` of the copy `second` would both become `y`"
            ),
            "{error}"
        );
    }
}
