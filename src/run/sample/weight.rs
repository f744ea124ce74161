//! The size of a copy: the one estimate of records and bytes used by `audit`, `plan` and the choice of a route.

use super::records::{Sampled, sample, seeded};
use crate::copy::Mapping;
use crate::error::Result;
use crate::model::{IndexSpec, Rate, plural};
use crate::plan::Plan;
use crate::provider::advice::{Load, Size};
use crate::run::World;
use crate::run::selection::Selection;
use crate::run::sides::transform;
use crate::store::read::record_guess;

/// The default number of records to sample.
const SAMPLE: u64 = 500;
/// Limits of the sample size if the plan gives none: the seconds that sampling may take at the plan's own rate, and the
/// least number of records.
const SECONDS: f64 = 5.0;
const LEAST: u64 = 20;

/// The size of a copy, estimated from a sample of its records as they would arrive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weight {
    /// Records to read, by the source's own counts.
    pub records: u64,
    /// Records to write: all but those the filter leaves out.
    pub written: f64,
    /// Bytes to write as billed by the service, for each namespace.
    pub namespace_bytes: Vec<f64>,
    /// Mean bytes of a source record.
    pub record_bytes: f64,
    /// The number of records sampled; with 0, bytes are guessed from the dimension.
    pub sampled: u64,
}

impl Weight {
    /// Estimates from the sampled records that belong to the copy.
    ///
    /// # Errors
    /// Any error of [`transform`].
    pub fn of(
        plan: &Plan,
        Selection { copy, mappings }: &Selection,
        (source, target): (&IndexSpec, Option<&IndexSpec>),
        sampled: &[Sampled],
    ) -> Result<Self> {
        let transform = transform(plan, copy, source, target)?;
        let own = sampled.iter().filter(|one| {
            let same = |mapping: &Mapping| {
                (&mapping.source, &mapping.target) == (&one.mapping.source, &one.mapping.target)
            };
            mappings.iter().any(same)
        });
        let (mut looked, mut kept) = (0_u64, 0_u64);
        let (mut read, mut arriving) = (0.0, 0.0);
        for one in own {
            looked += 1;
            read += one.record.stored_bytes() as f64;
            if let Some(record) = transform.expected(&one.mapping.source, one.record.clone()) {
                kept += 1;
                arriving += record.stored_bytes() as f64;
            }
        }
        let guess = record_guess(source.dimension.unwrap_or(0) as usize) as f64;
        let mean = |sum: f64, of: u64| if of == 0 { guess } else { sum / of as f64 };
        let share = if looked == 0 { 1.0 } else { kept as f64 / looked as f64 };
        let records: u64 = mappings.iter().map(|mapping| mapping.records).sum();
        let each = mean(arriving, kept) * share;
        Ok(Self {
            records,
            written: records as f64 * share,
            namespace_bytes: mappings.iter().map(|one| one.records as f64 * each).collect(),
            record_bytes: mean(read, looked),
            sampled: looked,
        })
    }

    pub fn bytes(&self) -> f64 {
        self.namespace_bytes.iter().sum()
    }

    /// Returns the size that the candidates of a copy are estimated by.
    pub fn size(&self) -> Size {
        Size {
            records: self.records,
            namespace_bytes: self.namespace_bytes.clone(),
            record_bytes: self.record_bytes,
        }
    }

    /// Returns the load for a price estimate.
    pub fn load(&self) -> Load<'_> {
        Load {
            records: self.records,
            bytes: self.bytes(),
            namespace_bytes: &self.namespace_bytes,
            asked: &[],
        }
    }

    /// Describes what the byte estimate is based on: `from a sample of 500 records`.
    pub fn basis(&self) -> String {
        match self.sampled {
            0 => "guessed by the dimension: there is no record to look at".to_owned(),
            sampled => format!("from a sample of {}", plural(sampled, "record")),
        }
    }
}

/// Samples records of what the copies take, the same ones for the same plan and source.
///
/// # Errors
/// Any error of the source.
pub(crate) async fn sample_of(
    plan: &Plan,
    world: &World,
    source: &IndexSpec,
    selections: &[Selection],
    count: u64,
) -> Result<Vec<Sampled>> {
    let mappings: Vec<Mapping> =
        selections.iter().flat_map(|selection| selection.mappings.clone()).collect();
    let dimension = source.dimension.unwrap_or(0) as usize;
    let mut rng = seeded(plan, "audit");
    sample(&*world.source, dimension, &mappings, count, &mut rng).await
}

/// Returns how many records `plan` samples: as many as the audit stage, so that both come to the same figures.
pub(crate) fn usual_size(plan: &Plan) -> u64 {
    sample_size(plan, plan.audit.as_ref().and_then(|audit| audit.sample))
}

/// Returns how many records to sample: as many as requested, or else as many as the plan's own rate delivers in a few
/// seconds.
pub(crate) fn sample_size(plan: &Plan, asked: Option<u64>) -> u64 {
    let rates = plan.copies.iter().filter_map(|copy| copy.asked.rate).map(|Rate(rate)| rate);
    let most = rates.min_by(f64::total_cmp).map_or(SAMPLE, |rate| (rate * SECONDS) as u64);
    asked.unwrap_or(SAMPLE.min(most).max(LEAST))
}
