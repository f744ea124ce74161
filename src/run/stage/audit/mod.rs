//! Looks at both sides and changes nothing.
//!
//! Counts cover the whole index; findings about records are based on a sample. They are written to `audit.json` for
//! machines and `audit.txt` for people, and the essentials go into the run's report.

mod findings;
mod hot;
mod limits;
mod measured;
mod metrics;
mod notes;
mod records;
mod seen;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::findings::{FORMAT, Findings, Reject};
use self::hot::QueryLog;
use self::records::{Ids, Sparse, mean_bytes};
use self::seen::{Looked, Outside, Seen};
use crate::assertion::Measured;
use crate::blocking::blocking;
use crate::copy::{Changed, Mapping};
use crate::error::{Error, Result};
use crate::fs::{Access, replace};
use crate::model::{IndexDescription, Namespace, Side};
use crate::plan::file::Audit;
use crate::provider::advice::{Load, Needs, lost};
use crate::provider::parquet::RecordWriter;
use crate::provider::registry::{asked_for, connector};
use crate::run::Context;
use crate::run::price::Pricing;
use crate::run::sample::{Fields, Sampled, Weight, sample_size, unsaid_filters};
use crate::run::selection::not_taken;
use crate::run::sides::{refuse_unfit, transform};
use crate::run::view::{Next, View};
use crate::store::{Refusal, Refusals, Rule};

/// The number of largest namespaces listed in the artifact.
const LARGEST: usize = 10;

/// A step of an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Looks at the source, at a sample of its records and at what a copy would make of them.
    Source,
    /// Looks at the target, where it is there already.
    Target,
}

impl Step {
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "look at the source",
            Self::Target => "look at the target",
        }
    }
}

pub(super) fn next(view: View<'_>) -> Next<Step> {
    view.first_left(&[Step::Source, Step::Target], Step::name).map_or(Next::Done, Next::Take)
}

pub(super) async fn take(step: Step, asked: &Audit, context: &Context) -> Result<()> {
    let measured = match step {
        Step::Source => look_at_source(asked, context).await?,
        Step::Target => {
            let count = sample_size(&context.plan, asked.sample);
            measured::of_target(context, count).await?
        }
    };
    context.observed(Side::Target, &measured)
}

async fn look_at_source(wanted: &Audit, context: &Context) -> Result<Measured> {
    let seen = match Seen::look(wanted, context).await? {
        Looked::All(seen) => seen,
        Looked::Outside(outside) => {
            let Outside { index, stats, inventory, target_inventory } = *outside;
            let of_target = target_inventory.sentences().into_iter();
            let of_target = of_target.map(|sentence| format!("target: {sentence}"));
            for sentence in inventory.sentences().into_iter().chain(of_target) {
                context.note(sentence)?;
            }
            context.note("no record of the source was looked at: something is in the way")?;
            return Ok(measured::of_outside((&index, &stats), (&inventory, &target_inventory)));
        }
    };
    metrics::see(context, &seen)?;
    let findings = findings(wanted, context, &seen)?;
    write(context, &findings).await?;
    export(wanted, context, (&seen.index, &seen.sampled)).await?;
    notes::record(context, &findings)?;
    let (source, target) = (&*context.world.source, &*context.world.target);
    for sentence in unsaid_filters(source, target, &seen.selections) {
        context.note(sentence)?;
    }
    Ok(measured::of_source(&seen, &findings))
}

/// Returns the sampled records that the target would refuse as they would arrive.
fn rejects(context: &Context, seen: &Seen) -> Result<Vec<Reject>> {
    let Seen { index, selections, sampled, target, .. } = seen;
    let target = target.as_ref().map(|seen| &seen.spec);
    let mut transforms = BTreeMap::new();
    for selection in selections {
        refuse_unfit(&context.plan, &selection.copy, &index.spec, target)?;
        let transform = Arc::new(transform(&context.plan, &selection.copy, &index.spec, target)?);
        let targets = selection.mappings.iter().map(|mapping| &mapping.target);
        transforms.extend(targets.map(|target| (target, transform.clone())));
    }
    let planned = asked_for(&context.plan);
    let write = context.world.target.must_write()?;
    let mut rejects = Vec::new();
    for one in sampled {
        let Some(transform) = transforms.get(&one.mapping.target) else { continue };
        let refusal = match transform.change(&one.mapping.source, one.record.clone()) {
            Changed::Kept(record) => write.rejects(&one.mapping.target, &record, planned.as_ref()),
            Changed::LeftOut => None,
            Changed::Refused(_, reason) => Some(Refusal::new(Rule::Change, reason)),
        };
        if let Some(Refusal { rule, reason }) = refusal {
            let namespace = one.mapping.source.explicit().to_owned();
            rejects.push(Reject { namespace, id: one.record.id.clone(), rule, reason });
        }
    }
    Ok(rejects)
}

fn findings(wanted: &Audit, context: &Context, seen: &Seen) -> Result<Findings> {
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
    let rejects = rejects(context, seen)?;
    let needs =
        Needs { namespaces: mappings.len() as u64, records: selected_records, bytes: load.bytes };
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
        counted: stats.of,
        count_quality: stats.quality,
        caveat: stats.caveat(),
        selected_records,
        selected_namespaces: mappings.len(),
        not_copied: not_taken(selections, stats),
        namespaces_over_one_sweep: of_source
            .query_reach()
            .map(|reach| mappings.iter().filter(|mapping| mapping.records > reach).count()),
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
        target_inventory: seen.target_inventory.clone(),
        operations: of_target.operations(),
        lost_operations: lost.unwrap_or_default(),
        suggested_schema: suggested,
        limits: of_target.limits(needs, wanted.service_plan),
        candidates: seen.candidates.clone(),
        basis: basis(&seen.weights),
        cost,
        prices,
        query_log: seen.log.clone(),
    })
}

async fn write(context: &Context, findings: &Findings) -> Result<()> {
    let json = serde_json::to_vec_pretty(findings).map_err(|error| {
        Error::unexpected("the findings cannot be written as JSON").with_source(error)
    })?;
    let text = text::text(findings).into_bytes();
    for (name, ending, content) in [("audit", "json", json), ("audit to read", "txt", text)] {
        let path = context.artifacts.join(format!("{}.{ending}", context.stage().id));
        let to = path.clone();
        blocking(move || {
            let cannot = |error| Error::io(format!("cannot write {}", to.display()), error);
            replace(&to, &content, Access::Usual).map_err(cannot)
        })
        .await?;
        context.wrote(name, path, findings.sampled as u64).await?;
    }
    Ok(())
}

async fn export(
    wanted: &Audit,
    context: &Context,
    (index, sampled): (&IndexDescription, &[Sampled]),
) -> Result<()> {
    let Some(export) = &wanted.export else { return Ok(()) };
    let path = context.artifact_path(export);
    let (to, fields, sampled) = (path.clone(), index.spec.vectors(), sampled.to_vec());
    let written = blocking(move || {
        let mut writer = RecordWriter::create(&to, &fields)?;
        for one in sampled {
            writer.append(&one.mapping.source, std::slice::from_ref(&one.record))?;
        }
        writer.finish()
    });
    let records = written.await?.values().map(|contents| contents.records).sum();
    context.wrote("sample", path, records).await
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
