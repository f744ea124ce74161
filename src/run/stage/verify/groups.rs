//! The copied records, grouped by target namespace.

use std::collections::BTreeMap;

use crate::copy::Mapping;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::ShardState;
use crate::model::{Enumeration, Namespace, Side, StageId, Token};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::selection::Selection;
use crate::store::{Write, both_of};

/// A target namespace and everything that was copied into it. A source namespace can have several shards, and several
/// source namespaces can be merged into one target namespace, but all by the same copy stage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub copy: StageId,
    pub target: Namespace,
    pub shards: Vec<ShardState>,
    /// Records erased from it since, outside the run's stages.
    pub erased: u64,
}

impl Group {
    /// Groups what these copies wrote, ordered by name.
    ///
    /// # Errors
    /// `Refused` if nothing was copied.
    pub fn of_run(context: &Context, copies: &[CopyStage]) -> Result<Vec<Self>> {
        let state = &context.state;
        let of_copy = |copy: &CopyStage| {
            let shards = state.stage(&copy.id).into_iter().flat_map(|stage| stage.shards.values());
            shards.map(|shard| (copy.id.clone(), shard.clone())).collect::<Vec<_>>()
        };
        let shards: Vec<(StageId, ShardState)> = copies.iter().flat_map(of_copy).collect();
        if shards.is_empty() {
            return Err(Error::new(
                ErrorKind::Refused,
                "nothing was copied in this run that could be verified",
            )
            .with_hint("put a copy stage before the verify stage"));
        }
        let mut groups = Self::of(shards);
        for group in &mut groups {
            group.erased = state.erased_of(Side::Target, &group.target);
        }
        Ok(groups)
    }

    fn of(shards: Vec<(StageId, ShardState)>) -> Vec<Self> {
        let mut groups: BTreeMap<(Namespace, StageId), Vec<ShardState>> = BTreeMap::new();
        for (copy, shard) in shards {
            groups.entry((shard.shard.target.clone(), copy)).or_default().push(shard);
        }
        let group = |((target, copy), shards)| Self { copy, target, shards, erased: 0 };
        groups.into_iter().map(group).collect()
    }

    /// Returns what each copy took from the source, for some groups.
    pub fn selections(groups: &[&Self], copies: &[CopyStage]) -> Vec<Selection> {
        let of_copy = |copy: &CopyStage| {
            let own = groups.iter().filter(|group| group.copy == copy.id);
            Selection {
                copy: copy.clone(),
                mappings: own.flat_map(|group| group.mappings()).collect(),
            }
        };
        let all = copies.iter().map(of_copy);
        all.filter(|selection| !selection.mappings.is_empty()).collect()
    }

    /// Returns the distinct source namespaces with their expected records.
    pub fn mappings(&self) -> Vec<Mapping> {
        let mut records: BTreeMap<&Namespace, u64> = BTreeMap::new();
        for state in &self.shards {
            *records.entry(&state.shard.source).or_default() += state.shard.expected;
        }
        let mapping = |(source, records): (&Namespace, u64)| Mapping {
            source: source.clone(),
            target: self.target.clone(),
            records,
        };
        records.into_iter().map(mapping).collect()
    }

    pub fn sources(&self) -> Vec<Namespace> {
        self.mappings().into_iter().map(|mapping| mapping.source).collect()
    }

    /// Records acknowledged by the target and not erased since.
    pub fn written(&self) -> u64 {
        let copied: u64 = self.shards.iter().map(|state| state.checkpoint.tally.copied).sum();
        copied.saturating_sub(self.erased)
    }

    /// Records left out by the plan's filter.
    pub fn left_out(&self) -> u64 {
        self.shards.iter().map(|state| state.checkpoint.tally.left_out).sum()
    }

    /// Records left unchanged in the target.
    pub fn skipped(&self) -> u64 {
        self.shards.iter().map(|state| state.checkpoint.tally.skipped).sum()
    }

    /// Records refused by the target during the copy.
    pub fn refused(&self) -> u64 {
        self.shards.iter().map(|state| state.checkpoint.tally.failed).sum()
    }

    /// Records by the source's own counts when the copy was planned, without those left out by the filter or left
    /// unchanged in the target.
    pub fn expected(&self) -> u64 {
        let all: u64 = self.shards.iter().map(|state| state.shard.expected).sum();
        all.saturating_sub(self.left_out() + self.skipped())
    }

    /// Returns whether the target was made with these records, so that no write of this run can lag.
    pub fn is_adopted(&self) -> bool {
        self.shards.iter().all(|state| state.shard.enumeration == Enumeration::Collection)
    }

    /// The token by which everything that was copied into it can be seen, if the target gave any.
    ///
    /// # Errors
    /// `Invalid` if another kind of target gave one.
    pub fn token(&self, write: &dyn Write) -> Result<Option<Token>> {
        let tokens = self.shards.iter().map(|state| state.checkpoint.token.clone());
        tokens.into_iter().try_fold(None, |all, token| both_of(write, all, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Checkpoint, Cursor, Shard, Tally};

    fn shard(source: &str, target: &str, expected: u64) -> (StageId, ShardState) {
        let tally = Tally { copied: expected, ..Tally::default() };
        let state = ShardState {
            shard: Shard {
                source: Namespace::new(source),
                cell: 0,
                target: Namespace::new(target),
                enumeration: Enumeration::Scan(crate::model::Range::new(&"list")),
                expected,
            },
            checkpoint: Checkpoint { cursor: Cursor::End, tally, token: None, contents: None },
            is_complete: true,
        };
        (StageId::new("copy"), state)
    }

    #[test]
    fn parts_and_merged_namespaces_are_added_up() {
        let groups = Group::of(vec![
            shard("a", "x", 3),
            shard("b", "y", 1),
            shard("a", "x", 4),
            shard("c", "x", 2),
        ]);
        let [x, y] = &groups[..] else { panic!("{groups:?}") };
        let expected: Vec<_> =
            x.mappings().iter().map(|one| (one.source.to_string(), one.records)).collect();
        assert_eq!(expected, [("a".to_owned(), 7), ("c".to_owned(), 2)]);
        assert_eq!((x.written(), x.expected()), (9, 9));
        assert_eq!(y.sources(), vec![Namespace::new("b")]);
    }
}
