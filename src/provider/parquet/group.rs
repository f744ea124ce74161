//! The rows of one row group, batch by batch: whole records, or their ids alone.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowSelection};

use super::columns::Texts;
use super::file::{batches_of_group, damaged};
use super::layout::NamespaceOf;
use super::read::some_rows;
use super::rows::RowReader;
use crate::error::{Error, Result};
use crate::model::{Namespace, Record, RecordId};

/// What is read of a row.
pub(crate) trait Part: Sized + Send + 'static {
    /// Whether its columns take far more than those of ids and namespaces.
    const IS_LARGE: bool;

    /// The columns that have it.
    fn columns(of: &RowReader) -> Vec<usize>;

    /// Reads the rows of a batch whose namespace is wanted, each with its place in the batch. `number` gives the number of
    /// a row in the file, from 0.
    fn read(
        of: &RowReader,
        batch: &RecordBatch,
        number: &dyn Fn(usize) -> u64,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(usize, Self)>>;

    fn id(&self) -> &RecordId;
}

impl Part for Record {
    const IS_LARGE: bool = true;

    fn columns(of: &RowReader) -> Vec<usize> {
        of.layout.read.clone()
    }

    fn read(
        of: &RowReader,
        batch: &RecordBatch,
        number: &dyn Fn(usize) -> u64,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(usize, Self)>> {
        some_rows(batch, &of.layout, number, is_wanted)
    }

    fn id(&self) -> &RecordId {
        &self.id
    }
}

impl Part for RecordId {
    const IS_LARGE: bool = false;

    fn columns(of: &RowReader) -> Vec<usize> {
        of.layout.names()
    }

    fn read(
        of: &RowReader,
        batch: &RecordBatch,
        number: &dyn Fn(usize) -> u64,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(usize, Self)>> {
        let columns = of.layout.names();
        let texts = |at: usize| {
            let place = columns.binary_search(&at).unwrap_or_default();
            Texts::read(batch.column(place), batch.schema_ref().field(place).name())
        };
        let ids = texts(of.layout.id)?;
        let namespaces = match &of.layout.namespace {
            NamespaceOf::Column(at) => Some(texts(*at)?),
            NamespaceOf::Constant(_) => None,
        };
        let own = of.namespace().map_or("", Namespace::as_str);
        let is_wanted = |row: &usize| match &namespaces {
            Some(names) => is_wanted(names.get(*row).unwrap_or_default()),
            None => is_wanted(own),
        };
        let id = |row: usize| match ids.get(row) {
            Some(id) => Ok((row, of.id(id))),
            None => Err(Error::invalid("the id is null").with_context("row", number(row) + 1)),
        };
        (0..batch.num_rows()).filter(is_wanted).map(id).collect()
    }

    fn id(&self) -> &RecordId {
        self
    }
}

/// Rows of a row group, by their numbers in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// All from one on.
    From(u64),
    /// These, in order.
    Only(Vec<u64>),
}

/// The rows of a row group, read batch by batch.
pub(crate) struct GroupRows<T> {
    of: Arc<RowReader>,
    batches: ParquetRecordBatchReader,
    columns: Vec<usize>,
    /// The rows of the group as numbers in the file.
    rows: Range<u64>,
    chosen: Chosen,
    done: usize,
    part: PhantomData<fn() -> T>,
}

impl<T: Part> GroupRows<T> {
    /// Begins to read in batches of so many rows.
    ///
    /// # Errors
    /// Those of opening the file; `Conflict` if it has changed.
    pub fn open(of: Arc<RowReader>, group: usize, chosen: Chosen, batch: usize) -> Result<Self> {
        let rows = of.group(group);
        let all = usize::try_from(rows.end - rows.start).unwrap_or(usize::MAX);
        let place = |row: u64| usize::try_from(row).unwrap_or(usize::MAX).min(all);
        let selection = match &chosen {
            Chosen::From(0) => None,
            Chosen::From(first) => {
                let ranges = std::iter::once(place(*first)..all);
                Some(RowSelection::from_consecutive_ranges(ranges, all))
            }
            Chosen::Only(rows) => {
                let ranges = rows.iter().map(|row| place(*row)..place(*row + 1));
                Some(RowSelection::from_consecutive_ranges(ranges, all))
            }
        };
        let columns = T::columns(&of);
        let batches = batches_of_group(&of.file, &columns, (group, selection), batch.max(1))?;
        Ok(Self { of, batches, columns, rows, chosen, done: 0, part: PhantomData })
    }

    /// Reads the next rows, of which those of a wanted namespace are given, each with its number in the group; `None` at
    /// the end.
    ///
    /// # Errors
    /// Those of the file, with the column that is damaged; `Invalid` for a row that is no record.
    pub fn next(&mut self, is_wanted: &dyn Fn(&str) -> bool) -> Result<Option<Vec<(u64, T)>>> {
        let in_file = |error: Error| error.with_context("file", self.of.file.name());
        let Some(batch) = self.batches.next() else {
            let all = self.rows.end - self.rows.start;
            let asked = match &self.chosen {
                Chosen::From(first) => all.saturating_sub(*first),
                Chosen::Only(rows) => rows.len() as u64,
            };
            if self.done as u64 == asked {
                return Ok(None);
            }
            let message = format!("{} of {asked} rows could be read", self.done);
            return Err(in_file(Error::new(crate::ErrorKind::Conflict, message)));
        };
        let batch = batch.map_err(|error| damaged(&self.of.file, &self.columns, error))?;
        let done = self.done;
        let number = |row: usize| match &self.chosen {
            Chosen::From(first) => first + (done + row) as u64,
            Chosen::Only(rows) => rows.get(done + row).copied().unwrap_or_default(),
        };
        let in_whole = |row: usize| self.rows.start + number(row);
        let read = T::read(&self.of, &batch, &in_whole, is_wanted).map_err(in_file)?;
        let read = read.into_iter().map(|(row, part)| (number(row), part)).collect();
        self.done += batch.num_rows();
        Ok(Some(read))
    }
}
