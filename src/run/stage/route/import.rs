//! The obstacles to a bulk import.
//!
//! Limits as documented by Pinecone ("Import records" and "Database limits", seen 2026-11).

use super::facts::Facts;
use crate::copy::{FILE_BYTES, FILE_RECORDS, expected_by_target};
use crate::model::{IndexStats, Namespace, Observed};
use crate::pinecone_wire::Deployment;
use crate::provider::storage::{is_s3, refuses_name};

/// The most namespaces and bytes in one import.
const IMPORT_NAMESPACES: usize = 10_000;
const IMPORT_BYTES: f64 = 1e12;
/// The most files in one import.
const FILES: u64 = 100_000;

impl Facts<'_> {
    /// Lists the obstacles to importing what the copy would write. `shards` gives the records of each shard, as far as
    /// known.
    pub(super) fn against_import(&self, shards: impl Iterator<Item = u64>) -> Vec<String> {
        let import = self.copy.asked.import.as_ref();
        let mut against = Vec::new();
        if import.is_none() {
            against.push("the plan names no place for its files".to_owned());
        }
        match self.target.as_ref().map(|target| Deployment::of(&target.deployment)) {
            None => against.push("the plan does not say what the target is".to_owned()),
            Some(Some(Deployment::Serverless { cloud, .. })) => {
                if import.is_some_and(|import| is_s3(&import.uri)) && cloud != "aws" {
                    against.push(format!("an index in {cloud} cannot import from Amazon S3"));
                }
            }
            Some(_) => against.push("the target is not serverless".to_owned()),
        }
        if self.takes_imports == Some(false) {
            against.push("it needs the service's plan standard or enterprise".to_owned());
        }
        against.extend(self.against_namespaces());
        let record = (self.weight.record_bytes as usize).max(1);
        against.extend(over_size(record, shards));
        against
    }

    /// An import creates its namespaces, each from a folder of that name.
    fn against_namespaces(&self) -> Option<String> {
        let expected = expected_by_target(self.mappings);
        let count = expected.values().filter(|records| **records > 0).count();
        if count > IMPORT_NAMESPACES {
            return Some(format!(
                "{} namespaces, an import takes {}",
                Observed::count(count as u64),
                Observed::count(IMPORT_NAMESPACES as u64)
            ));
        }
        let unnameable = |namespace: &Namespace| {
            refuses_name(namespace.explicit())
                .map(|why| format!("`{namespace}` cannot be a folder's name: {why}"))
        };
        taken(expected.keys(), self.held).or_else(|| expected.keys().find_map(unnameable))
    }
}

/// Finds a namespace that already holds records, because of which an import would fail as a whole.
pub(in crate::run::stage) fn taken<'a>(
    mut namespaces: impl Iterator<Item = &'a Namespace>,
    held: &IndexStats,
) -> Option<String> {
    let taken = namespaces.find(|namespace| held.count(namespace) > 0)?;
    let records = Observed::count(held.count(taken));
    Some(format!("an import makes its namespaces, and `{taken}` holds {records} records already"))
}

/// Explains why shards with these numbers of records, each `record` bytes long, are too large together.
fn over_size(record: usize, shards: impl Iterator<Item = u64>) -> Option<String> {
    let a_file = (FILE_BYTES / record).clamp(1, FILE_RECORDS) as u64;
    let (records, files) = shards
        .fold((0, 0), |(records, files), shard| (records + shard, files + shard.div_ceil(a_file)));
    let bytes = records as f64 * record as f64;
    if bytes > IMPORT_BYTES {
        let (bytes, most) = (Observed::Bytes(bytes), Observed::Bytes(IMPORT_BYTES));
        return Some(format!("about {bytes}, an import takes {most}"));
    }
    (files > FILES).then(|| {
        let (files, most) = (Observed::count(files), Observed::count(FILES));
        format!("about {files} files, an import takes {most}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::read::record_guess;

    #[test]
    fn what_one_import_takes_is_kept_to() {
        let over =
            |dimension, shards: &[u64]| over_size(record_guess(dimension), shards.iter().copied());
        assert_eq!(over(3_072, &[1_000_000; 50]), None);
        let obstacle = over(3_072, &[40_000_000; 2]).unwrap();
        assert_eq!(obstacle, "about 1,031 GB, an import takes 1,000 GB");
        assert_eq!(over(4, &vec![1; 100_000]), None);
        let obstacle = over(4, &vec![1; 100_001]).unwrap();
        assert_eq!(obstacle, "about 100,001 files, an import takes 100,000");
    }
}
