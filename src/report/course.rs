//! What changed in the course of a run: the weight, and the records that the target acknowledged.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::clock::until;
use crate::journal::{Aftermath, Entry, Event, Hold};
use crate::model::{ShardId, Share, StageId};

/// Stretches of time of which a course keeps the least, the most and the last: a chart shows no more, and a journal of
/// weeks has hundreds of thousands.
const COLUMNS: usize = 130;

/// The weight from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WeightAt {
    pub at: Timestamp,
    /// `None` if nobody knew it.
    pub weight: Option<Share>,
    /// True if it was read back and not only requested.
    pub is_read: bool,
}

/// The number of records that the target had acknowledged at a time, over all copies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RecordsAt {
    pub at: Timestamp,
    pub records: u64,
}

/// Returns every change of the weight that the run made or found.
pub(super) fn weights(entries: &[Entry]) -> Vec<WeightAt> {
    let change = |entry: &Entry| {
        let (weight, is_read) = match &entry.event {
            Event::WeightSet { weight, actual, .. } => {
                (Some(actual.unwrap_or(*weight)), actual.is_some())
            }
            Event::WeightNotSet { after: Aftermath::Read { weight, .. }, .. }
            | Event::WeightAccepted { weight, .. } => (Some(*weight), true),
            Event::WeightNotSet { after: Aftermath::Unknown, .. } => (None, false),
            Event::StageHeld { hold: Hold::Traffic { change }, .. } => {
                (change.to, change.to.is_some())
            }
            _ => return None,
        };
        Some(WeightAt { at: entry.at, weight, is_read })
    };
    let all = entries.iter().filter_map(change).collect();
    thinned(all, |one| one.at, |one| one.weight.map_or(-1.0, |weight| weight.0))
}

/// Returns how many records were acknowledged in the course of time.
pub(super) fn records(entries: &[Entry]) -> Vec<RecordsAt> {
    let mut copied: BTreeMap<(&StageId, &ShardId), u64> = BTreeMap::new();
    let (mut records, mut all) = (0_u64, Vec::new());
    for entry in entries {
        match &entry.event {
            Event::CopyingStarted { .. } => {}
            Event::Checkpointed { stage, shard, checkpoint } => {
                let now = checkpoint.tally.copied;
                let before = copied.insert((stage, shard), now).unwrap_or(0);
                records = (records + now).saturating_sub(before);
            }
            Event::ShardsDropped { stage, source } => {
                copied.retain(|(of, shard), count| {
                    let is_dropped = *of == stage
                        && source.as_ref().is_none_or(|source| *source == shard.source);
                    records -= if is_dropped { *count } else { 0 };
                    !is_dropped
                });
            }
            _ => continue,
        }
        all.push(RecordsAt { at: entry.at, records });
    }
    thinned(all, |one| one.at, |one| one.records as f64)
}

/// Leaves out what a chart would draw on top of its neighbours.
fn thinned<T: Copy>(
    all: Vec<T>,
    at: impl Fn(&T) -> Timestamp,
    value: impl Fn(&T) -> f64,
) -> Vec<T> {
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return all };
    if all.len() <= 3 * COLUMNS {
        return all;
    }
    let (begin, span) = (at(first), until(at(first), at(last)).as_secs_f64().max(1e-9));
    let column = |one: &T| {
        let share = until(begin, at(one)).as_secs_f64() / span;
        ((share * COLUMNS as f64) as usize).min(COLUMNS - 1)
    };
    let mut kept = Vec::with_capacity(3 * COLUMNS + 1);
    kept.push(0);
    let numbered: Vec<(usize, usize)> = all.iter().map(column).enumerate().collect();
    for one in numbered.chunk_by(|(_, one), (_, next)| one == next) {
        let indices = || one.iter().map(|(index, _)| *index);
        let by_value = |a: &usize, b: &usize| value(&all[*a]).total_cmp(&value(&all[*b]));
        kept.extend(indices().min_by(by_value));
        kept.extend(indices().max_by(by_value));
        kept.extend(indices().next_back());
    }
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().map(|index| all[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_course_keeps_its_ends_and_every_peak() {
        let second = |second: i64| Timestamp::from_second(second).unwrap();
        let mut all: Vec<(Timestamp, f64)> = (0..50_000).map(|at| (second(at), 0.5)).collect();
        all[12_345].1 = 1.0;
        all[23_456].1 = 0.0;
        let thin = thinned(all.clone(), |one| one.0, |one| one.1);
        assert!(thin.len() <= 3 * COLUMNS + 1, "{}", thin.len());
        for kept in [0, 12_345, 23_456, 49_999] {
            assert!(thin.contains(&all[kept]), "{kept}");
        }
        assert!(thin.is_sorted_by_key(|one| one.0));
        assert_eq!(thinned(all[..300].to_vec(), |one| one.0, |one| one.1).len(), 300);
    }

    #[test]
    fn a_course_within_one_instant_is_thinned_too() {
        let at = Timestamp::from_second(5).unwrap();
        let thin = thinned(vec![(at, 1.0); 1_000], |one| one.0, |one| one.1);
        assert!(!thin.is_empty() && thin.len() <= 4);
    }
}
