//! Looks at both sides and changes nothing.

mod fields;
mod findings;

use async_trait::async_trait;

use self::fields::fields;
use self::findings::{Findings, Reject};
use super::copy::{mappings, transform_of};
use super::sampling::{Sampled, sample, seeded};
use super::{Acted, Check, Work};
use crate::assertion::Measured;
use crate::copy::{Changed, Mapping};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{Deployment, IndexDescription, IndexStats, Observed};
use crate::plan::file::Audit;
use crate::provider::parquet::RecordWriter;
use crate::run::Context;
use crate::run::price::PriceTable;

/// Records read where the plan does not say.
const SAMPLE: u64 = 500;
/// Namespaces listed in the artifact.
const LARGEST: usize = 10;

pub(super) struct AuditWork(pub Audit);

/// That there is no source, and what to check.
pub(crate) fn no_source(context: &Context) -> Error {
    missing_source(&context.plan.file.source.index)
}

pub(crate) fn missing_source(index: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no source index `{index}`"))
        .with_hint("check `source.index`, and that the API key is of the index's project")
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
        let mappings = mappings(&context.plan, &stats)?;
        let count = self.0.sample.unwrap_or(SAMPLE);
        let dimension = index.spec.dimension.unwrap_or(0) as usize;
        let mut rng = seeded(context, "audit");
        let sampled = sample(&**source, dimension, &mappings, count, &mut rng).await?;
        let target = context.world.target.describe().await?;
        let rejects = self.rejects(context, &sampled)?;
        let mean = mean_bytes(&sampled);
        let prices = PriceTable::new(context.plan.file.prices.as_ref());
        let sizes: Vec<f64> =
            mappings.iter().map(|mapping| mapping.records as f64 * mean).collect();
        let cost = prices.estimate(&index.spec.deployment, sizes.iter().sum(), &sizes);
        let mut largest: Vec<&Mapping> = mappings.iter().collect();
        largest.sort_by_key(|mapping| std::cmp::Reverse(mapping.records));
        largest.truncate(LARGEST);
        let findings = Findings {
            index: &index,
            records: stats.total,
            namespaces: stats.namespaces.len(),
            largest_namespaces: largest,
            sampled: sampled.len(),
            fields: fields(&sampled),
            longest_id: sampled.iter().map(|one| one.record.id.as_str().len()).max().unwrap_or(0),
            mean_record_bytes: mean,
            rejects,
            cost,
            prices,
        };
        self.write(context, &findings)?;
        self.export(context, &sampled)?;
        self.tell(context, &index, &stats, &mappings, &findings)?;
        let mut measured = self.measured(&index, &stats, &sampled, &findings);
        self.measure_target(context, target.as_ref(), &mut measured).await?;
        Ok(Acted::Measured { target: measured, source: Measured::default() })
    }

    async fn undo(&self, _: &Context) -> Result<String> {
        Ok("nothing to undo".to_owned())
    }
}

impl AuditWork {
    /// Records of the sample that the target would refuse as they would arrive.
    fn rejects(&self, context: &Context, sampled: &[Sampled]) -> Result<Vec<Reject>> {
        let transform = transform_of(context)?;
        let mut rejects = Vec::new();
        for one in sampled {
            let reason = match transform.change(&one.mapping.source, one.record.clone()) {
                Changed::Kept(record) => context.world.target.rejects(&record),
                Changed::LeftOut => None,
                Changed::Refused(_, reason) => Some(reason),
            };
            if let Some(reason) = reason {
                let namespace = one.mapping.source.to_string();
                rejects.push(Reject { namespace, id: one.record.id.clone(), reason });
            }
        }
        Ok(rejects)
    }

    fn write(&self, context: &Context, findings: &Findings<'_>) -> Result<()> {
        let path = context.artifacts.join(format!("{}.json", context.stage().id));
        let cannot = |error| Error::io(format!("cannot write {}", path.display()), error);
        std::fs::create_dir_all(&context.artifacts).map_err(cannot)?;
        let text = serde_json::to_vec_pretty(findings).map_err(|error| {
            Error::unexpected("the findings cannot be written as JSON").with_source(error)
        })?;
        std::fs::write(&path, text).map_err(cannot)?;
        context.wrote("audit", path, findings.sampled as u64)
    }

    fn export(&self, context: &Context, sampled: &[Sampled]) -> Result<()> {
        let Some(export) = &self.0.export else { return Ok(()) };
        let path = context.artifacts.join(export);
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)
                .map_err(|error| Error::io(format!("cannot make {}", dir.display()), error))?;
        }
        let mut writer = RecordWriter::create(&path)?;
        for one in sampled {
            writer.append(&one.mapping.source, std::slice::from_ref(&one.record))?;
        }
        let written = writer.finish()?;
        context.wrote("sample", path, written.records)
    }

    fn tell(
        &self,
        context: &Context,
        index: &IndexDescription,
        stats: &IndexStats,
        mappings: &[Mapping],
        findings: &Findings<'_>,
    ) -> Result<()> {
        let selected: u64 = mappings.iter().map(|mapping| mapping.records).sum();
        context.note(format!(
            "{}: {}, {} records in {} namespaces, {selected} in {} selected",
            index.spec.name,
            index.spec.deployment,
            stats.total,
            stats.namespaces.len(),
            mappings.len()
        ))?;
        if let Deployment::Pod { indexed, .. } = &index.spec.deployment {
            context.note("statistics by filter work on pods and not on serverless")?;
            if let Some(fields) = indexed {
                context.note(format!(
                    "only these metadata fields could be filtered on; serverless filters on all: {}",
                    fields.join(", ")
                ))?;
            }
        }
        for reject in findings.rejects.iter().take(10) {
            context.note(format!(
                "the target would refuse `{}` in `{}`: {}",
                reject.id, reject.namespace, reject.reason
            ))?;
        }
        let figures = [
            ("records", stats.total as f64),
            ("mean_record_bytes", findings.mean_record_bytes),
            ("target_monthly", findings.cost.target_monthly),
            ("copy_cost", findings.cost.copy),
        ];
        let figures = figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        context.record(Event::Measured { stage: context.id(), figures })
    }

    fn measured(
        &self,
        index: &IndexDescription,
        stats: &IndexStats,
        sampled: &[Sampled],
        findings: &Findings<'_>,
    ) -> Measured {
        let n = sampled.len() as u64;
        let rejects = findings.rejects.len() as u64;
        let largest = sampled.iter().map(|one| one.record.metadata.json_bytes()).max().unwrap_or(0);
        let mut measured = Measured::default();
        describe(&mut measured, "source", index, stats);
        measured
            .set("source.metadata_bytes", Observed::Bytes(largest as f64), n)
            .set("source.id_chars", Observed::count(findings.longest_id as u64), n)
            .set("source.rejects", Observed::count(rejects), n)
            .set("source.rejects_share", Observed::Share(rejects as f64 / n.max(1) as f64), n)
            .set("cost.target_monthly", Observed::Dollars(findings.cost.target_monthly), n)
            .set("cost.copy", Observed::Dollars(findings.cost.copy), n);
        let unknown = "what the source costs is not known: give `prices.source_monthly` or `prices.pod_monthly`";
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

    async fn measure_target(
        &self,
        context: &Context,
        target: Option<&IndexDescription>,
        measured: &mut Measured,
    ) -> Result<()> {
        match target {
            Some(index) => {
                let stats = context.world.target.stats().await?;
                describe(measured, "target", index, &stats);
            }
            None => {
                for name in ["records", "namespaces", "dimension", "metric", "kind"] {
                    measured.set_not_measured(
                        &format!("target.{name}"),
                        "there is no target index yet",
                    );
                }
            }
        }
        Ok(())
    }
}

fn describe(measured: &mut Measured, side: &str, index: &IndexDescription, stats: &IndexStats) {
    let name = |name: &str| format!("{side}.{name}");
    measured
        .set(&name("records"), Observed::count(stats.total), 1)
        .set(&name("namespaces"), Observed::count(stats.namespaces.len() as u64), 1)
        .set(&name("metric"), Observed::Word(index.spec.metric.name().to_owned()), 1)
        .set(&name("kind"), Observed::Word(index.spec.deployment.kind().to_owned()), 1);
    match index.spec.dimension {
        Some(dimension) => measured.set(&name("dimension"), Observed::count(dimension.into()), 1),
        None => measured.set_not_measured(&name("dimension"), "a sparse index has none"),
    };
}

fn mean_bytes(sampled: &[Sampled]) -> f64 {
    let total: usize = sampled.iter().map(|one| one.record.stored_bytes()).sum();
    total as f64 / sampled.len().max(1) as f64
}
