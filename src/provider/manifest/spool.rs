//! The ids of a run, sorted: a CSV file, and beside it an index of where each namespace begins.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::sorter::{Sorted, SortedId};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Access, Replacement, replace};
use crate::model::{Namespace, RecordId};
use crate::provider::snapshot::checksum;
use crate::text::hex;

/// The version of the index file.
const FORMAT: u32 = 1;

/// The index of a spooled manifest. The ids are in `file`: CSV with a header `namespace,id`, in bytewise order of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spool {
    vecshift_ids: u32,
    /// `sha256:` of the CSV file.
    pub digest: String,
    pub rows: u64,
    pub namespaces: BTreeMap<Namespace, Group>,
    #[serde(skip)]
    file: PathBuf,
}

/// Rows of one namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub rows: u64,
    /// Byte of the file at which they begin.
    offset: u64,
}

/// An id that occurs more than once, with its first two places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Double {
    pub first: SortedId,
    pub second: SortedId,
}

impl Spool {
    /// Writes sorted ids to `file`, a double only once, and returns the first double of each namespace. The index
    /// beside it comes last: without it there is no spool.
    ///
    /// # Errors
    /// `Io` if the files cannot be written.
    pub fn write(file: &Path, sorted: Sorted) -> Result<(Self, Vec<Double>)> {
        let cannot = |error| Error::io(format!("cannot write {}", file.display()), error);
        let begun = Replacement::begin(file, Access::Usual).map_err(cannot)?;
        let out = Out { file: BufWriter::new(begun), hash: Sha256::new(), bytes: 0 };
        let mut writer = csv::Writer::from_writer(out);
        let bad = |error: csv::Error| {
            Error::new(ErrorKind::Io, format!("cannot write {}", file.display())).with_source(error)
        };
        writer.write_record(["namespace", "id"]).map_err(bad)?;
        let mut namespaces: BTreeMap<Namespace, Group> = BTreeMap::new();
        let mut group = Group::default();
        let mut doubles: Vec<Double> = Vec::new();
        let mut last: Option<SortedId> = None;
        for next in sorted {
            let next = next?;
            let is_new = last.as_ref().is_none_or(|last| last.namespace != next.namespace);
            if is_new {
                if let Some(last) = &last {
                    namespaces.insert(Namespace::from(text(&last.namespace)?), group);
                }
                writer.flush().map_err(cannot)?;
                group = Group { rows: 0, offset: writer.get_ref().bytes };
            } else if let Some(last) = last.as_ref().filter(|last| last.id == next.id) {
                if doubles.last().is_none_or(|known| known.first.namespace != next.namespace) {
                    doubles.push(Double { first: last.clone(), second: next });
                }
                continue;
            }
            writer.write_record([&next.namespace, &next.id]).map_err(bad)?;
            group.rows += 1;
            last = Some(next);
        }
        if let Some(last) = &last {
            namespaces.insert(Namespace::from(text(&last.namespace)?), group);
        }
        let mut out = writer.into_inner().map_err(|error| cannot(error.into_error()))?;
        out.file.flush().map_err(cannot)?;
        let digest = hex(out.hash.finalize());
        let written = out.file.into_inner().map_err(|error| cannot(error.into_error()))?;
        forget(file)?;
        written.commit().map_err(cannot)?;
        let rows = namespaces.values().map(|group| group.rows).sum();
        let digest = format!("sha256:{digest}");
        let spool = Self { vecshift_ids: FORMAT, digest, rows, namespaces, file: file.to_owned() };
        spool.write_index()?;
        Ok((spool, doubles))
    }

    fn write_index(&self) -> Result<()> {
        let path = index_of(&self.file);
        let bytes = serde_json::to_vec(self).map_err(|error| {
            Error::unexpected("the index of the ids cannot be written").with_source(error)
        })?;
        replace(&path, &bytes, Access::Usual)
            .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
    }

    /// Opens the spool at `file`; `None` if it was not written to its end.
    ///
    /// # Errors
    /// `Conflict` if its index cannot be used.
    pub fn open(file: &Path) -> Result<Option<Self>> {
        let path = index_of(file);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(format!("cannot read {}", path.display()), error)),
        };
        let spool = serde_json::from_slice::<Self>(&bytes).ok();
        match spool.filter(|spool| spool.vecshift_ids == FORMAT) {
            Some(spool) => Ok(Some(Self { file: file.to_owned(), ..spool })),
            None => Err(Error::new(
                ErrorKind::Conflict,
                format!("{} is not an index of ids that this version reads", path.display()),
            )
            .with_hint("remove it: the manifest is read again")),
        }
    }

    /// Returns whether the file still has the bytes that were written. Blocks.
    ///
    /// # Errors
    /// `Io` if it is there and cannot be read.
    pub fn is_intact(&self) -> Result<bool> {
        let found = self.file.exists().then(|| checksum(&self.file)).transpose()?;
        Ok(found.is_some_and(|(_, sum)| self.digest == format!("sha256:{sum}")))
    }

    /// Returns the number of ids in a namespace.
    pub fn count(&self, namespace: &Namespace) -> u64 {
        self.namespaces.get(namespace).map_or(0, |group| group.rows)
    }

    /// Returns the ids of a namespace in bytewise order, read from the place where they begin.
    ///
    /// # Errors
    /// `NotFound` if the file is gone; each row's own if it is damaged.
    pub fn ids(
        &self,
        namespace: &Namespace,
    ) -> Result<impl Iterator<Item = Result<RecordId>> + Send + use<>> {
        let group = self.namespaces.get(namespace).copied().unwrap_or_default();
        let path = self.file.clone();
        let cannot = |error| Error::io("cannot read the ids of the run", error);
        let mut file = File::open(&path).map_err(cannot)?;
        file.seek(SeekFrom::Start(group.offset)).map_err(cannot)?;
        let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(BufReader::new(file));
        let namespace = namespace.clone();
        let mut rows = reader.into_records();
        let damaged = move |row: u64| {
            Error::new(ErrorKind::Conflict, "the ids of the run are damaged")
                .with_context("file", path.display())
                .with_context("namespace", namespace.explicit())
                .with_context("row", row)
        };
        Ok((1..=group.rows).map(move |row| match rows.next() {
            Some(Ok(record)) if record.len() == 2 => Ok(RecordId::from(&record[1])),
            Some(Err(error)) => Err(damaged(row).with_source(error)),
            _ => Err(damaged(row)),
        }))
    }
}

/// Removes the index of a spool, so that the manifest is read again.
///
/// # Errors
/// `Io` if it exists and cannot be removed.
pub fn forget(file: &Path) -> Result<()> {
    let path = index_of(file);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", path.display()), error))
        }
        _ => Ok(()),
    }
}

fn index_of(file: &Path) -> PathBuf {
    file.with_extension("index.json")
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|error| Error::unexpected("a sorted id is not text").with_source(error))
}

/// A writer that counts and hashes what goes to the file. A flush of the CSV writer ends here.
struct Out {
    file: BufWriter<Replacement>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sorter;
    use super::*;

    fn spool(folder: &Path, ids: &[(&str, &str)]) -> (Spool, Vec<Double>) {
        let mut sorter = Sorter::new(folder).unwrap();
        for (row, (namespace, id)) in (1..).zip(ids) {
            sorter.push(namespace, id, 0, row).unwrap();
        }
        Spool::write(&folder.join("ids.csv"), sorter.finish().unwrap()).unwrap()
    }

    fn ids(spool: &Spool, namespace: &str) -> Vec<String> {
        let ids = spool.ids(&Namespace::from(namespace)).unwrap();
        ids.map(|id| id.unwrap().to_string()).collect()
    }

    #[test]
    fn each_namespace_is_read_from_its_own_place() {
        let folder = tempfile::tempdir().unwrap();
        let odd = "a \"quote\",\na line";
        let (written, doubles) =
            spool(folder.path(), &[("b", "2"), ("a,b", odd), ("b", "1"), ("", "x"), ("c", "")]);
        assert!(doubles.is_empty());
        let read = Spool::open(&folder.path().join("ids.csv")).unwrap().unwrap();
        assert_eq!((&read, read.rows), (&written, 5));
        assert_eq!(ids(&read, "b"), ["1", "2"]);
        assert_eq!(ids(&read, "a,b"), [odd]);
        assert_eq!(ids(&read, "__default__"), ["x"]);
        assert_eq!(ids(&read, "gone"), [""; 0]);
        assert_eq!(read.count(&Namespace::from("b")), 2);
    }

    #[test]
    fn doubles_are_reported_with_both_rows_and_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, doubles) =
            spool(folder.path(), &[("n", "b"), ("n", "a"), ("n", "a"), ("n", "a"), ("m", "a")]);
        assert_eq!(doubles.len(), 1);
        assert_eq!((doubles[0].first.row, doubles[0].second.row), (2, 3));
        assert_eq!(ids(&spool, "n"), ["a", "b"]);
    }

    #[test]
    fn a_spool_without_its_index_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, _) = spool(folder.path(), &[("n", "a")]);
        forget(&spool.file).unwrap();
        assert_eq!(Spool::open(&spool.file).unwrap(), None);
        std::fs::write(index_of(&spool.file), "{}").unwrap();
        assert_eq!(Spool::open(&spool.file).unwrap_err().kind(), ErrorKind::Conflict);
    }
}
