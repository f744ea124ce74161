//! The metrics of an audit.

use super::findings::Findings;
use super::records::Ids;
use super::seen::Seen;
use crate::assertion::Measured;
use crate::copy::Mapping;
use crate::error::Result;
use crate::journal::Event;
use crate::model::{IndexDescription, IndexStats, Observed};
use crate::run::Context;
use crate::run::figures::COLD_FIGURE;
use crate::run::sample::{Sampled, sample, seeded};
use crate::run::stage::counted::measure_records;
use crate::store::Inventory;

/// Metrics of an existing target that come from the index itself.
const OF_INDEX: [&str; 4] = ["namespaces", "dimension", "metric", "kind"];
/// Metrics of an existing target that need a sample of its records.
const OF_SAMPLE: [&str; 4] = ["metadata_bytes", "id_chars", "rejects", "rejects_share"];

pub(super) fn of_source(seen: &Seen, findings: &Findings) -> Measured {
    let n = seen.sampled.len() as u64;
    let of_source = seen.inventory.clone().unwrap_or_default();
    let mut measured = of_outside((&seen.index, &seen.stats), (&of_source, &seen.target_inventory));
    describe_sample(&mut measured, "source", &seen.sampled, findings.rejects.len() as u64);
    measured.set("cost.copy", Observed::Dollars(findings.cost.copy), n).set(
        "cost.verify",
        Observed::Dollars(findings.cost.verify),
        n,
    );
    let unknown =
        "what the source costs is not known: give `prices.source_monthly` or `prices.pod_monthly`";
    match findings.cost.target_monthly {
        Some(cost) => measured.set("cost.target_monthly", Observed::Dollars(cost), n),
        None => {
            measured.set_not_measured("cost.target_monthly", "the target's system has no prices")
        }
    };
    match findings.cost.source_monthly {
        Some(cost) => measured.set("cost.source_monthly", Observed::Dollars(cost), n),
        None => measured.set_not_measured("cost.source_monthly", unknown),
    };
    match findings.cost.saving() {
        Some(saving) => measured.set("cost.saving", Observed::Share(saving), n),
        None => measured.set_not_measured("cost.saving", unknown),
    };
    measured
}

/// Measures what is known without a sample.
pub(super) fn of_outside(
    (index, stats): (&IndexDescription, &IndexStats),
    (source, target): (&Inventory, &Inventory),
) -> Measured {
    let mut measured = Measured::default();
    describe(&mut measured, "source", index, stats);
    for (name, inventory) in [("source.obstacles", source), ("target.obstacles", target)] {
        measured.set(name, Observed::count(inventory.obstacles.len() as u64), 1);
    }
    measured
}

/// Measures the target if it exists: its counts, and a sample if an assertion needs one. Sampling reads namespaces that
/// were cold until then.
pub(super) async fn of_target(context: &Context, count: u64) -> Result<Measured> {
    let mut measured = Measured::default();
    let Some(index) = context.world.target.describe().await? else {
        measured.set("target.records", Observed::count(0), 1);
        for name in OF_INDEX.into_iter().chain(OF_SAMPLE) {
            measured.set_not_measured(&format!("target.{name}"), "there is no target index yet");
        }
        return Ok(measured);
    };
    let target = &context.world.target;
    let stats = target.stats().await?;
    describe(&mut measured, "target", &index, &stats);
    let is_asked =
        |name: &str| name.strip_prefix("target.").is_some_and(|name| OF_SAMPLE.contains(&name));
    if !context.stage().assertions.iter().any(|one| is_asked(&one.metric.name)) {
        return Ok(measured);
    }
    let mapping = |(name, records): (&crate::model::Namespace, &u64)| Mapping {
        source: name.clone(),
        target: name.clone(),
        records: *records,
    };
    let mappings: Vec<Mapping> = stats.namespaces.iter().map(mapping).collect();
    let dimension = index.spec.dimension.unwrap_or(0) as usize;
    let mut rng = seeded(&context.plan, "audit of the target");
    // Sampling reads the target, so none of it is cold afterwards.
    let figures = [(COLD_FIGURE.to_owned(), 0.0)].into();
    context.keep(Event::Measured { stage: context.id(), figures }).await?;
    let sampled = sample(&**target, dimension, &mappings, count, &mut rng).await?;
    let write = target.must_write()?;
    let is_refused =
        |one: &&Sampled| write.rejects(&one.mapping.target, &one.record, None).is_some();
    let rejects = sampled.iter().filter(is_refused).count();
    describe_sample(&mut measured, "target", &sampled, rejects as u64);
    Ok(measured)
}

fn describe(measured: &mut Measured, side: &str, index: &IndexDescription, stats: &IndexStats) {
    let name = |name: &str| format!("{side}.{name}");
    measure_records(measured, side, stats);
    measured
        .set(&name("namespaces"), Observed::count(stats.namespaces.len() as u64), 1)
        .set(&name("metric"), Observed::Word(index.spec.metric.name().to_owned()), 1)
        .set(&name("kind"), Observed::Word(index.spec.deployment.kind.clone()), 1);
    match index.spec.dimension {
        Some(dimension) => measured.set(&name("dimension"), Observed::count(dimension.into()), 1),
        None => measured.set_not_measured(&name("dimension"), "a sparse index has none"),
    };
}

fn describe_sample(measured: &mut Measured, side: &str, sampled: &[Sampled], rejects: u64) {
    let n = sampled.len() as u64;
    let name = |name: &str| format!("{side}.{name}");
    let largest = sampled.iter().map(|one| one.record.metadata.json_bytes()).max().unwrap_or(0);
    let longest = Ids::of(sampled.iter().map(|one| &one.record.id)).longest;
    measured
        .set(&name("metadata_bytes"), Observed::Bytes(largest as f64), n)
        .set(&name("id_chars"), Observed::count(longest as u64), n)
        .set(&name("rejects"), Observed::count(rejects), n)
        .set(&name("rejects_share"), Observed::Share(rejects as f64 / n.max(1) as f64), n);
}
