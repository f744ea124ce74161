//! Ids from the system of record: CSV, JSON lines or Parquet files, read in bounded memory and sorted once.
//!
//! [`open`] walks the rows in the order of the files. A run copies by a [`Spool`]: all rows sorted by namespace and id
//! (an external sort, [`Sorter`]), with the place of each namespace, so that a shard reads its own rows only and a
//! resume sees the same ids. Reading blocks: use `spawn_blocking`.

mod rows;
mod sorter;
mod spool;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::rows::{Columns, Rows, rows};
pub use self::sorter::{Sorted, SortedId, Sorter};
pub use self::spool::{Double, Group, Spool, forget};
use crate::error::{Error, Result};
use crate::model::{Namespace, RecordId};

/// The files, and which of their columns are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestOptions {
    pub files: Vec<PathBuf>,
    /// The column of the namespace; `None` means `namespace`, or the default namespace for a file without it.
    pub namespace: Option<String>,
    /// The column of the id; `None` means `id`.
    pub id: Option<String>,
}

/// One row of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestEntry {
    /// Place of the file among the files, from 0.
    pub file: usize,
    /// Number of the row in its file, from 1, not counting a header.
    pub row: u64,
    pub namespace: Namespace,
    pub id: RecordId,
}

/// The rows of a manifest, in order.
pub struct Manifest {
    files: Arc<[PathBuf]>,
    columns: Columns,
    rows: Option<Rows>,
    file: usize,
    row: u64,
}

/// Opens a manifest. Each file is checked before the first row is returned.
///
/// # Errors
/// `Invalid` if there are no files; those of each file: `NotFound` if it does not exist, `Invalid` if its extension is
/// unknown or a named column is missing.
pub fn open(options: &ManifestOptions) -> Result<Manifest> {
    if options.files.is_empty() {
        return Err(Error::invalid("the manifest's pattern matches no file"));
    }
    let columns = Columns {
        id: options.id.clone().unwrap_or_else(|| "id".into()),
        namespace: options.namespace.clone().unwrap_or_else(|| "namespace".into()),
        needs_namespace: options.namespace.is_some(),
    };
    let files: Arc<[PathBuf]> = options.files.clone().into();
    let mut manifest = Manifest { files, columns, rows: None, file: 0, row: 0 };
    for file in (0..manifest.files.len()).rev() {
        manifest.start(file)?;
    }
    Ok(manifest)
}

/// Reads a manifest and writes it sorted to `file`, in bounded memory. A double's `origin` is the file's place among the
/// files.
///
/// # Errors
/// Those of [`open`] and [`Spool::write`]; also if any row cannot be read.
pub fn spool(options: &ManifestOptions, file: &Path) -> Result<(Spool, Vec<Double>)> {
    let mut sorter = Sorter::new(file.parent().unwrap_or(Path::new(".")))?;
    for entry in open(options)? {
        let entry = entry?;
        let origin = u32::try_from(entry.file).unwrap_or(u32::MAX);
        sorter.push(entry.namespace.as_str(), &entry.id.text(), origin, entry.row)?;
    }
    Spool::write(file, sorter.finish()?)
}

impl Manifest {
    fn start(&mut self, file: usize) -> Result<()> {
        let path = &self.files[file];
        let rows = rows(path, self.columns.clone())
            .map_err(|error| error.with_context("manifest", path.display()))?;
        (self.rows, self.file, self.row) = (Some(rows), file, 0);
        Ok(())
    }

    fn entry(&self, row: Result<(Option<String>, Option<String>)>) -> Result<ManifestEntry> {
        let entry = row.and_then(|(namespace, id)| match id.filter(|id| !id.is_empty()) {
            Some(id) => Ok(ManifestEntry {
                file: self.file,
                row: self.row,
                namespace: Namespace::from(namespace.unwrap_or_default()),
                id: RecordId::from(id),
            }),
            None => Err(Error::invalid("the id is empty")),
        });
        entry.map_err(|error| {
            let path = self.files[self.file].display();
            error.with_context("manifest", path).with_context("row", self.row)
        })
    }
}

impl Iterator for Manifest {
    type Item = Result<ManifestEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.as_mut()?.next() {
                self.row += 1;
                return Some(self.entry(row));
            }
            self.rows = None;
            if self.file + 1 == self.files.len() {
                return None;
            }
            if let Err(error) = self.start(self.file + 1) {
                return Some(Err(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parquet;
    use super::*;
    use crate::model::{Metadata, Record, Vector, VectorField, Vectors};

    fn write(name: &str, text: &str) -> (tempfile::TempDir, ManifestOptions) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        (folder, ManifestOptions { files: vec![path], ..Default::default() })
    }

    fn entries(options: &ManifestOptions) -> Vec<(u64, String, String)> {
        open(options)
            .unwrap()
            .map(Result::unwrap)
            .map(|entry| (entry.row, entry.namespace.to_string(), entry.id.to_string()))
            .collect()
    }

    fn last_error(options: &ManifestOptions) -> String {
        open(options).unwrap().last().unwrap().unwrap_err().to_string()
    }

    #[test]
    fn csv_is_read_in_order_with_its_rows() {
        let (_folder, options) = write("m.csv", "namespace,id,x\nn1,\"a,b\",1\n,b,2\n");
        let expected = [(1, "n1".into(), "a,b".into()), (2, "__default__".into(), "b".into())];
        assert_eq!(entries(&options), expected);
    }

    #[test]
    fn files_are_read_one_after_the_other_with_rows_of_their_own() {
        let (_one, first) = write("a.csv", "id\na\nb\n");
        let (_two, second) = write("b.jsonl", "{\"id\":\"c\"}\n{\"id\":\"\"}\n");
        let files = [first.files, second.files].concat();
        let options = ManifestOptions { files, ..Default::default() };
        let rows: Vec<_> = open(&options).unwrap().collect();
        let third = rows[2].as_ref().unwrap();
        assert_eq!((third.file, third.row, &*third.id.text()), (1, 1, "c"));
        let error = rows[3].as_ref().unwrap_err().to_string();
        assert!(error.contains("b.jsonl") && error.contains("row: 2"), "{error}");
        assert!(open(&ManifestOptions::default()).is_err());
    }

    #[test]
    fn json_lines_take_text_and_whole_numbers() {
        let text = "{\"namespace\":\"n\",\"id\":\"a\"}\n\n{\"id\":42,\"other\":[]}";
        let (_folder, options) = write("m.jsonl", text);
        let expected = [(1, "n".into(), "a".into()), (2, "__default__".into(), "42".into())];
        assert_eq!(entries(&options), expected);
    }

    #[test]
    fn parquet_is_read_without_its_vectors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.parquet");
        let mut writer = parquet::RecordWriter::create(&path, &VectorField::plain()).unwrap();
        let record = |at: u32| Record {
            id: RecordId::from(format!("r{at}")),
            vectors: Vectors::plain(Vector::from_values([1.0; 8]), None),
            metadata: Metadata::default(),
        };
        let records: Vec<Record> = (0..2_500).map(record).collect();
        writer.append(&Namespace::from("n"), &records).unwrap();
        writer.finish().unwrap();
        let found = entries(&ManifestOptions { files: vec![path], ..Default::default() });
        assert_eq!(found.len(), 2_500);
        assert_eq!(found[2_499], (2_500, "n".into(), "r2499".into()));
    }

    #[test]
    fn other_columns_can_be_named() {
        let (_folder, mut options) = write("m.csv", "tenant,key\nn,a\n");
        options.namespace = Some("tenant".into());
        options.id = Some("key".into());
        assert_eq!(entries(&options), [(1, "n".into(), "a".into())]);
    }

    #[test]
    fn mistakes_are_reported_with_file_and_row() {
        let (_a, options) = write("m.csv", "namespace,id\nn,a\nn,\n");
        let error = last_error(&options);
        assert!(error.contains("id is empty") && error.contains("row: 2"), "{error}");
        assert!(error.contains("m.csv"), "{error}");

        let (_b, options) = write("m.jsonl", "{\"id\":\"a\"}\n{\"id\":1.5}\n");
        assert!(last_error(&options).contains("row: 2"));

        let (_c, options) = write("m.csv", "namespace,id\nn,a\nn\n");
        assert!(last_error(&options).contains("CSV cannot be read"));
    }

    #[test]
    fn a_manifest_that_cannot_be_used_is_refused_at_once() {
        let refused = |options: &ManifestOptions| open(options).err().unwrap();
        let (_a, mut options) = write("m.csv", "namespace,key\nn,a\n");
        assert!(
            refused(&options).to_string().contains("no column `id`; there are: namespace, key")
        );
        options.id = Some("key".into());
        options.namespace = Some("tenant".into());
        assert!(refused(&options).to_string().contains("no column `tenant`"));
        let (_b, options) = write("m.txt", "");
        assert!(refused(&options).to_string().contains(".csv"));
        let gone = ManifestOptions { files: vec!["no/such.csv".into()], ..Default::default() };
        assert_eq!(refused(&gone).kind(), crate::ErrorKind::NotFound);
    }
}
