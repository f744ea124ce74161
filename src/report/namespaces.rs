use std::collections::BTreeMap;

use super::StageReport;
use crate::journal::{RunState, StageState};
use crate::model::{Namespace, StageId, Tally};

/// A namespace of the source that a stage copies.
#[derive(Clone, Debug, PartialEq)]
pub struct NamespaceReport {
    pub stage: StageId,
    pub source: Namespace,
    pub target: Namespace,
    /// Records by the source's own count.
    pub expected: u64,
    pub tally: Tally,
    /// True if it was proven complete.
    pub is_complete: bool,
}

impl NamespaceReport {
    /// Returns the namespaces of all copies: what is wrong with one first, then by their names.
    pub(super) fn all(state: &RunState) -> Vec<Self> {
        let mut all: Vec<_> = state.stages.iter().flat_map(|stage| Self::of(stage)).collect();
        all.sort_by_key(|one| {
            let is_whole = one.tally.failed + one.tally.missing == 0;
            (one.is_complete && is_whole, one.is_complete)
        });
        all
    }

    fn of(stage: &StageState) -> Vec<Self> {
        let mut all: BTreeMap<&Namespace, Self> = BTreeMap::new();
        for state in stage.shards.values() {
            let shard = &state.shard;
            let own = all.entry(&shard.source).or_insert_with(|| Self {
                stage: stage.id.clone(),
                source: shard.source.clone(),
                target: shard.target.clone(),
                expected: 0,
                tally: Tally::default(),
                is_complete: true,
            });
            own.expected += shard.expected;
            own.tally.add(state.checkpoint.tally);
            own.is_complete &= state.is_complete;
        }
        all.into_values().collect()
    }

    /// Returns the file that has all of them, for machines.
    pub(super) fn file(stages: &[StageReport]) -> Option<&str> {
        let mut artifacts = stages.iter().flat_map(|stage| &stage.artifacts);
        artifacts.find(|one| one.name == "namespaces").map(|one| one.path.as_str())
    }
}
