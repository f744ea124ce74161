//! What the journal knows of each source namespace that was copied: where it went, and the contents that were read.

use std::collections::BTreeMap;

use super::state::{RunState, ShardState};
use crate::model::{Contents, Cursor, Namespace, Side, StageId, Tally};

/// What one copy stage took of a source namespace, and where it went.
#[derive(Clone, Debug)]
pub(crate) struct Transfer {
    pub copy: StageId,
    pub target: Namespace,
    pub shards: Vec<ShardState>,
    /// Records that `vecshift` has deleted on request from the source namespace since the copy.
    pub erased: u64,
    /// The contents that were read; `None` if they were not kept.
    pub contents: Option<Contents>,
}

impl Transfer {
    /// Returns whether the copy itself kept the contents it read.
    pub fn is_kept(&self) -> bool {
        kept(&self.shards).is_some()
    }

    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.shards.iter().for_each(|state| tally.add(state.checkpoint.tally));
        tally
    }

    /// Records the namespace should still hold: those that were read, without the ones erased since.
    pub fn records(&self) -> u64 {
        let tally = self.tally();
        tally.enumerated.saturating_sub(tally.missing + self.erased)
    }

    /// Records that the target refused and therefore need not hold.
    pub fn refused(&self) -> u64 {
        self.tally().failed
    }
}

/// Returns what was copied of every source namespace for which this run planned shards.
pub(crate) fn copied(state: &RunState) -> BTreeMap<Namespace, Vec<Transfer>> {
    let mut all: BTreeMap<Namespace, Vec<Transfer>> = BTreeMap::new();
    for stage in &state.stages {
        let mut own: BTreeMap<Namespace, Vec<ShardState>> = BTreeMap::new();
        for shard in stage.shards.values() {
            own.entry(shard.shard.source.clone()).or_default().push(shard.clone());
        }
        for (source, shards) in own {
            let Some(target) = shards.first().map(|state| state.shard.target.clone()) else {
                continue;
            };
            let contents = kept(&shards).or_else(|| read_later(state, &source));
            let erased = state.erased_of(Side::Source, &source);
            let transfer = Transfer { copy: stage.id.clone(), target, shards, erased, contents };
            all.entry(source).or_default().push(transfer);
        }
    }
    all
}

/// Records written into each namespace of the target, without the ones erased there since.
pub(crate) fn given(
    state: &RunState,
    copied: &BTreeMap<Namespace, Vec<Transfer>>,
) -> BTreeMap<Namespace, u64> {
    let mut given: BTreeMap<Namespace, u64> = BTreeMap::new();
    for transfer in copied.values().flatten() {
        *given.entry(transfer.target.clone()).or_default() += transfer.tally().copied;
    }
    for (namespace, records) in &mut given {
        *records = records.saturating_sub(state.erased_of(Side::Target, namespace));
    }
    given
}

/// Sums the contents that the shards' last checkpoints kept; `None` unless all of them did.
fn kept(shards: &[ShardState]) -> Option<Contents> {
    let of = |state: &ShardState| match state.checkpoint.cursor {
        Cursor::End => state.checkpoint.contents,
        _ => None,
    };
    shards.iter().map(of).sum()
}

/// Contents from the latest verification that compared every record of the namespace.
fn read_later(state: &RunState, source: &Namespace) -> Option<Contents> {
    state.stages.iter().rev().find_map(|stage| stage.contents.get(source).copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Checkpoint, Enumeration, Metadata, Record, RecordId, Shard, Vector, Vectors,
    };

    fn shard(cell: u32, contents: Option<Contents>) -> ShardState {
        ShardState {
            shard: Shard {
                source: Namespace::new("a"),
                cell,
                target: Namespace::new("x"),
                enumeration: Enumeration::Collection,
                expected: 1,
            },
            checkpoint: Checkpoint { cursor: Cursor::End, contents, ..Checkpoint::default() },
            is_complete: true,
        }
    }

    #[test]
    fn contents_are_known_only_where_every_part_kept_its_own() {
        let one = Contents::of([&Record {
            id: RecordId::from("r"),
            vectors: Vectors::plain(Vector::from_values([1.0]), None),
            metadata: Metadata::default(),
        }]);
        assert_eq!(kept(&[shard(1, Some(one)), shard(2, Some(one))]), Some(one + one));
        assert_eq!(kept(&[shard(1, Some(one)), shard(2, None)]), None);
        let mut open = shard(2, Some(one));
        open.checkpoint.cursor = Cursor::At(1.into());
        assert_eq!(kept(&[shard(1, Some(one)), open]), None);
    }
}
