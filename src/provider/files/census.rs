//! The rows of each namespace by row group: counted by the footers, and where rows give their namespace by a pass over that
//! column.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use super::one_file::OneFile;
use super::span::Way;
use crate::error::Result;
use crate::model::Namespace;
use crate::provider::blocking;

/// Row groups of which a column is read at once.
pub(super) const AT_ONCE: usize = 4;

/// All row groups that hold rows, by namespace, in the order of the files.
#[derive(Debug, Default)]
pub(super) struct Census {
    namespaces: BTreeMap<Namespace, Vec<Held>>,
}

/// What a row group holds of a namespace; 16 bytes each, however many rows there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub file: u32,
    pub group: u32,
    pub rows: u64,
}

impl Held {
    /// Returns its file.
    pub fn of<'a>(&self, files: &'a [OneFile]) -> &'a OneFile {
        &files[self.file as usize]
    }
}

impl Census {
    /// Counts the rows of all files.
    ///
    /// # Errors
    /// Those of reading a column of namespaces.
    pub async fn take(files: &[OneFile]) -> Result<Self> {
        let groups = (0u32..).zip(files).flat_map(|(number, file)| {
            let groups = 0..u32::try_from(file.rows.groups().len()).unwrap_or(u32::MAX);
            groups.map(move |group| (number, group, file.rows.clone()))
        });
        let counted = groups.map(|(file, group, rows)| async move {
            let count = move || rows.namespaces(group as usize);
            let counts = match files[file as usize].rows.namespace() {
                Some(_) => count()?,
                None => blocking(count).await?,
            };
            Ok::<_, crate::Error>((file, group, counts))
        });
        let mut census = Self::default();
        let mut counted = stream::iter(counted.collect::<Vec<_>>()).buffered(AT_ONCE);
        while let Some((file, group, counts)) = counted.try_next().await? {
            for (namespace, rows) in counts {
                census.namespaces.entry(namespace).or_default().push(Held { file, group, rows });
            }
        }
        Ok(census)
    }

    pub fn counts(&self) -> BTreeMap<Namespace, u64> {
        let count = |held: &[Held]| held.iter().map(|held| held.rows).sum();
        self.namespaces.iter().map(|(name, held)| (name.clone(), count(held))).collect()
    }

    pub fn total(&self) -> u64 {
        self.namespaces.values().flatten().map(|held| held.rows).sum()
    }

    /// Returns the row groups with rows of a namespace; none if there is no such namespace.
    pub fn of(&self, namespace: &Namespace) -> &[Held] {
        self.namespaces.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// Returns those of a range.
    pub fn within(&self, namespace: &Namespace, way: &Way, files: &[OneFile]) -> Vec<Held> {
        let is_of = |held: &&Held| way.has(&held.of(files).path, held.group as usize);
        self.of(namespace).iter().filter(is_of).copied().collect()
    }

    /// Returns a digest of the files that hold rows of a namespace: of their paths, sizes and footers.
    pub fn identity(&self, namespace: &Namespace, files: &[OneFile]) -> String {
        let mut hash = Sha256::new();
        let mut numbers: Vec<u32> = self.of(namespace).iter().map(|held| held.file).collect();
        numbers.dedup();
        for file in numbers.iter().map(|number| &files[*number as usize]) {
            hash.update((file.path.len() as u64).to_be_bytes());
            hash.update(file.path.as_bytes());
            hash.update(file.rows.bytes().to_be_bytes());
            hash.update(file.rows.footer().to_be_bytes());
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}
