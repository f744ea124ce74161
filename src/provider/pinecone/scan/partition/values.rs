//! Splits by a field of words, booleans, lists or mixed values into sets of values, and the rest.

use std::collections::VecDeque;

use super::fields::{Field, fields_of};
use super::{Partitioner, Split};
use crate::error::Result;
use crate::model::filter::Scalar;
use crate::provider::pinecone::cells::{Cell, Partition};
use crate::provider::pinecone::conditions::Conditions;

/// The number of values in a set. Pinecone accepts 10,000 (database limits, 2026), but shorter filters are faster and
/// can be read.
const SET: usize = 500;
/// The most values that are named individually; the other records of such a field are out of reach.
const MOST_VALUES: usize = 5_000;
/// The share of the limit to which sets are filled according to the sample, so that few turn out too large.
const FILL: f64 = 0.7;

/// A set of values queried together.
struct Set {
    values: Vec<Scalar>,
    /// Values that records of this set must not have, since lists may contain values of two sets.
    without: Vec<Scalar>,
    has_lists: bool,
}

impl Set {
    fn conditions(&self, cell: &Cell, field: &str) -> Conditions {
        let within = cell.conditions.within(field, self.values.clone());
        // Split into pieces, since a set may hold only so many values.
        let pieces = self.without.chunks(MOST_VALUES);
        pieces.fold(within, |all, piece| all.without(field, piece.to_vec()))
    }

    fn halves(self) -> [Self; 2] {
        let Self { mut values, without, has_lists } = self;
        let second = values.split_off(values.len() / 2);
        let first: &[Scalar] = if has_lists { &values } else { &[] };
        let without_first = without.iter().chain(first).cloned().collect();
        [
            Self { values, without, has_lists },
            Self { values: second, without: without_first, has_lists },
        ]
    }
}

impl Partitioner {
    pub(super) async fn split_values(
        &self,
        field: &Field,
        cell: &Cell,
        found: &mut Partition,
    ) -> Result<Split> {
        let split = self.split_apart(field, field.has_lists, cell, found).await?;
        match split {
            Some(split) => Ok(split),
            // The sets overlap because a record outside the sample has a list.
            None => {
                let split = self.split_apart(field, true, cell, found).await?;
                split.ok_or_else(|| self.moved(cell.records, cell.records + 1))
            }
        }
    }

    /// Splits by single values; `None` if the sets hold more records in total than there are.
    async fn split_apart(
        &self,
        field: &Field,
        has_lists: bool,
        cell: &Cell,
        found: &mut Partition,
    ) -> Result<Option<Split>> {
        let name = field.name.as_str();
        let absent = cell.conditions.exists(name, false);
        let without = self.count(&absent, found).await?;
        if without > cell.records {
            return Err(self.moved(cell.records, without));
        }
        let mut parts = vec![Cell { conditions: absent, records: without }];
        let mut rest = cell.records - without;
        let mut known: Vec<Scalar> = Vec::new();
        let mut fresh = field.values.clone();
        while rest > 0 {
            let rest_of = rest_of(cell, name, &known);
            let is_enough = rest <= found.limit || self.is_spent(found);
            if is_enough || fresh.is_empty() || known.len() + fresh.len() > MOST_VALUES {
                let records = self.count(&rest_of, found).await?;
                if records > rest {
                    return Ok(None);
                }
                if records < rest {
                    return self.unshared(cell, rest - records, found).await.map(Some);
                }
                parts.push(Cell { conditions: rest_of, records });
                break;
            }
            let excluded: &[Scalar] = if has_lists { &known } else { &[] };
            let sets = grouped(&fresh, excluded, rest, found.limit, has_lists);
            for part in self.cells_of(sets, cell, name, found).await? {
                let Some(left) = rest.checked_sub(part.records) else { return Ok(None) };
                rest = left;
                parts.push(part);
            }
            known.extend(fresh.into_iter().map(|(value, _)| value));
            fresh = self.fresh_values(name, cell, &known, rest, found).await?;
        }
        Ok(Some(Split::Parts(parts)))
    }

    /// Makes a cell for each set. Sets with too many records are halved, down to single values.
    async fn cells_of(
        &self,
        mut open: VecDeque<Set>,
        cell: &Cell,
        name: &str,
        found: &mut Partition,
    ) -> Result<Vec<Cell>> {
        let mut parts = Vec::new();
        while let Some(set) = open.pop_front() {
            let conditions = set.conditions(cell, name);
            let records = self.count(&conditions, found).await?;
            if records > found.limit && set.values.len() > 1 && !self.is_spent(found) {
                for half in set.halves().into_iter().rev() {
                    open.push_front(half);
                }
                continue;
            }
            parts.push(Cell { conditions, records });
        }
        Ok(parts)
    }

    /// Finds values of records that have none of the `known` ones.
    async fn fresh_values(
        &self,
        name: &str,
        cell: &Cell,
        known: &[Scalar],
        rest: u64,
        found: &Partition,
    ) -> Result<Vec<(Scalar, u64)>> {
        if rest <= found.limit {
            return Ok(Vec::new());
        }
        let sampled = self.sample(&rest_of(cell, name, known), found.counts).await?;
        let only = [name.to_owned()];
        let fields = fields_of(&sampled, Some(&only));
        let mut values: Vec<(Scalar, u64)> = fields
            .into_iter()
            .flat_map(|field| {
                let numbers = if field.values.is_empty() { field.numbers } else { Vec::new() };
                field
                    .values
                    .into_iter()
                    .chain(numbers.into_iter().map(|number| (Scalar::Number(number), 1)))
            })
            .collect();
        values.sort_by_key(|(value, _)| value.to_string());
        values.dedup_by(|a, b| a.0 == b.0);
        values.retain(|(value, _)| !known.contains(value));
        Ok(values)
    }
}

/// Matches records that have the field but none of the `known` values.
fn rest_of(cell: &Cell, name: &str, known: &[Scalar]) -> Conditions {
    let present = cell.conditions.exists(name, true);
    let pieces = known.chunks(MOST_VALUES);
    pieces.fold(present, |all, piece| all.without(name, piece.to_vec()))
}

/// Groups values into sets that are each expected to hold fewer than `limit` records, the rarest values first. If lists
/// contain several values, the common ones then only get what is left.
fn grouped(
    fresh: &[(Scalar, u64)],
    known: &[Scalar],
    records: u64,
    limit: u64,
    has_lists: bool,
) -> VecDeque<Set> {
    let total: u64 = fresh.iter().map(|(_, count)| count).sum::<u64>().max(1);
    let mut sorted: Vec<&(Scalar, u64)> = fresh.iter().collect();
    sorted.sort_by_key(|(value, count)| (*count, value.to_string()));
    let (mut sets, mut without) = (VecDeque::new(), known.to_vec());
    let (mut values, mut expected) = (Vec::new(), 0.0);
    for (value, count) in sorted {
        let share = *count as f64 / total as f64 * records as f64;
        let is_full = expected + share > limit as f64 * FILL || values.len() == SET;
        if is_full && !values.is_empty() {
            let full: Vec<Scalar> = std::mem::take(&mut values);
            sets.push_back(Set { values: full.clone(), without: without.clone(), has_lists });
            if has_lists {
                without.extend(full);
            }
            expected = 0.0;
        }
        values.push(value.clone());
        expected += share;
    }
    if !values.is_empty() {
        sets.push_back(Set { values, without, has_lists });
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Scalar {
        Scalar::Text(text.to_owned())
    }

    fn number(number: i32) -> Scalar {
        Scalar::Number(number.into())
    }

    #[test]
    fn rare_values_are_asked_for_together_and_first() {
        let values = [(text("common"), 90), (text("a"), 4), (text("b"), 3), (text("c"), 3)];
        let sets = grouped(&values, &[], 100_000, 10_000, true);
        let asked: Vec<Vec<Scalar>> = sets.iter().map(|set| set.values.clone()).collect();
        assert_eq!(asked, [vec![text("b"), text("c")], vec![text("a")], vec![text("common")]]);
        assert_eq!(sets[1].without, [text("b"), text("c")]);
        let apart = grouped(&values, &[], 100_000, 10_000, false);
        assert!(apart.iter().all(|set| set.without.is_empty()));
    }

    #[test]
    fn halves_of_a_set_share_no_record() {
        let set = Set {
            values: vec![number(1), number(2), number(3)],
            without: vec![number(0)],
            has_lists: true,
        };
        let [first, second] = set.halves();
        assert_eq!((first.values, first.without), (vec![number(1)], vec![number(0)]));
        assert_eq!(second.values, [number(2), number(3)]);
        assert_eq!(second.without, [number(0), number(1)]);
    }
}
