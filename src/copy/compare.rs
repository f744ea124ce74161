//! Whether both sides hold the same: record by record, and what the target holds beyond.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures::future::FutureExt;
use futures::stream::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::enumerate::{IdChunk, Ids, Manifest};
use super::pipeline::{Pipeline, fetch_all};
use super::transform::Changed;
use crate::error::{Error, Result};
use crate::model::{Cursor, Enumeration, MetadataValue, Namespace, Record, RecordId, Shard};
use crate::provider::Source;

/// What comparing one or more shards came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Records compared.
    pub compared: u64,
    /// In the source and not in the target.
    pub missing: u64,
    /// Vector or sparse values differ by more than the tolerance.
    pub mismatched: u64,
    pub metadata_mismatched: u64,
    /// The largest difference of one component, over all records.
    pub max_difference: f64,
    /// Metadata fields whose type differs somewhere.
    pub drifted_fields: BTreeSet<String>,
}

/// One record that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    pub source_namespace: Namespace,
    pub target_namespace: Namespace,
    pub id: RecordId,
    pub kind: DifferenceKind,
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    Missing,
    Extra,
    Vector,
    Sparse,
    Metadata,
}

impl Comparison {
    pub fn add(&mut self, other: Self) {
        self.compared += other.compared;
        self.missing += other.missing;
        self.mismatched += other.mismatched;
        self.metadata_mismatched += other.metadata_mismatched;
        self.max_difference = self.max_difference.max(other.max_difference);
        self.drifted_fields.extend(other.drifted_fields);
    }
}

/// Compares the records of a shard that `is_chosen` picks; `found` gets every difference.
pub async fn compare_shard(
    pipeline: &Pipeline,
    shard: &Shard,
    manifest: Option<Manifest>,
    tolerance: f64,
    is_chosen: Arc<dyn Fn(&RecordId) -> bool + Send + Sync>,
    found: &mut (dyn FnMut(Difference) -> Result<()> + Send),
) -> Result<Comparison> {
    let source = pipeline.source.clone();
    let ids = Ids::start(source, shard, &Cursor::Start, pipeline.chunk_ids(), manifest).await?;
    let (shared, of) = (pipeline.clone(), Arc::new(shard.clone()));
    let mut compared = ids
        .into_stream()
        .map_ok(move |chunk| {
            compare_chunk(shared.clone(), of.clone(), chunk, tolerance, is_chosen.clone()).boxed()
        })
        .try_buffered(pipeline.chunks_in_flight.max(1))
        .take_until(pipeline.cancel.clone().cancelled_owned())
        .boxed();
    let mut total = Comparison::default();
    while let Some((comparison, differences)) = compared.try_next().await? {
        total.add(comparison);
        differences.into_iter().try_for_each(&mut *found)?;
    }
    if pipeline.cancel.is_cancelled() {
        return Err(Error::new(crate::ErrorKind::Interrupted, "interrupted while comparing"));
    }
    Ok(total)
}

async fn compare_chunk(
    pipeline: Pipeline,
    shard: Arc<Shard>,
    chunk: IdChunk,
    tolerance: f64,
    is_chosen: Arc<dyn Fn(&RecordId) -> bool + Send + Sync>,
) -> Result<(Comparison, Vec<Difference>)> {
    let ids: Vec<RecordId> = chunk.ids.into_iter().filter(|id| is_chosen(id)).collect();
    let permit = pipeline.concurrency.acquire().await?;
    let both = futures::future::try_join(
        fetch_all(&*pipeline.source, &shard.source, &ids),
        fetch_all(&*pipeline.target, &shard.target, &ids),
    )
    .await;
    pipeline.concurrency.release(permit, (pipeline.throttled)());
    let (ours, theirs) = both?;
    let mut theirs: HashMap<RecordId, Record> =
        theirs.into_iter().map(|record| (record.id.clone(), record)).collect();
    let mut comparison = Comparison::default();
    let mut differences = Vec::new();
    for record in ours {
        let expected = match pipeline.transform.change(&shard.source, record) {
            Changed::Kept(record) => record,
            Changed::LeftOut => continue,
            // It was not copied either, so it is missing.
            Changed::Refused(record, _) => record,
        };
        let seen = theirs.remove(&expected.id);
        comparison.compared += 1;
        for (kind, detail) in comparison.compare(&expected, seen.as_ref(), tolerance) {
            differences.push(Difference {
                source_namespace: shard.source.clone(),
                target_namespace: shard.target.clone(),
                id: expected.id.clone(),
                kind,
                detail,
            });
        }
    }
    Ok((comparison, differences))
}

impl Comparison {
    fn compare(
        &mut self,
        expected: &Record,
        seen: Option<&Record>,
        tolerance: f64,
    ) -> Vec<(DifferenceKind, String)> {
        let Some(seen) = seen else {
            self.missing += 1;
            return vec![(DifferenceKind::Missing, "not in the target".to_owned())];
        };
        let mut differences = Vec::new();
        let by = f64::from(expected.vector.max_difference(&seen.vector));
        self.max_difference = self.max_difference.max(by);
        if by > tolerance {
            let detail = match (expected.vector.dimension(), seen.vector.dimension()) {
                (a, b) if a != b => format!("{a} components became {b}"),
                _ => format!("a component differs by {by:e}"),
            };
            differences.push((DifferenceKind::Vector, detail));
        }
        let sparse_by = sparse_difference(expected, seen);
        self.max_difference = self.max_difference.max(sparse_by);
        if sparse_by > tolerance {
            differences.push((DifferenceKind::Sparse, "sparse values differ".to_owned()));
        }
        self.mismatched += u64::from(!differences.is_empty());
        let fields = metadata_differences(expected, seen);
        if !fields.is_empty() {
            self.metadata_mismatched += 1;
            differences
                .push((DifferenceKind::Metadata, format!("fields differ: {}", fields.join(", "))));
        }
        self.drifted_fields.extend(type_changes(expected, seen));
        differences
    }
}

/// The largest difference of one sparse value; infinite where positions differ. No values and an empty list are equal.
fn sparse_difference(expected: &Record, seen: &Record) -> f64 {
    let entries =
        |record: &Record| record.sparse.as_ref().map(|sparse| sparse.sorted()).unwrap_or_default();
    let (ours, theirs) = (entries(expected), entries(seen));
    if ours.len() != theirs.len() || ours.iter().zip(&theirs).any(|(a, b)| a.0 != b.0) {
        return f64::INFINITY;
    }
    ours.iter().zip(&theirs).fold(0.0, |most, (a, b)| {
        let by = if a.1.to_bits() == b.1.to_bits() { 0.0 } else { f64::from((a.1 - b.1).abs()) };
        if by.is_nan() { f64::INFINITY } else { most.max(by) }
    })
}

fn metadata_differences<'a>(expected: &'a Record, seen: &'a Record) -> Vec<&'a str> {
    let names: BTreeSet<&str> =
        expected.metadata.0.keys().chain(seen.metadata.0.keys()).map(String::as_str).collect();
    let differs = |name: &&str| stored(expected, name) != stored(seen, name);
    names.into_iter().filter(differs).collect()
}

/// A field as an index keeps it: it drops members that are null.
fn stored<'a>(record: &'a Record, field: &str) -> Option<&'a MetadataValue> {
    record.metadata.get(field).filter(|value| **value != MetadataValue::Null)
}

fn type_changes<'a>(expected: &'a Record, seen: &'a Record) -> impl Iterator<Item = String> + 'a {
    expected.metadata.0.iter().filter_map(|(field, value)| {
        let after = stored(seen, field)?;
        (after.type_name() != value.type_name()).then(|| field.clone())
    })
}

/// Ids of the target's namespace that the source's does not have. `Ok(None)` where the target cannot list.
pub async fn count_extra(
    pipeline: &Pipeline,
    shard: &Shard,
    found: &mut (dyn FnMut(Difference) -> Result<()> + Send),
) -> Result<Option<u64>> {
    if !pipeline.target.capabilities().list {
        return Ok(None);
    }
    let listing =
        Shard { source: shard.target.clone(), enumeration: Enumeration::List, ..shard.clone() };
    let target: Arc<dyn Source> = pipeline.target.clone();
    let mut ids = Ids::start(target, &listing, &Cursor::Start, pipeline.chunk_ids(), None).await?;
    let mut extra = 0;
    while let Some(chunk) = ids.next().await? {
        let here: BTreeSet<RecordId> = fetch_all(&*pipeline.source, &shard.source, &chunk.ids)
            .await?
            .into_iter()
            .map(|record| record.id)
            .collect();
        for id in chunk.ids.into_iter().filter(|id| !here.contains(id)) {
            extra += 1;
            found(Difference {
                source_namespace: shard.source.clone(),
                target_namespace: shard.target.clone(),
                id,
                kind: DifferenceKind::Extra,
                detail: "not in the source".to_owned(),
            })?;
        }
    }
    Ok(Some(extra))
}
