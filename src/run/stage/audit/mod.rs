//! Looks at both sides and changes nothing.
//!
//! Counts cover the whole index; findings about records are based on a sample. They are written to `audit.json` for
//! machines and `audit.txt` for people, and the essentials go into the run's report.

mod findings;
mod hot;
mod limits;
mod measured;
mod notes;
mod records;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use self::findings::{FORMAT, Findings, Reject};
use self::hot::QueryLog;
use self::records::{Ids, Sparse, mean_bytes};
use super::copy::{Selection, not_taken, selections};
use super::fields::Fields;
use super::route::{Sides, facts_of, held_by};
use super::sampling::Sampled;
use super::weight::{Weight, sample_of, sample_size};
use super::{Acted, Check, Work};
use crate::assertion::Measured;
use crate::copy::{Changed, Mapping, Transform};
use crate::error::{Error, Result};
use crate::fs::{Access, replace};
use crate::model::{IndexDescription, IndexStats, Namespace};
use crate::plan::file::Audit;
use crate::provider::advice::{Load, Needs, Way, lost};
use crate::provider::blocking;
use crate::provider::parquet::RecordWriter;
use crate::provider::pinecone::SWEEP_LIMIT;
use crate::provider::registry::{asked_for, connector};
use crate::run::Context;
use crate::run::price::Pricing;
use crate::store::{Inventory, Refusal, Refusals, Rule};

/// The number of largest namespaces listed in the artifact.
const LARGEST: usize = 10;

pub(super) struct AuditWork(pub Audit);

/// Builds the error for a missing source, with a hint on what to check.
pub(crate) fn no_source(context: &Context) -> Error {
    context.world.no_source(&context.plan.source)
}

/// Everything the audit has read.
struct Seen {
    index: IndexDescription,
    stats: IndexStats,
    /// The namespaces each copy takes.
    selections: Vec<Selection>,
    /// The namespaces of all copies together.
    mappings: Vec<Mapping>,
    sampled: Vec<Sampled>,
    target: Option<IndexDescription>,
    /// The estimated size of each copy.
    weights: Vec<Weight>,
    ways: Vec<Way>,
    log: Option<QueryLog>,
    inventory: Option<Inventory>,
}

#[async_trait]
impl Work for AuditWork {
    async fn check(&self, _: &Context) -> Result<Check> {
        Ok(Check::Holds)
    }

    async fn act(&self, context: &Context) -> Result<Acted> {
        let source = &context.world.source;
        let index = source.describe().await?.ok_or_else(|| no_source(context))?;
        let stats = source.stats().await?;
        let selections = selections(&context.plan, &stats)?;
        let all = selections.iter().flat_map(|selection| selection.mappings.clone());
        let mappings: Vec<Mapping> = all.collect();
        let (plan, count) = (&context.plan, sample_size(&context.plan, self.0.sample));
        let sampled = sample_of(plan, &context.world, &index.spec, &selections, count).await?;
        let target = context.world.target.describe().await?;
        let held = held_by(&context.world, target.as_ref()).await?;
        let (mut weights, mut ways) = (Vec::new(), Vec::new());
        for selection in &selections {
            let weight = Weight::of(plan, selection, &index.spec, &sampled)?;
            let (source, target) = (&index.spec, target.as_ref());
            let sides = Sides { source, stats: &stats, target, held: &held };
            let facts = facts_of(plan, &context.world, selection, sides, &weight);
            ways.extend(super::route::ways(&facts, &[]));
            weights.push(weight);
        }
        let log = self.query_log(context, &stats).await?;
        let inventory = source.inventory().await?;
        let seen = Seen {
            index,
            stats,
            selections,
            mappings,
            sampled,
            target,
            weights,
            ways,
            log,
            inventory,
        };
        let findings = self.findings(context, &seen)?;
        self.write(context, &findings)?;
        self.export(context, &seen.sampled)?;
        notes::record(context, &findings)?;
        let mut measured = measured::of_source(&seen, &findings);
        measured::add_target(context, seen.target.as_ref(), count, &mut measured).await?;
        Ok(Acted::Measured { target: measured, source: Measured::default() })
    }

    async fn undo(&self, _: &Context) -> Result<String> {
        Ok("nothing to undo".to_owned())
    }
}

impl AuditWork {
    /// Returns the sampled records that the target would refuse as they would arrive.
    fn rejects(
        &self,
        context: &Context,
        selections: &[Selection],
        sampled: &[Sampled],
    ) -> Result<Vec<Reject>> {
        let mut transforms = BTreeMap::new();
        for selection in selections {
            let transform = Arc::new(Transform::new(&context.plan, &selection.copy.asked)?);
            let targets = selection.mappings.iter().map(|mapping| &mapping.target);
            transforms.extend(targets.map(|target| (target, transform.clone())));
        }
        let planned = asked_for(&context.plan);
        let write = context.world.target.must_write()?;
        let mut rejects = Vec::new();
        for one in sampled {
            let Some(transform) = transforms.get(&one.mapping.target) else { continue };
            let refusal = match transform.change(&one.mapping.source, one.record.clone()) {
                Changed::Kept(record) => write.rejects(&record, planned.as_ref()),
                Changed::LeftOut => None,
                Changed::Refused(_, reason) => Some(Refusal::new(Rule::Change, reason)),
            };
            if let Some(Refusal { rule, reason }) = refusal {
                let namespace = one.mapping.source.to_string();
                rejects.push(Reject { namespace, id: one.record.id.clone(), rule, reason });
            }
        }
        Ok(rejects)
    }

    async fn query_log(&self, context: &Context, stats: &IndexStats) -> Result<Option<QueryLog>> {
        let Some(pattern) = self.0.query_log.clone() else { return Ok(None) };
        let base = context.plan.base.clone();
        let known = stats.namespaces.keys().cloned().collect();
        blocking(move || hot::read(&base, &pattern, known)).await.map(Some)
    }

    fn findings(&self, context: &Context, seen: &Seen) -> Result<Findings> {
        let Seen { index, stats, selections, mappings, sampled, .. } = seen;
        let mean = mean_bytes(sampled);
        let selected_records = mappings.iter().map(|mapping| mapping.records).sum();
        let sizes: Vec<f64> =
            seen.weights.iter().flat_map(|weight| weight.namespace_bytes.clone()).collect();
        let asked = seen.log.as_ref().map(|log| asked(log, mappings, mean)).unwrap_or_default();
        let load = Load {
            records: selected_records,
            bytes: sizes.iter().sum(),
            namespace_bytes: &sizes,
            asked: &asked,
        };
        let logged = seen.log.as_ref().and_then(|log| log.per_month);
        let prices = Pricing::of(&context.plan, logged);
        let cost = prices.estimate(&index.spec.deployment, load);
        let target = seen.target.as_ref().map(|target| target.spec.deployment.clone());
        let target = target.or_else(|| asked_for(&context.plan).map(|spec| spec.deployment));
        let fields = Fields::of(sampled.iter().map(|one| &one.record));
        let (nested_fields, null_fields) = records::complex(sampled);
        let rejects = self.rejects(context, selections, sampled)?;
        let needs = Needs {
            namespaces: mappings.len() as u64,
            records: selected_records,
            bytes: load.bytes,
        };
        let of_source = connector(&context.plan.source.provider)?;
        let of_target = connector(&context.plan.target.provider)?;
        let source = &index.spec.deployment;
        let lost = target.as_ref().map(|target| {
            lost((of_source.operations(), &source.kind), (of_target.operations(), &target.kind))
        });
        let suggested = source.filterable.as_ref();
        let suggested = suggested.and_then(|by| of_target.filtering_by(by, target.as_ref()));
        Ok(Findings {
            format: FORMAT,
            index: index.clone(),
            details: of_source.details(source),
            records: stats.total,
            namespaces: stats.namespaces.len(),
            selected_records,
            selected_namespaces: mappings.len(),
            not_copied: not_taken(selections, stats),
            namespaces_over_one_sweep: mappings
                .iter()
                .filter(|mapping| mapping.records > SWEEP_LIMIT)
                .count(),
            largest_namespaces: largest(mappings),
            sampled: sampled.len(),
            mean_record_bytes: mean,
            largest_records: records::largest(sampled),
            ids: Ids::of(sampled.iter().map(|one| &one.record.id)),
            sparse: Sparse::of(sampled.iter().map(|one| &one.record)),
            has_more_fields: fields.has_more(),
            fields: fields.summaries().into_iter().map(|one| (one.name.clone(), one)).collect(),
            nested_fields,
            null_fields,
            rejects_by_rule: by_rule(&rejects),
            rejects,
            inventory: seen.inventory.clone(),
            operations: of_target.operations(),
            lost_operations: lost.unwrap_or_default(),
            suggested_schema: suggested,
            limits: of_target.limits(needs, self.0.service_plan),
            ways: seen.ways.clone(),
            basis: basis(&seen.weights),
            cost,
            prices,
            query_log: seen.log.clone(),
        })
    }

    fn write(&self, context: &Context, findings: &Findings) -> Result<()> {
        let json = serde_json::to_vec_pretty(findings).map_err(|error| {
            Error::unexpected("the findings cannot be written as JSON").with_source(error)
        })?;
        let text = text::text(findings).into_bytes();
        for (name, ending, content) in [("audit", "json", json), ("audit to read", "txt", text)] {
            let path = context.artifacts.join(format!("{}.{ending}", context.stage().id));
            let cannot = |error| Error::io(format!("cannot write {}", path.display()), error);
            replace(&path, &content, Access::Usual).map_err(cannot)?;
            context.wrote(name, path.clone(), findings.sampled as u64)?;
        }
        Ok(())
    }

    fn export(&self, context: &Context, sampled: &[Sampled]) -> Result<()> {
        let Some(export) = &self.0.export else { return Ok(()) };
        let path = context.artifact_path(export);
        let mut writer = RecordWriter::create(&path)?;
        for one in sampled {
            writer.append(&one.mapping.source, std::slice::from_ref(&one.record))?;
        }
        let written = writer.finish()?;
        let records = written.values().map(|contents| contents.records).sum();
        context.wrote("sample", path, records)
    }
}

fn by_rule(rejects: &[Reject]) -> Refusals {
    let mut refusals = Refusals::default();
    for Reject { namespace, id, rule, reason } in rejects {
        refusals.add(&Namespace::new(&**namespace), id, *rule, reason);
    }
    refusals
}

/// Describes what the byte estimates of all copies are based on.
fn basis(weights: &[Weight]) -> String {
    let sampled = weights.iter().map(|weight| weight.sampled).sum();
    weights.first().map_or(String::new(), |weight| Weight { sampled, ..weight.clone() }.basis())
}

fn largest(mappings: &[Mapping]) -> Vec<Mapping> {
    let mut largest = mappings.to_vec();
    largest.sort_by_key(|mapping| std::cmp::Reverse(mapping.records));
    largest.truncate(LARGEST);
    largest
}

/// Returns the logged queries of each namespace, with its bytes.
fn asked(log: &QueryLog, mappings: &[Mapping], record_bytes: f64) -> Vec<(f64, f64)> {
    let asked = |mapping: &Mapping| {
        let queries = log.counts.get(&mapping.source).copied().unwrap_or(0);
        (queries as f64, mapping.records as f64 * record_bytes)
    };
    mappings.iter().map(asked).collect()
}
