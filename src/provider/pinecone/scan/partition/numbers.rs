//! Splits by a numeric field into ranges, halved until each is small enough or is a single number.

use super::fields::Field;
use super::{Partitioner, Split};
use crate::error::Result;
use crate::model::filter::{Order, Scalar};
use crate::provider::pinecone::cells::{Cell, Partition};

/// The numbers from `low` up to but excluding `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    low: f64,
    high: f64,
}

impl Partitioner {
    pub(super) async fn split_numbers(
        &self,
        field: &Field,
        cell: &Cell,
        found: &mut Partition,
    ) -> Result<Split> {
        let name = field.name.as_str();
        let numbers = cell.conditions.compare(name, Order::GreaterOrEqual, f64::MIN);
        let with = self.count(&numbers, found).await?;
        let without = cell.conditions.exists(name, false);
        let mut parts = Vec::new();
        if with < cell.records {
            let records = self.count(&without, found).await?;
            if with + records != cell.records {
                return self.unshared(cell, cell.records.abs_diff(with + records), found).await;
            }
            parts.push(Cell { conditions: without, records });
        }
        let all = Range { low: f64::MIN, high: f64::INFINITY };
        let mut open = vec![(all, with)];
        while let Some((range, records)) = open.pop() {
            let is_one = next_up(range.low) >= range.high;
            if records <= found.limit || is_one || self.is_spent(found) {
                parts.push(Cell { conditions: within(cell, name, range), records });
                continue;
            }
            let middle = middle_of(range, &field.numbers);
            let lower = Range { low: range.low, high: middle };
            let below = self.count(&within(cell, name, lower), found).await?;
            if below > records {
                return Err(self.moved(records, below));
            }
            // The upper half comes last, so that cells are in ascending order.
            let higher = Range { low: middle, high: range.high };
            for (half, count) in [(higher, records - below), (lower, below)] {
                if count > 0 {
                    open.push((half, count));
                }
            }
        }
        Ok(Split::Parts(parts))
    }

    pub(super) fn is_spent(&self, found: &Partition) -> bool {
        self.most_counts.is_some_and(|most| found.counts >= most)
    }
}

fn within(cell: &Cell, field: &str, range: Range) -> super::Conditions {
    if next_up(range.low) >= range.high {
        return cell.conditions.within(field, vec![Scalar::Number(range.low)]);
    }
    let from = cell.conditions.compare(field, Order::GreaterOrEqual, range.low);
    match range.high == f64::INFINITY {
        true => from,
        false => from.compare(field, Order::Less, range.high),
    }
}

/// Returns the number at which to cut `range`: the median of the known numbers in it, or else half of its representable
/// numbers, so that at most 64 cuts isolate a single one.
fn middle_of(range: Range, known: &[f64]) -> f64 {
    let inside: Vec<f64> = known
        .iter()
        .copied()
        .filter(|number| *number >= range.low && *number < range.high)
        .collect();
    let median = inside.get(inside.len() / 2).copied();
    let above = |low: f64| inside.iter().copied().find(|number| *number > low);
    let cut = median.filter(|median| *median > range.low).or_else(|| above(range.low));
    cut.unwrap_or_else(|| halfway(range))
}

/// Returns the number below which half of the representable numbers of `range` lie; above `low` and below `high`.
fn halfway(range: Range) -> f64 {
    let (low, high) = (rank(range.low), rank(range.high));
    unrank(low + ((high - low) / 2).max(1))
}

fn next_up(number: f64) -> f64 {
    unrank(rank(number) + 1)
}

/// Returns the position of a number among all finite numbers in ascending order. Both zeros have the same.
fn rank(number: f64) -> i128 {
    let bits = i128::from((number.abs()).to_bits());
    if number < 0.0 { -bits } else { bits }
}

fn unrank(rank: i128) -> f64 {
    let magnitude = f64::from_bits(u64::try_from(rank.unsigned_abs()).unwrap_or(u64::MAX));
    if rank < 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_at_the_median_of_what_is_known() {
        let range = Range { low: 0.0, high: 10.0 };
        assert_eq!(middle_of(range, &[1.0, 2.0, 3.0]), 2.0);
        assert_eq!(middle_of(range, &[0.0, 0.0, 0.0, 7.0]), 7.0);
        let unknown = middle_of(range, &[11.0]);
        assert!(unknown > 0.0 && unknown < 10.0);
    }

    #[test]
    fn halving_ends_at_one_number_within_64_cuts() {
        for wanted in [-1e300, -3.5, 0.0, 5e-324, 1.0, 2020.0, f64::MAX] {
            let mut range = Range { low: f64::MIN, high: f64::INFINITY };
            let mut cuts = 0;
            while next_up(range.low) < range.high {
                let middle = halfway(range);
                assert!(middle > range.low && middle < range.high, "{range:?}");
                if wanted < middle {
                    range.high = middle
                } else {
                    range.low = middle
                }
                cuts += 1;
            }
            assert_eq!(range.low, wanted);
            assert!(cuts <= 65, "{cuts}");
        }
    }
}
