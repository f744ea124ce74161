//! What a copy moves: the one estimate of records and bytes that `audit`, `plan` and the choice of a way go by.

use super::copy::Selection;
use super::sampling::{Sampled, sample, seeded};
use crate::copy::{Changed, Mapping, Transform, record_guess};
use crate::error::Result;
use crate::model::{IndexSpec, Observed, Rate};
use crate::plan::Plan;
use crate::plan::file::StageKind;
use crate::run::World;
use crate::run::price::Load;

/// Records that are looked at where the plan does not say.
const SAMPLE: u64 = 500;
/// Seconds that a sample may take at a rate of the plan's own, where the plan does not say how many records it has; and
/// the least it has.
const SECONDS: f64 = 5.0;
const LEAST: u64 = 20;

/// What a copy moves, by a sample of its records as they would arrive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weight {
    /// Records that are read, by the source's own counts.
    pub records: u64,
    /// Records of them that would be written: all but what the filter leaves out.
    pub written: f64,
    /// Bytes of those as the service counts them, of each namespace.
    pub namespace_bytes: Vec<f64>,
    /// Mean bytes of a record of the source.
    pub record_bytes: f64,
    /// Records that were looked at; none: bytes are a guess by the dimension.
    pub sampled: u64,
}

impl Weight {
    /// By the records of a sample that belong to the copy.
    ///
    /// # Errors
    /// As [`Transform::new`].
    pub fn of(
        plan: &Plan,
        Selection { copy, mappings }: &Selection,
        source: &IndexSpec,
        sampled: &[Sampled],
    ) -> Result<Self> {
        let transform = Transform::new(plan, &copy.asked)?;
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
            if let Some(record) = arrived(transform.change(&one.mapping.source, one.record.clone()))
            {
                kept += 1;
                arriving += record;
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

    /// What it is for a price.
    pub fn load(&self) -> Load<'_> {
        Load {
            records: self.records,
            bytes: self.bytes(),
            namespace_bytes: &self.namespace_bytes,
            mean_read_units: None,
        }
    }

    /// What the bytes are from: `from a sample of 500 records`.
    pub fn basis(&self) -> String {
        match self.sampled {
            0 => "guessed by the dimension: there is no record to look at".to_owned(),
            1 => "from a sample of 1 record".to_owned(),
            sampled => format!("from a sample of {} records", Observed::count(sampled)),
        }
    }
}

/// Bytes of a record that the target gets, changed or not; `None` of one that is left out.
fn arrived(changed: Changed) -> Option<f64> {
    match changed {
        Changed::Kept(record) | Changed::Refused(record, _) => Some(record.stored_bytes() as f64),
        Changed::LeftOut => None,
    }
}

/// Records of what the copies take, the same for the same plan and source.
///
/// # Errors
/// Those of the source.
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

/// How many records `plan` looks at: as many as the audit stage does, so that both come to the same figures.
pub(crate) fn usual_size(plan: &Plan) -> u64 {
    let asked = plan.all_stages().into_iter().find_map(|(stage, _)| match &stage.kind {
        StageKind::Audit(audit) => audit.sample,
        _ => None,
    });
    sample_size(plan, asked)
}

/// How many records are looked at: as many as are asked for, else as many as the plan's own rate gives in a few seconds.
pub(crate) fn sample_size(plan: &Plan, asked: Option<u64>) -> u64 {
    let rates = plan.copies().into_iter().filter_map(|copy| copy.asked.rate).map(|Rate(rate)| rate);
    let most = rates.min_by(f64::total_cmp).map_or(SAMPLE, |rate| (rate * SECONDS) as u64);
    asked.unwrap_or(SAMPLE.min(most).max(LEAST))
}
