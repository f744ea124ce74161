//! Compares the counts of both sides.

use std::collections::BTreeSet;

use super::groups::Group;
use crate::assertion::Measured;
use crate::error::Result;
use crate::model::{IndexStats, Observed, Side, plural};
use crate::run::Context;
use crate::run::contents::appeared;
use crate::run::context::guard::agreed;

/// The most differing namespaces named in the report.
const NAMED: usize = 20;

/// Measures the differences between both sides' own counts, by target namespace. A source namespace that appeared
/// since the copy counts as missing from the target.
pub(super) async fn count(context: &Context, groups: &[Group]) -> Result<()> {
    let ours = agreed(&context.clock, &*context.world.source).await?;
    let theirs = agreed(&context.clock, &*context.world.target).await?;
    let (mut delta, mut differing) = (0, 0);
    for group in groups {
        let held = expected(group, &ours);
        let (a, b) = (held.saturating_sub(group.left_out()), theirs.count(&group.target));
        delta += a.abs_diff(b);
        if a == b {
            continue;
        }
        differing += 1;
        if differing <= NAMED {
            context.note(difference(group, (a, &ours), (b, &theirs)))?;
        }
    }
    for (namespace, records) in appeared(context, &ours)? {
        delta += records;
        differing += 1;
        if differing <= NAMED {
            context.note(format!(
                "`{namespace}` appeared in the source after the copy was planned, with {}",
                plural(records, "record")
            ))?;
        }
    }
    if differing > NAMED {
        context.note(format!(
            "and {} more whose counts differ",
            plural((differing - NAMED) as u64, "namespace")
        ))?;
    }
    let mut measured = Measured::default();
    measured.set("count_delta", Observed::count(delta), groups.len() as u64);
    context.observed(Side::Target, &measured)
}

/// Returns the records a target namespace should hold according to the source's current counts.
fn expected(group: &Group, source: &IndexStats) -> u64 {
    let sources: BTreeSet<_> = group.shards.iter().map(|state| &state.shard.source).collect();
    sources.into_iter().map(|namespace| source.count(namespace)).sum()
}

fn difference(
    group: &Group,
    (source, ours): (u64, &IndexStats),
    (target, theirs): (u64, &IndexStats),
) -> String {
    let names: Vec<_> = group.sources().iter().map(|name| format!("`{name}`")).collect();
    let (have, names) = match names.len() {
        1 => ("has", names.concat()),
        _ => ("have together", names.join(", ")),
    };
    let caveat = |of: &IndexStats| of.caveat().map(|caveat| format!(" ({caveat})"));
    let (ours, theirs) = (caveat(ours).unwrap_or_default(), caveat(theirs).unwrap_or_default());
    format!(
        "{names} {have} {}{ours}, `{}` has {}{theirs}",
        plural(source, "record"),
        group.target,
        Observed::count(target)
    )
}
