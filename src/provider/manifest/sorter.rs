//! Sorting more ids than memory holds: sorted runs on disk, merged as they are read.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use tempfile::TempDir;

use crate::error::{Error, Result};

/// Bytes of ids held in memory before they go to disk as a run.
const HELD: usize = 24 * 1024 * 1024;
/// Number of runs merged at once, and so of open files.
const RUNS: usize = 64;
/// The longest namespace or id that is read back; ours are far shorter, so anything else is damage.
const LONGEST: u32 = 64 * 1024 * 1024;

/// An id and its origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortedId {
    pub namespace: Vec<u8>,
    pub id: Vec<u8>,
    /// Number of its origin, as the caller counts them: a file, a source.
    pub origin: u32,
    /// Row in the origin.
    pub row: u64,
}

/// A sorter that takes ids in any order and returns them in bytewise order of namespace, id, origin and row.
pub struct Sorter {
    folder: TempDir,
    held: Held,
    limit: usize,
    runs: Vec<File>,
}

/// The ids in memory: their bytes one after the other, and the place of each.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

struct Place {
    start: usize,
    namespace: u32,
    id: u32,
    origin: u32,
    row: u64,
}

impl Sorter {
    /// Makes a sorter whose runs go to a folder of their own in `folder`, which is removed when the ids were read.
    ///
    /// # Errors
    /// `Io` if the folder cannot be made.
    pub fn new(folder: &Path) -> Result<Self> {
        Self::with_limit(folder, HELD)
    }

    fn with_limit(folder: &Path, limit: usize) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix(".sorting-").tempdir_in(folder);
        let folder = folder.map_err(cannot)?;
        Ok(Self { folder, held: Held::default(), limit, runs: Vec::new() })
    }

    /// Adds an id.
    ///
    /// # Errors
    /// `Io` if a run cannot be written.
    pub fn push(&mut self, namespace: &str, id: &str, origin: u32, row: u64) -> Result<()> {
        let length = |text: &str| {
            u32::try_from(text.len()).ok().filter(|length| *length <= LONGEST).ok_or_else(|| {
                Error::invalid("a namespace or an id is longer than any index takes")
            })
        };
        let (start, namespace_bytes, id_bytes) =
            (self.held.bytes.len(), length(namespace)?, length(id)?);
        self.held.bytes.extend_from_slice(namespace.as_bytes());
        self.held.bytes.extend_from_slice(id.as_bytes());
        let place = Place { start, namespace: namespace_bytes, id: id_bytes, origin, row };
        self.held.places.push(place);
        match self.held.size() >= self.limit {
            true => self.spill(),
            false => Ok(()),
        }
    }

    /// Returns the ids in order.
    ///
    /// # Errors
    /// `Io` if a run cannot be written or read.
    pub fn finish(mut self) -> Result<Sorted> {
        self.spill()?;
        self.held = Held::default();
        let runs = std::mem::take(&mut self.runs);
        Sorted::new(runs, Some(self.folder))
    }

    /// Writes what is held as a run.
    fn spill(&mut self) -> Result<()> {
        if self.held.places.is_empty() {
            return Ok(());
        }
        if self.runs.len() >= RUNS {
            let merged = Sorted::new(std::mem::take(&mut self.runs), None)?;
            let mut run = self.run()?;
            for id in merged {
                let SortedId { namespace, id, origin, row } = id?;
                write(&mut run, &namespace, &id, origin, row).map_err(cannot)?;
            }
            self.keep(run)?;
        }
        let mut run = self.run()?;
        self.held.sort();
        for place in &self.held.places {
            let (namespace, id) = self.held.texts(place);
            write(&mut run, namespace, id, place.origin, place.row).map_err(cannot)?;
        }
        self.held.bytes.clear();
        self.held.places.clear();
        self.keep(run)
    }

    fn run(&self) -> Result<BufWriter<File>> {
        tempfile::tempfile_in(self.folder.path()).map(BufWriter::new).map_err(cannot)
    }

    fn keep(&mut self, run: BufWriter<File>) -> Result<()> {
        self.runs.push(run.into_inner().map_err(|error| cannot(error.into_error()))?);
        Ok(())
    }
}

impl Held {
    fn size(&self) -> usize {
        self.bytes.len() + self.places.len() * size_of::<Place>()
    }

    fn sort(&mut self) {
        let mut places = std::mem::take(&mut self.places);
        places.sort_unstable_by(|a, b| {
            self.texts(a).cmp(&self.texts(b)).then((a.origin, a.row).cmp(&(b.origin, b.row)))
        });
        self.places = places;
    }

    fn texts(&self, place: &Place) -> (&[u8], &[u8]) {
        let middle = place.start + place.namespace as usize;
        (&self.bytes[place.start..middle], &self.bytes[middle..middle + place.id as usize])
    }
}

fn write(
    run: &mut impl Write,
    namespace: &[u8],
    id: &[u8],
    origin: u32,
    row: u64,
) -> std::io::Result<()> {
    for text in [namespace, id] {
        run.write_all(&(text.len() as u32).to_le_bytes())?;
        run.write_all(text)?;
    }
    run.write_all(&origin.to_le_bytes())?;
    run.write_all(&row.to_le_bytes())
}

fn cannot(error: std::io::Error) -> Error {
    Error::io("cannot sort the ids on disk", error)
}

/// The ids of a [`Sorter`], in order, merged while they are read.
pub struct Sorted {
    runs: Vec<BufReader<File>>,
    heads: BinaryHeap<Head>,
    #[expect(dead_code, reason = "the folder goes when this does")]
    folder: Option<TempDir>,
}

/// The next id of a run. The greatest is the one that comes first.
struct Head(SortedId, usize);

impl Sorted {
    fn new(runs: Vec<File>, folder: Option<TempDir>) -> Result<Self> {
        let mut sorted = Self { runs: Vec::new(), heads: BinaryHeap::new(), folder };
        for (index, mut run) in runs.into_iter().enumerate() {
            std::io::Seek::rewind(&mut run).map_err(cannot)?;
            sorted.runs.push(BufReader::with_capacity(64 * 1024, run));
            sorted.read(index)?;
        }
        Ok(sorted)
    }

    fn read(&mut self, index: usize) -> Result<()> {
        if let Some(id) = read(&mut self.runs[index]).map_err(cannot)? {
            self.heads.push(Head(id, index));
        }
        Ok(())
    }
}

impl Iterator for Sorted {
    type Item = Result<SortedId>;

    fn next(&mut self) -> Option<Self::Item> {
        let Head(id, index) = self.heads.pop()?;
        match self.read(index) {
            Ok(()) => Some(Ok(id)),
            Err(error) => {
                self.heads.clear();
                Some(Err(error))
            }
        }
    }
}

fn read(run: &mut impl Read) -> std::io::Result<Option<SortedId>> {
    let mut first = [0; 4];
    match run.read_exact(&mut first) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let namespace = text(run, u32::from_le_bytes(first))?;
    let length = number(run)?;
    let id = text(run, length)?;
    let origin = number(run)?;
    let mut row = [0; 8];
    run.read_exact(&mut row)?;
    Ok(Some(SortedId { namespace, id, origin, row: u64::from_le_bytes(row) }))
}

fn number(run: &mut impl Read) -> std::io::Result<u32> {
    let mut bytes = [0; 4];
    run.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn text(run: &mut impl Read, length: u32) -> std::io::Result<Vec<u8>> {
    if length > LONGEST {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut text = vec![0; length as usize];
    run.read_exact(&mut text)?;
    Ok(text)
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        (&other.0, other.1).cmp(&(&self.0, self.1))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(ids: &[(String, String)], limit: usize) -> Vec<SortedId> {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::with_limit(folder.path(), limit).unwrap();
        for (row, (namespace, id)) in ids.iter().enumerate() {
            sorter.push(namespace, id, 1, row as u64).unwrap();
        }
        let found = sorter.finish().unwrap().map(Result::unwrap).collect();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the runs are gone");
        found
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            failure_persistence: None,
            cases: 24,
            ..Default::default()
        })]

        /// With one id a run there are more runs than are merged at once.
        #[test]
        fn runs_on_disk_give_what_sorting_in_memory_gives(
            ids in proptest::collection::vec(("[ab]{0,2}", "[\\PC\n,\"]{0,4}"), 0..200),
            limit in proptest::sample::select(vec![1, 300, usize::MAX]),
        ) {
            let mut expected: Vec<SortedId> = ids
                .iter()
                .enumerate()
                .map(|(row, (namespace, id))| SortedId {
                    namespace: namespace.clone().into_bytes(),
                    id: id.clone().into_bytes(),
                    origin: 1,
                    row: row as u64,
                })
                .collect();
            expected.sort();
            proptest::prop_assert_eq!(sorted(&ids, limit), expected);
        }
    }
}
