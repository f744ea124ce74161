//! Writes a chunk in batches that respect the target's limits, splits batches that it calls too large, and sets aside
//! single records that it refuses.

use crate::error::{ErrorKind, Result};
use crate::model::{Namespace, Record};
use crate::provider::{Limits, Refusal, Rule, Target};

/// Bytes reserved in a request for its envelope: the namespace and framing.
const ENVELOPE: usize = 2_048;

/// The result of writing the records of a chunk.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub copied: u64,
    /// The highest log sequence number acknowledged.
    pub lsn: Option<u64>,
    pub refused: Vec<(Record, Refusal)>,
}

/// Writes `records` into `namespace` and returns once each is acknowledged or refused.
pub(super) async fn upsert(
    target: &dyn Target,
    namespace: &Namespace,
    records: Vec<Record>,
) -> Result<Settled> {
    let (accepted, mut settled) = sort_out(target, records);
    let limits = target.capabilities().limits;
    let sizes: Vec<usize> = accepted.iter().map(|record| target.request_bytes(record)).collect();
    for range in batches(&sizes, limits) {
        write(target, namespace, &accepted[range], &mut settled).await?;
    }
    Ok(settled)
}

/// Returns the records that `target` accepts; the others are set aside with its reason.
pub(super) fn sort_out(target: &dyn Target, records: Vec<Record>) -> (Vec<Record>, Settled) {
    let mut settled = Settled::default();
    let mut accepted = Vec::with_capacity(records.len());
    for record in records {
        match target.rejects(&record, None) {
            Some(reason) => settled.refused.push((record, reason)),
            None => accepted.push(record),
        }
    }
    (accepted, settled)
}

/// Divides records of these request sizes into runs that fit the limits. A record that is too large gets a run of its
/// own.
fn batches(sizes: &[usize], limits: Limits) -> Vec<std::ops::Range<usize>> {
    let budget = limits.upsert_bytes.saturating_sub(ENVELOPE);
    let mut ranges = Vec::new();
    let (mut start, mut bytes) = (0, 0usize);
    for (index, size) in sizes.iter().enumerate() {
        let is_full =
            index - start >= limits.upsert_records || bytes.saturating_add(*size) > budget;
        if is_full && index > start {
            ranges.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes = bytes.saturating_add(*size);
    }
    if start < sizes.len() {
        ranges.push(start..sizes.len());
    }
    ranges
}

/// Writes one batch, halving it if the target says that it is too large or refuses something in it.
async fn write(
    target: &dyn Target,
    namespace: &Namespace,
    batch: &[Record],
    settled: &mut Settled,
) -> Result<()> {
    let mut stack = vec![batch];
    while let Some(part) = stack.pop() {
        match target.upsert(namespace, part).await {
            Ok(upserted) => {
                settled.copied += part.len() as u64;
                settled.lsn = settled.lsn.max(upserted.lsn);
            }
            Err(error) if !matches!(error.kind(), ErrorKind::TooLarge | ErrorKind::Invalid) => {
                return Err(error);
            }
            Err(error) => match part {
                [record] => {
                    let refusal = Refusal::new(Rule::Service, error.to_string());
                    settled.refused.push((record.clone(), refusal));
                }
                part => {
                    let (left, right) = part.split_at(part.len() / 2);
                    stack.extend([right, left]);
                }
            },
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(records: usize, bytes: usize) -> Limits {
        Limits {
            upsert_records: records,
            upsert_bytes: bytes + ENVELOPE,
            fetch_ids: 100,
            delete_ids: 100,
            top_k: 10_000,
            metadata_bytes: usize::MAX,
            id_chars: 512,
            dimension: 20_000,
            sparse_values: 2048,
        }
    }

    #[test]
    fn batches_keep_to_count_and_bytes() {
        assert_eq!(batches(&[1; 5], limits(2, 100)), [0..2, 2..4, 4..5]);
        assert_eq!(batches(&[40, 40, 40, 40], limits(10, 100)), [0..2, 2..4]);
        assert_eq!(batches(&[10, 500, 10], limits(10, 100)), [0..1, 1..2, 2..3]);
        assert!(batches(&[], limits(10, 100)).is_empty());
    }
}
