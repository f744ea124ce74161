//! Compares both sides record by record, and finds what only the target holds.
//!
//! A record is compared in the form in which it should have arrived, after the plan's own changes. How each of its vectors is,
//! follows from what both stores keep of it and from the plan's tolerance: see [`Comparing`]. Metadata is compared with what
//! the target keeps of it ([`Write::kept`](crate::store::Write::kept)), bit by bit; where the plan has a tolerance for all,
//! as numbers, so that `-0` equals `0`.

mod extra;

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{StreamExt, TryStreamExt};

pub use self::extra::count_extra;
use super::difference::{Difference, DifferenceKind, Schemas, Tallies, differences};
use super::origin::{Lists, pages_of};
use super::pipeline::Pipeline;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Comparing, Contents, Cursor, Enumeration, Record, RecordId, Shard};
use crate::store::fetch_all;
use crate::store::read::{Page, Picks, Reading, begin};

/// Pages of one shard that are compared concurrently.
const COMPARING: usize = 4;

/// The result of comparing one or more shards. `compared` is the sum of `equal`, `mismatched` and `missing`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Source records that were looked up in the target.
    pub compared: u64,
    pub equal: u64,
    /// Source records that the target lacks.
    pub missing: u64,
    /// Records whose values, sparse values or metadata differ.
    pub mismatched: u64,
    /// Those of them whose dense or sparse values differ.
    pub values_mismatched: u64,
    /// Those of them whose metadata differ. A record can be counted in both.
    pub metadata_mismatched: u64,
    /// Ids that the source listed but then did not have, because something writes to it. Not included in `compared`.
    pub vanished: u64,
    /// What the comparison of each vector field came to, by its name in the target.
    pub vectors: Tallies,
    /// Metadata fields and their types on both sides, over records that exist on both.
    pub schemas: Schemas,
    /// Contents read from the source, before the plan's changes.
    pub source: Contents,
}

impl Comparison {
    pub fn add(&mut self, other: Self) {
        self.compared += other.compared;
        self.equal += other.equal;
        self.missing += other.missing;
        self.mismatched += other.mismatched;
        self.values_mismatched += other.values_mismatched;
        self.metadata_mismatched += other.metadata_mismatched;
        self.vanished += other.vanished;
        for (name, tally) in other.vectors {
            self.vectors.entry(name).or_default().add(tally);
        }
        self.schemas.add(other.schemas);
        self.source += other.source;
    }

    /// Returns the largest difference of one component, over all records and vectors.
    pub fn max_difference(&self) -> f64 {
        self.vectors.values().map(|tally| tally.max_difference).fold(0.0, f64::max)
    }

    /// Compares one record with the target's record of the same id.
    pub fn compare(
        &mut self,
        shard: &Shard,
        expected: &Record,
        seen: Option<&Record>,
        comparing: &Comparing,
    ) -> Vec<Difference> {
        self.compared += 1;
        let Some(seen) = seen else {
            self.missing += 1;
            return vec![Difference::missing(shard, &expected.id)];
        };
        self.schemas.record(expected, seen);
        let found = differences(shard, expected, seen, comparing, &mut self.vectors);
        let has = |kinds: &[DifferenceKind]| found.iter().any(|one| kinds.contains(&one.kind));
        self.values_mismatched += u64::from(has(&[DifferenceKind::Vector, DifferenceKind::Sparse]));
        self.metadata_mismatched += u64::from(has(&[DifferenceKind::Metadata]));
        match found.is_empty() {
            true => self.equal += 1,
            false => self.mismatched += 1,
        }
        found
    }
}

/// Compares the records of a shard that `is_chosen` selects, and passes every difference to `found`.
///
/// # Errors
/// `Interrupted` if the pipeline was cancelled; any error of reading either side.
pub async fn compare_shard(
    (pipeline, reading): (&Pipeline, &Reading),
    shard: &Shard,
    lists: Lists,
    comparing: &Comparing,
    is_chosen: Picks,
    found: &mut (dyn FnMut(Comparison, Vec<Difference>) -> Result<()> + Send),
) -> Result<()> {
    let reading = reading.clone().picking(is_chosen);
    let pages = pages_of(&*pipeline.source, shard, &Cursor::Start, lists, &reading).await?;
    let shared = Arc::new((pipeline.clone(), shard.clone(), comparing.clone()));
    let mut compared = pages
        .map_ok(move |page| {
            let shared = shared.clone();
            begin(async move { compare_page(&shared.0, &shared.1, page, &shared.2).await })
        })
        .try_buffered(COMPARING)
        .take_until(pipeline.cancel.clone().cancelled_owned())
        .boxed();
    // The number of ids listed by the target that also exist in the source.
    let mut here = 0;
    while let Some((comparison, differences, seen)) = compared.try_next().await? {
        here += seen;
        found(comparison, differences)?;
    }
    if pipeline.cancel.is_cancelled() {
        return Err(Error::new(ErrorKind::Interrupted, "interrupted while comparing"));
    }
    // Records missing from the target are not listed by it; only the source's own count reveals them.
    let short = shard.expected.saturating_sub(here);
    if is_listed_by_target(shard) && short > 0 {
        let missing = Comparison { compared: short, missing: short, ..Comparison::default() };
        found(missing, Vec::new())?;
    }
    Ok(())
}

/// Returns whether the ids are listed by the target, which may hold more records than the source and may lack some.
fn is_listed_by_target(shard: &Shard) -> bool {
    matches!(shard.enumeration, Enumeration::Staging { .. } | Enumeration::Collection)
}

/// Compares a page of the source; the third is how many of the ids that were found the source turned out to have.
async fn compare_page(
    pipeline: &Pipeline,
    shard: &Shard,
    mut page: Page,
    comparing: &Comparing,
) -> Result<(Comparison, Vec<Difference>, u64)> {
    let absent = page.missing();
    let ours = std::mem::take(&mut page.records).into_iter();
    let expected = ours.filter_map(|record| pipeline.transform.expected(&shard.source, record));
    let expected: Vec<Record> =
        expected.map(|record| pipeline.with_kept_metadata(record)).collect();
    let ids: Vec<RecordId> = expected.iter().map(|record| record.id.clone()).collect();
    let fetch = pipeline.target.must_fetch()?;
    let theirs = fetch_all(&*fetch, &shard.target, &ids).await?;
    let mut theirs: HashMap<RecordId, Record> =
        theirs.into_iter().map(|record| (record.id.clone(), record)).collect();
    let vanished = if is_listed_by_target(shard) { 0 } else { absent };
    let mut comparison = Comparison { vanished, source: page.contents, ..Comparison::default() };
    let mut differences = Vec::new();
    for expected in expected {
        let seen = theirs.remove(&expected.id);
        differences.extend(comparison.compare(shard, &expected, seen.as_ref(), comparing));
    }
    Ok((comparison, differences, page.found - absent))
}
