//! Places of all records: every id in order in a temporary file, and in memory the place of every few hundredth.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, BufWriter, Seek, SeekFrom, Write};
use std::sync::Arc;

use tempfile::NamedTempFile;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Namespace, RecordId};
use crate::provider::manifest::{SortedId, Sorter};
use crate::provider::parquet::RowReader;

/// Number of ids between two that are held in memory.
const STEP: u64 = 256;

/// A row of a file; rows count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub file: u32,
    pub row: u64,
}

/// The places of all ids.
pub(super) struct Places {
    file: NamedTempFile,
    groups: BTreeMap<Namespace, Group>,
}

#[derive(Default)]
struct Group {
    rows: u64,
    /// Every [`STEP`]th id and its offset in the file, in order; the first id is the first.
    marks: Vec<(RecordId, u64)>,
}

impl Places {
    /// Reads the ids of all files, each with its path.
    pub fn sort(files: &[(String, Arc<RowReader>)]) -> Result<Self> {
        let mut sorter = Sorter::new(&std::env::temp_dir())?;
        for (number, (_, rows)) in files.iter().enumerate() {
            let number = u32::try_from(number).map_err(|_| Error::invalid("too many files"))?;
            for (row, id) in (0..).zip(rows.ids()?) {
                let (namespace, id) = id?;
                sorter.push(namespace.as_str(), &id, number, row)?;
            }
        }
        let mut places =
            Self { file: NamedTempFile::new().map_err(cannot)?, groups: BTreeMap::new() };
        places.write(sorter.finish()?, files)?;
        Ok(places)
    }

    fn write(
        &mut self,
        sorted: impl Iterator<Item = Result<SortedId>>,
        files: &[(String, Arc<RowReader>)],
    ) -> Result<()> {
        let mut out = BufWriter::new(self.file.reopen().map_err(cannot)?);
        let (mut offset, mut last): (u64, Option<SortedId>) = (0, None);
        for next in sorted {
            let next = next?;
            let is_same = |last: &SortedId| last.namespace == next.namespace && last.id == next.id;
            if let Some(last) = last.as_ref().filter(|last| is_same(last)) {
                return Err(twice(last, &next, files));
            }
            let namespace = Namespace::from(text(&next.namespace)?);
            let group = self.groups.entry(namespace).or_default();
            if group.rows.is_multiple_of(STEP) {
                group.marks.push((RecordId::from(text(&next.id)?), offset));
            }
            group.rows += 1;
            next.write_to(&mut out).map_err(cannot)?;
            offset += next.written_bytes();
            last = Some(next);
        }
        out.flush().map_err(cannot)
    }

    pub fn counts(&self) -> BTreeMap<Namespace, u64> {
        self.groups.iter().map(|(namespace, group)| (namespace.clone(), group.rows)).collect()
    }

    /// Returns up to `most` ids of a namespace that come after `after`, in order.
    pub fn after(
        &self,
        namespace: &Namespace,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<RecordId>> {
        let Some(group) = self.groups.get(namespace) else { return Ok(Vec::new()) };
        let start = group.mark_of(after.unwrap_or_default());
        let mut ids = Vec::with_capacity(most);
        for entry in self.entries(group, start)? {
            let entry = entry?;
            let id = text(&entry.id)?;
            if after.is_none_or(|after| id > after) {
                ids.push(RecordId::from(id));
            }
            if ids.len() == most {
                break;
            }
        }
        Ok(ids)
    }

    /// Returns the places of those of `ids` that exist.
    pub fn find(&self, namespace: &Namespace, ids: &BTreeSet<RecordId>) -> Result<BTreeSet<Place>> {
        let mut found = BTreeSet::new();
        let Some(group) = self.groups.get(namespace) else { return Ok(found) };
        let mut ids = ids.iter().peekable();
        while let Some(first) = ids.peek() {
            let mark = group.mark_of(&first.text());
            for entry in self.entries(group, mark)?.take(STEP as usize) {
                let entry = entry?;
                let id = text(&entry.id)?;
                while ids.next_if(|wanted| *wanted.text() < *id).is_some() {}
                if ids.next_if(|wanted| wanted.text() == id).is_some() {
                    found.insert(Place { file: entry.origin, row: entry.row });
                }
            }
            // An id before the next mark that was not met does not exist.
            let next = group.marks.get(mark + 1);
            while ids.next_if(|id| next.is_none_or(|(next, _)| *id < next)).is_some() {}
        }
        Ok(found)
    }

    /// Returns the entries of a group from one of its marks on.
    fn entries(
        &self,
        group: &Group,
        mark: usize,
    ) -> Result<impl Iterator<Item = Result<SortedId>> + use<>> {
        let offset = group.marks.get(mark).map_or(0, |(_, offset)| *offset);
        let left = group.rows.saturating_sub(mark as u64 * STEP);
        let mut file = self.file.reopen().map_err(cannot)?;
        file.seek(SeekFrom::Start(offset)).map_err(cannot)?;
        let mut file = BufReader::new(file);
        Ok((0..left).map(move |_| match SortedId::read_from(&mut file) {
            Ok(Some(id)) => Ok(id),
            Ok(None) => {
                Err(Error::new(ErrorKind::Conflict, "the sorted ids of the files are damaged"))
            }
            Err(error) => Err(cannot(error)),
        }))
    }
}

impl Group {
    /// Returns the last mark that is not behind `id`; the first one if all are.
    fn mark_of(&self, id: &str) -> usize {
        self.marks.partition_point(|(mark, _)| *mark.text() <= *id).saturating_sub(1)
    }
}

fn twice(first: &SortedId, second: &SortedId, files: &[(String, Arc<RowReader>)]) -> Error {
    let place = |id: &SortedId| {
        let file = files.get(id.origin as usize).map_or("?", |(path, _)| path.as_str());
        format!("{file}, row {}", id.row + 1)
    };
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let message = format!(
        "`{}` is twice in namespace `{}`: {} and {}",
        lossy(&first.id),
        Namespace::from(lossy(&first.namespace)),
        place(first),
        place(second)
    );
    Error::new(ErrorKind::Conflict, message)
        .with_hint("leave one of the two out: ids are unique in a namespace")
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|error| Error::unexpected("a sorted id is not text").with_source(error))
}

fn cannot(error: std::io::Error) -> Error {
    Error::io("cannot keep the sorted ids of the files", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, Record, Vector, Vectors};
    use crate::plan::file::Columns;
    use crate::provider::parquet::{Folders, RecordWriter};

    fn id(number: u64) -> RecordId {
        RecordId::from(format!("{number:06}"))
    }

    /// Returns the places of every second number up to 2,000, in two files that alternate, in no order.
    fn places() -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        let files = (0..2u64).map(|file| {
            let path = folder.path().join(format!("{file}.parquet"));
            let mut writer = RecordWriter::create(&path).unwrap();
            for number in (0..500).rev() {
                let record = Record {
                    id: id(number * 4 + file * 2),
                    vectors: Vectors::plain(Vector::from_values([number as f32]), None),
                    metadata: Metadata::default(),
                };
                writer.append(&Namespace::from("n"), &[record]).unwrap();
            }
            writer.finish().unwrap();
            let reader =
                RowReader::open(&path, "places", &Columns::default(), &Folders::default()).unwrap();
            (path.display().to_string(), Arc::new(reader))
        });
        let files: Vec<_> = files.collect();
        let places = Places::sort(&files).unwrap();
        (folder, places)
    }

    #[test]
    fn every_id_is_found_where_it_is_and_no_other() {
        let (_folder, places) = places();
        let space = Namespace::from("n");
        assert_eq!(places.counts(), BTreeMap::from([(space.clone(), 1_000)]));
        let all: BTreeSet<RecordId> = (0..2_100).map(id).collect();
        let found = places.find(&space, &all).unwrap();
        assert_eq!(found.len(), 1_000);
        for number in 0..2_050 {
            let found = places.find(&space, &BTreeSet::from([id(number)])).unwrap();
            let expected = (number < 2_000 && number.is_multiple_of(2))
                .then(|| Place { file: u32::from(number % 4 == 2), row: 499 - number / 4 });
            assert_eq!(found.into_iter().next(), expected, "{number}");
        }
        let few = BTreeSet::from([id(3), id(512), id(1_022), id(1_998), RecordId::from("x")]);
        assert_eq!(places.find(&space, &few).unwrap().len(), 3);
        assert!(places.find(&Namespace::from("other"), &few).unwrap().is_empty());
    }

    #[test]
    fn pages_hold_each_id_once_in_order() {
        let (_folder, places) = places();
        let space = Namespace::from("n");
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = places.after(&space, after.as_deref(), 100).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.to_string());
            seen.extend(page);
        }
        assert_eq!(seen, (0..1_000).map(|number| id(number * 2)).collect::<Vec<_>>());
    }
}
