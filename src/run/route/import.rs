//! The obstacles to a bulk import, whatever the target's system is.

use crate::copy::{FILE_BYTES, FILE_RECORDS, expected_by_target};
use crate::model::{IndexStats, Namespace, plural};
use crate::provider::advice::{Facts, Files};
use crate::provider::registry::connector;
use crate::storage::refuses_name;

/// Lists the obstacles to importing what the copy would write. `shards` gives the records of each shard, as far as
/// known.
pub(super) fn against_import(facts: &Facts<'_>, shards: impl Iterator<Item = u64>) -> Vec<String> {
    let mut against = Vec::new();
    if facts.copy.asked.import.is_none() {
        against.push("the plan names no place for its files".to_owned());
    }
    let expected = expected_by_target(facts.mappings);
    let namespaces = expected.values().filter(|records| **records > 0).count();
    let files = files(namespaces, (facts.size.record_bytes as usize).max(1), shards);
    if let Ok(connector) = connector(facts.systems.1) {
        against.extend(connector.against_import(facts, &files));
    }
    // An import creates its namespaces, each from a folder of that name.
    let unnameable = |namespace: &Namespace| {
        refuses_name(namespace.explicit())
            .map(|why| format!("`{namespace}` cannot be a folder's name: {why}"))
    };
    let taken = taken(expected.keys(), facts.held);
    against.extend(taken.or_else(|| expected.keys().find_map(unnameable)));
    against
}

/// Finds a namespace that already holds records, because of which an import would fail as a whole.
pub(crate) fn taken<'a>(
    mut namespaces: impl Iterator<Item = &'a Namespace>,
    held: &IndexStats,
) -> Option<String> {
    let taken = namespaces.find(|namespace| held.count(namespace) > 0)?;
    let records = plural(held.count(taken), "record");
    Some(format!("an import makes its namespaces, and `{taken}` holds {records} already"))
}

/// Estimates the files of shards with these numbers of records, each `record` bytes long.
fn files(namespaces: usize, record: usize, shards: impl Iterator<Item = u64>) -> Files {
    let a_file = (FILE_BYTES / record).clamp(1, FILE_RECORDS) as u64;
    let (records, files) = shards
        .fold((0, 0), |(records, files), shard| (records + shard, files + shard.div_ceil(a_file)));
    Files { namespaces, files, bytes: records as f64 * record as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Observed;
    use crate::store::read::record_guess;

    #[test]
    fn every_shard_has_files_of_its_own() {
        let of =
            |dimension, shards: &[u64]| files(1, record_guess(dimension), shards.iter().copied());
        assert_eq!(of(4, &[1; 7]).files, 7);
        assert_eq!(of(4, &[0, 1]).files, 1);
        let large = of(3_072, &[40_000_000; 2]);
        assert_eq!(Observed::Bytes(large.bytes).to_string(), "1,031 GB");
        assert!(large.files > 2);
    }
}
