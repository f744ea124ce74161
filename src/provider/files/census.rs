//! The rows of each namespace by row group: counted by the footers, and where rows give their namespace by a pass over that
//! column.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use super::one_file::OneFile;
use super::span::Way;
use crate::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Namespace, Observed};
use crate::text::hex;

/// Row groups of which a column is read at once.
pub(super) const AT_ONCE: usize = 4;

/// The most parts of row groups that are held, 8 bytes each: what a row group has of a namespace is one.
const MOST_PARTS: usize = 32_000_000;

/// Parts of row groups that take a good while to look for, and how many of a row group they are then.
const MANY_PARTS: (usize, usize) = (100_000, 16);

/// All row groups that hold rows, by namespace, in the order of the files.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// The file of each row group, and its number there.
    groups: Vec<(u32, u32)>,
    namespaces: BTreeMap<Namespace, Vec<Part>>,
    parts: usize,
}

/// What a row group holds of a namespace.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Among all row groups.
    group: u32,
    rows: u32,
}

/// What a row group of a file holds of a namespace.
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
    /// Those of reading a column of namespaces; `Refused` if they are spread over more row groups than can be held.
    pub async fn take(files: &[OneFile]) -> Result<Self> {
        Self::take_up_to(files, MOST_PARTS).await
    }

    async fn take_up_to(files: &[OneFile], most: usize) -> Result<Self> {
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
            let at = u32::try_from(census.groups.len()).map_err(|_| too_large("row groups"))?;
            census.groups.push((file, group));
            census.parts += counts.len();
            for (namespace, rows) in counts {
                let rows = u32::try_from(rows).map_err(|_| too_large("rows in a row group"))?;
                census.namespaces.entry(namespace).or_default().push(Part { group: at, rows });
            }
            if census.parts > most {
                return Err(census.too_spread());
            }
        }
        census.namespaces.values_mut().for_each(Vec::shrink_to_fit);
        Ok(census)
    }

    fn too_spread(&self) -> Error {
        let message = format!(
            "{}: more than can be kept track of",
            spread(self.namespaces.len(), self.groups.len(), self.parts)
        );
        Error::new(ErrorKind::Refused, message).with_hint(SORT)
    }

    /// Returns what has to be said where each namespace is looked for in many row groups that hold little of it.
    pub fn remark(&self) -> Option<String> {
        remark(self.namespaces.len(), self.groups.len(), self.parts)
    }

    pub fn counts(&self) -> BTreeMap<Namespace, u64> {
        let count = |parts: &[Part]| parts.iter().map(|part| u64::from(part.rows)).sum();
        self.namespaces.iter().map(|(name, parts)| (name.clone(), count(parts))).collect()
    }

    pub fn total(&self) -> u64 {
        self.namespaces.values().flatten().map(|part| u64::from(part.rows)).sum()
    }

    /// Returns the row groups with rows of a namespace; none if there is no such namespace.
    pub fn of(&self, namespace: &Namespace) -> impl Iterator<Item = Held> + '_ {
        let parts = self.namespaces.get(namespace).map_or(&[][..], Vec::as_slice);
        parts.iter().filter_map(|part| {
            let (file, group) = *self.groups.get(part.group as usize)?;
            Some(Held { file, group, rows: part.rows.into() })
        })
    }

    /// Returns those of a range.
    pub fn within(&self, namespace: &Namespace, way: &Way, files: &[OneFile]) -> Vec<Held> {
        let is_of = |held: &Held| way.has(&held.of(files).path, held.group as usize);
        self.of(namespace).filter(is_of).collect()
    }

    /// Returns a digest of the files that hold rows of a namespace: of their paths, sizes and footers.
    pub fn identity(&self, namespace: &Namespace, files: &[OneFile]) -> String {
        let mut hash = Sha256::new();
        let mut numbers: Vec<u32> = self.of(namespace).map(|held| held.file).collect();
        numbers.dedup();
        for file in numbers.iter().map(|number| &files[*number as usize]) {
            hash.update((file.path.len() as u64).to_be_bytes());
            hash.update(file.path.as_bytes());
            hash.update(file.rows.bytes().to_be_bytes());
            hash.update(file.rows.footer().to_be_bytes());
        }
        hex(&hash.finalize()[..8])
    }
}

const SORT: &str = "sort the files by namespace, or put each namespace into a folder of its own";

fn spread(namespaces: usize, groups: usize, parts: usize) -> String {
    let number = |count: usize| Observed::count(count as u64).to_string();
    format!(
        "the rows of {} namespaces are spread over {} row groups, in {} parts",
        number(namespaces),
        number(groups),
        number(parts)
    )
}

fn remark(namespaces: usize, groups: usize, parts: usize) -> Option<String> {
    let is_slow = parts >= MANY_PARTS.0.max(groups.saturating_mul(MANY_PARTS.1));
    is_slow.then(|| {
        let spread = spread(namespaces, groups, parts);
        format!("{spread}: ids and namespaces of a row group are read once for each; {SORT}")
    })
}

fn too_large(what: &str) -> Error {
    Error::invalid(format!("there are more than {} {what}", u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, Record, RecordId, Vector, VectorField, Vectors};
    use crate::plan::file::Columns;
    use crate::provider::files::shelf::files_of;
    use crate::provider::parquet::RecordWriter;

    #[tokio::test]
    async fn namespaces_that_are_spread_too_thin_are_refused_with_the_figures() {
        let folder = tempfile::tempdir().unwrap();
        for file in 0..4 {
            let path = folder.path().join(format!("{file}.parquet"));
            let mut writer = RecordWriter::create(path, &VectorField::plain()).unwrap();
            for namespace in ["a", "b", "c"] {
                let record = Record {
                    id: RecordId::new(format!("{file}")),
                    vectors: Vectors::plain(Vector::from_values([1.0]), None),
                    metadata: Metadata::default(),
                };
                writer.append(&Namespace::new(namespace), &[record]).unwrap();
            }
            writer.finish().unwrap();
        }
        let files = files_of(folder.path(), Columns::default()).await;
        let census = Census::take_up_to(&files, 12).await.unwrap();
        assert_eq!((census.parts, census.total(), census.remark()), (12, 12, None));
        let places: Vec<Held> = census.of(&Namespace::new("b")).collect();
        let held = |file| Held { file, group: 0, rows: 1 };
        assert_eq!(places, [held(0), held(1), held(2), held(3)]);

        let error = Census::take_up_to(&files, 11).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        let said = "the rows of 3 namespaces are spread over 4 row groups, in 12 parts";
        assert!(error.message().starts_with(said), "{error}");
        assert!(error.hint().unwrap().contains("sort the files by namespace"), "{error}");
    }

    #[test]
    fn what_is_slow_is_said() {
        assert_eq!(remark(100_000, 1_000, 15_999), None, "few parts");
        assert_eq!(remark(100, 100_000, 100_000), None, "a namespace or so in each row group");
        let said = remark(100_000, 1_000, 57_000_000).unwrap();
        assert!(said.contains("100,000 namespaces") && said.contains("57,000,000 parts"), "{said}");
    }
}
