//! Access to a file's records by their row, and to its ids without its vectors.

use std::path::Path;

use parquet::arrow::arrow_reader::RowSelection;

use super::columns::Texts;
use super::file::{OpenFile, batches, damaged};
use super::layout::{Folders, Layout, NamespaceOf, PassedOver, Unread};
use super::read::rows;
use crate::error::{Error, Result};
use crate::model::{Namespace, Record};
use crate::plan::file::Columns;

/// A file whose footer was read once, from which rows are read in any order.
pub struct RowReader {
    file: OpenFile,
    layout: Layout,
    /// First row of each row group, and behind the last the number of rows.
    groups: Vec<u64>,
}

impl RowReader {
    /// Reads the footer. Messages call the file `name`: it may be a copy of another.
    ///
    /// # Errors
    /// `NotFound` if there is no file, `Io` if it is no Parquet file, `Invalid` if its columns are not the records
    /// that `asked` describes.
    pub fn open(path: &Path, name: &str, asked: &Columns, folders: &Folders) -> Result<Self> {
        let file = OpenFile::open(path, name)?;
        let layout = file.layout(asked, folders, Unread::Refused)?;
        let mut groups = vec![0];
        for group in file.metadata().row_groups() {
            let rows = u64::try_from(group.num_rows()).unwrap_or_default();
            groups.push(groups.last().copied().unwrap_or_default() + rows);
        }
        Ok(Self { file, layout, groups })
    }

    /// Returns the number of rows.
    pub fn count(&self) -> u64 {
        self.groups.last().copied().unwrap_or_default()
    }

    /// Returns the size of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    /// Returns whether its rows give their namespace.
    pub fn has_namespaces(&self) -> bool {
        matches!(self.layout.namespace, NamespaceOf::Column(_))
    }

    /// Returns whether its rows can have sparse values.
    pub fn has_sparse(&self) -> bool {
        let Some(sparse) = self.layout.sparse else { return false };
        let schema = self.file.metadata().file_metadata().schema_descr();
        let groups = self.file.metadata().row_groups();
        groups.iter().flat_map(|group| group.columns().iter().enumerate()).any(|(leaf, column)| {
            let nulls = column.statistics().and_then(|statistics| statistics.null_count_opt());
            let values = u64::try_from(column.num_values()).unwrap_or(0);
            schema.get_column_root_idx(leaf) == sparse && nulls.is_none_or(|nulls| nulls < values)
        })
    }

    /// Returns whether its vectors are 64-bit floats that are rounded.
    pub fn is_rounded(&self) -> bool {
        use arrow_schema::DataType;
        let kind = self.layout.values.and_then(|at| self.file.columns().get(at));
        self.layout.is_rounding
            && kind.is_some_and(|(_, kind)| match &kind.data {
                DataType::List(item) => *item.data_type() == DataType::Float64,
                _ => false,
            })
    }

    /// Returns its columns that are not read.
    pub fn passed_over(&self) -> &PassedOver {
        &self.layout.passed_over
    }

    /// Returns namespace and id of each row, in the file's order.
    ///
    /// # Errors
    /// Those of reading the file; `Invalid` if a row has no id.
    pub fn ids(&self) -> Result<impl Iterator<Item = Result<(Namespace, String)>> + use<'_>> {
        let names = self.layout.names();
        let batches = batches(self.file.reader()?, &self.file, &names, None)?;
        let mut row = 0_u64;
        Ok(batches.flat_map(move |batch| {
            let ids = match batch {
                Ok(batch) => self.ids_of(&batch, &names, row),
                Err(error) => vec![Err(damaged(&self.file, &names, error))],
            };
            row += ids.len() as u64;
            ids
        }))
    }

    fn ids_of(
        &self,
        batch: &arrow_array::RecordBatch,
        names: &[usize],
        first: u64,
    ) -> Vec<Result<(Namespace, String)>> {
        let texts = |at: usize| {
            let place = names.binary_search(&at).unwrap_or_default();
            Texts::read(batch.column(place), batch.schema_ref().field(place).name())
        };
        let namespaces = match &self.layout.namespace {
            NamespaceOf::Column(at) => texts(*at).map(Some),
            NamespaceOf::Constant(_) => Ok(None),
        };
        let (ids, namespaces) = match texts(self.layout.id).and_then(|ids| Ok((ids, namespaces?))) {
            Ok(texts) => texts,
            Err(error) => return vec![Err(error)],
        };
        let namespace = |row| match (&namespaces, &self.layout.namespace) {
            (None, NamespaceOf::Constant(namespace)) => namespace.clone(),
            (names, _) => {
                Namespace::from(names.as_ref().and_then(|names| names.get(row)).unwrap_or_default())
            }
        };
        let id = |row| match ids.get(row).filter(|id| !id.is_empty()) {
            Some(id) => Ok((namespace(row), id.to_owned())),
            None => Err(Error::invalid("the id is empty")
                .with_context("file", self.file.name())
                .with_context("row", first + row as u64 + 1)),
        };
        (0..batch.num_rows()).map(id).collect()
    }

    /// Returns the records of some rows, which count from 0, in the file's order. Only pages that hold one are read.
    ///
    /// # Errors
    /// Those of reading the file or one of the records.
    pub fn read(&self, wanted: &[u64]) -> Result<Vec<Record>> {
        let mut wanted: Vec<u64> =
            wanted.iter().copied().filter(|row| *row < self.count()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut records = Vec::with_capacity(wanted.len());
        for (group, bounds) in self.groups.windows(2).enumerate() {
            let (first, end) = (bounds[0], bounds[1]);
            let range = |bound: u64| wanted.partition_point(|row| *row < bound);
            let of_group = &wanted[range(first)..range(end)];
            if of_group.is_empty() {
                continue;
            }
            let ranges = of_group.iter().map(|row| {
                let row = usize::try_from(row - first).unwrap_or(usize::MAX);
                row..row + 1
            });
            let total = usize::try_from(end - first).unwrap_or(usize::MAX);
            let selection = RowSelection::from_consecutive_ranges(ranges, total);
            self.read_group(group, selection, of_group, &mut records)?;
        }
        Ok(records)
    }

    /// Reads the rows of one row group that `selection` chooses; `numbers` are their numbers in the file.
    fn read_group(
        &self,
        group: usize,
        selection: RowSelection,
        numbers: &[u64],
        records: &mut Vec<Record>,
    ) -> Result<()> {
        let columns = &self.layout.read;
        let batches = batches(self.file.reader()?, &self.file, columns, Some((group, selection)))?;
        let in_file = |error: Error| error.with_context("file", self.file.name());
        let mut done = 0;
        for batch in batches {
            let batch = batch.map_err(|error| damaged(&self.file, columns, error))?;
            let number = |row: usize| numbers.get(done + row).copied().unwrap_or_default();
            for row in rows(&batch, &self.layout, number).map_err(in_file)? {
                records.push(row.map_err(in_file)?.1);
            }
            done += batch.num_rows();
        }
        match done == numbers.len() {
            true => Ok(()),
            false => Err(in_file(Error::new(
                crate::ErrorKind::Conflict,
                format!("{done} of {} rows could be read", numbers.len()),
            ))),
        }
    }
}

/// Texts of two columns of a file, row by row, without reading the others; `None` for a column that does not exist.
pub(crate) type Pairs = Box<dyn Iterator<Item = Result<(Option<String>, Option<String>)>> + Send>;

/// A file of which only two columns of text are read.
pub(crate) struct PairReader(OpenFile);

impl PairReader {
    /// Reads the footer.
    ///
    /// # Errors
    /// `NotFound` if there is no file, `Io` if it is no Parquet file.
    pub fn open(path: &Path) -> Result<Self> {
        OpenFile::open(path, &path.display().to_string()).map(Self)
    }

    pub fn columns(&self) -> Vec<&str> {
        self.0.columns().iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Returns the rows.
    ///
    /// # Errors
    /// `Invalid` if one of the columns is no text.
    pub fn rows(self, names: [&str; 2]) -> Result<Pairs> {
        let columns = self.0.columns();
        let places = names.map(|name| columns.iter().position(|(column, _)| column == name));
        for (name, kind) in places.iter().flatten().filter_map(|at| columns.get(*at)) {
            if !kind.is_text() {
                let message = format!("column `{name}` is {}; it must be text", kind.words());
                return Err(Error::invalid(message));
            }
        }
        let mut read: Vec<usize> = places.iter().flatten().copied().collect();
        read.sort_unstable();
        read.dedup();
        let batches = batches(self.0.reader()?, &self.0, &read, None)?;
        Ok(Box::new(batches.flat_map(move |batch| {
            let batch = batch.map_err(|error| damaged(&self.0, &read, error));
            match batch.and_then(|batch| pairs_of(&batch, &read, places)) {
                Ok(pairs) => pairs.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        })))
    }
}

fn pairs_of(
    batch: &arrow_array::RecordBatch,
    read: &[usize],
    places: [Option<usize>; 2],
) -> Result<Vec<(Option<String>, Option<String>)>> {
    let texts = |at: Option<usize>| {
        let place = at.and_then(|at| read.binary_search(&at).ok());
        let field = |place: usize| batch.schema_ref().field(place).name().clone();
        place.map(|place| Texts::read(batch.column(place), &field(place))).transpose()
    };
    let (first, second) = (texts(places[0])?, texts(places[1])?);
    let text = |texts: &Option<Texts>, row| {
        texts.as_ref().and_then(|texts| texts.get(row)).map(str::to_owned)
    };
    Ok((0..batch.num_rows()).map(|row| (text(&first, row), text(&second, row))).collect())
}
