use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::cells::{Objects, cells, objects};
use super::columns::Texts;
use super::file::{OpenFile, batches, damaged};
use super::layout::{Folders, Layout, MetadataOf, NamespaceOf, Unread, VectorColumn};
use super::tagged::untag;
use super::vectors::VectorCells;
use crate::error::{Error, Result};
use crate::model::{
    Contents, FieldName, Fields, Metadata, Namespace, Numbers, Record, Value, VectorName, Vectors,
};
use crate::plan::file::Columns;

/// A reader of records in batches of at most [`BATCH_ROWS`](super::BATCH_ROWS), in the file's order.
pub struct RecordReader {
    batches: ParquetRecordBatchReader,
    file: OpenFile,
    layout: Layout,
    row: u64,
}

/// Opens a file of records in the usual columns; any other column is refused.
///
/// # Errors
/// `NotFound` if there is no file, `Io` if it is no Parquet file, `Invalid` if its columns are no records.
pub fn read(path: impl Into<PathBuf>) -> Result<RecordReader> {
    RecordReader::open(&path.into(), Unread::Refused)
}

/// Opens a file as a bulk import does, ignoring columns that are no part of a record.
///
/// # Errors
/// Those of [`read`].
pub fn read_import(path: impl Into<PathBuf>) -> Result<RecordReader> {
    RecordReader::open(&path.into(), Unread::PassedOver)
}

/// Returns the number of rows by the file's footer, without reading them.
///
/// # Errors
/// Those of [`read`].
pub fn count_rows(path: &Path) -> Result<u64> {
    Ok(OpenFile::open(path, &path.display().to_string())?.rows())
}

/// Reads a whole file back and returns the contents of each namespace, to be compared with what was written.
///
/// # Errors
/// Those of [`read`]; also if any row cannot be read.
pub fn contents(path: &Path) -> Result<BTreeMap<Namespace, Contents>> {
    let mut all: BTreeMap<Namespace, Contents> = BTreeMap::new();
    for batch in read(path)? {
        for (namespace, record) in batch? {
            all.entry(namespace).or_default().put(&record);
        }
    }
    Ok(all)
}

impl RecordReader {
    fn open(path: &Path, unread: Unread) -> Result<Self> {
        let file = OpenFile::open(path, &path.display().to_string())?;
        let layout = file.layout(&Columns::default(), &Folders::default(), unread)?;
        let batches = batches(file.reader()?, &file, &layout.read)?;
        Ok(Self { batches, file, layout, row: 0 })
    }

    /// Returns the next batch with each row's own outcome, for a reader that goes on past rows it cannot use.
    pub fn next_rows(&mut self) -> Option<Result<Rows>> {
        let batch = match self.batches.next()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(damaged(&self.file, &self.layout.read, error))),
        };
        let first = self.row;
        self.row += batch.num_rows() as u64;
        let rows = rows(&batch, &self.layout, |row| first + row as u64);
        Some(rows.map_err(|error| error.with_context("file", self.file.name())))
    }

    /// Returns the records one by one; an error stands for its whole batch.
    pub fn records(self) -> impl Iterator<Item = Result<(Namespace, Record)>> + Send {
        self.flat_map(|batch| match batch {
            Ok(records) => records.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    }
}

impl Iterator for RecordReader {
    type Item = Result<Vec<(Namespace, Record)>>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = match self.next_rows()? {
            Ok(rows) => rows,
            Err(error) => return Some(Err(error)),
        };
        let file = || self.file.name().to_owned();
        let records: Result<Vec<_>> = rows.into_iter().collect();
        Some(records.map_err(|error| error.with_context("file", file())))
    }
}

/// Rows of a batch, each a record or the reason it is none.
pub type Rows = Vec<Result<(Namespace, Record)>>;

/// Parts of the records of one batch.
struct Parts<'a> {
    layout: &'a Layout,
    ids: Texts,
    namespaces: NamesOf,
    vectors: Vec<(VectorName, VectorCells)>,
    metadata: Fill,
}

enum NamesOf {
    Column(Texts),
    Constant(Namespace),
}

/// Origin of the metadata of a batch.
enum Fill {
    Nothing,
    Json(Texts),
    Fields(Objects),
}

/// Returns the records of a batch that has the columns which `layout` reads; `number` gives each row's number in the
/// file, from 0.
pub(super) fn rows(
    batch: &RecordBatch,
    layout: &Layout,
    number: impl Fn(usize) -> u64,
) -> Result<Rows> {
    let parts = Parts::read(batch, layout)?;
    let mut last = Namespace::from("");
    let rows = (0..batch.num_rows())
        .map(|row| {
            let record =
                parts.record(row).map_err(|error| error.with_context("row", number(row) + 1))?;
            let name = match &parts.namespaces {
                NamesOf::Column(names) => names.get(row).unwrap_or_default(),
                NamesOf::Constant(name) => name.as_str(),
            };
            // Rows of one namespace mostly stand together, so they share its name.
            if name != last.as_str() {
                last = Namespace::from(name);
            }
            Ok((last.clone(), record))
        })
        .collect();
    Ok(rows)
}

/// Returns the records of those rows of a batch whose namespace is wanted, each with its place in the batch.
pub(super) fn some_rows(
    batch: &RecordBatch,
    layout: &Layout,
    number: &dyn Fn(usize) -> u64,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<(usize, Record)>> {
    let parts = Parts::read(batch, layout)?;
    let is_wanted = |row: &usize| match &parts.namespaces {
        NamesOf::Column(names) => is_wanted(names.get(*row).unwrap_or_default()),
        NamesOf::Constant(name) => is_wanted(name.as_str()),
    };
    let record = |row: usize| match parts.record(row) {
        Ok(record) => Ok((row, record)),
        Err(error) => Err(error.with_context("row", number(row) + 1)),
    };
    (0..batch.num_rows()).filter(is_wanted).map(record).collect()
}

impl<'a> Parts<'a> {
    fn read(batch: &RecordBatch, layout: &'a Layout) -> Result<Self> {
        let column = |at: usize| {
            let place = layout.read.binary_search(&at).ok();
            let place = place.filter(|place| *place < batch.num_columns());
            place
                .map(|place| (batch.column(place), batch.schema_ref().field(place).name().as_str()))
                .ok_or_else(|| Error::unexpected("a column that was to be read is not there"))
        };
        let texts = |at| column(at).and_then(|(column, name)| Texts::read(column, name));
        let vectors = |of: &VectorColumn| {
            let cells = VectorCells::read(of.field.kind, column(of.at)?, layout.is_rounding)?;
            Ok((of.field.name.clone(), cells))
        };
        Ok(Self {
            layout,
            ids: texts(layout.id)?,
            namespaces: match &layout.namespace {
                NamespaceOf::Column(at) => NamesOf::Column(texts(*at)?),
                NamespaceOf::Constant(name) => NamesOf::Constant(name.clone()),
            },
            vectors: layout.vectors.iter().map(vectors).collect::<Result<_>>()?,
            metadata: match &layout.metadata {
                MetadataOf::Nothing => Fill::Nothing,
                MetadataOf::Whole(at) => whole(column(*at)?)?,
                MetadataOf::Fields { columns, constants } => {
                    Fill::Fields(fields(columns, constants, column)?)
                }
            },
        })
    }

    fn record(&self, row: usize) -> Result<Record> {
        let id = self.ids.get(row).ok_or_else(|| Error::invalid("the id is null"))?;
        let of_id = |error: Error| error.with_context("id", id);
        let mut vectors = Vectors::default();
        for (name, cells) in &self.vectors {
            let vector =
                cells.get(row).map_err(|error| of_id(error).with_context("vector", name))?;
            if let Some(vector) = vector {
                vectors.put(name.clone(), vector);
            }
        }
        let metadata = self.metadata.get(row);
        let metadata = match self.layout.is_tagged {
            true => metadata.and_then(untag),
            false => metadata,
        };
        let metadata = metadata.map_err(of_id)?;
        Ok(Record { id: self.layout.id(id), vectors, metadata })
    }
}

impl Fill {
    fn get(&self, row: usize) -> Result<Metadata> {
        match self {
            Self::Nothing => Ok(Metadata::default()),
            Self::Json(texts) => match texts.get(row) {
                None | Some("") => Ok(Metadata::default()),
                Some(text) => from_json(text),
            },
            Self::Fields(fields) => Ok(Metadata(fields(row)?.unwrap_or_default())),
        }
    }
}

fn from_json(text: &str) -> Result<Metadata> {
    Metadata::from_json(text, Numbers::Written).map_err(|error| match error.is_data() {
        true => Error::invalid(format!("the metadata is {error}")),
        false => Error::invalid("the metadata is not JSON").with_source(error),
    })
}

/// Takes the metadata from one column that holds all of it.
fn whole((column, name): (&ArrayRef, &str)) -> Result<Fill> {
    match column.data_type() {
        arrow_schema::DataType::Utf8 => Texts::read(column, name).map(Fill::Json),
        _ => objects(column, name).map(Fill::Fields),
    }
}

/// Takes the metadata from columns that are each a field, and from fields that are the same for the whole file.
fn fields<'a>(
    columns: &[(FieldName, usize)],
    constants: &[(FieldName, String)],
    column: impl Fn(usize) -> Result<(&'a ArrayRef, &'a str)>,
) -> Result<Objects> {
    let constants: Vec<(FieldName, Value)> =
        constants.iter().map(|(name, value)| (name.clone(), Value::Text(value.into()))).collect();
    let of_field = |(name, at): &(FieldName, usize)| {
        let (column, own) = column(*at)?;
        Ok((name.clone(), cells(column, own)?))
    };
    let parts: Vec<_> = columns.iter().map(of_field).collect::<Result<_>>()?;
    Ok(Box::new(move |row| {
        let mut object: Fields = constants.iter().cloned().collect();
        for (name, cell) in &parts {
            object.extend(cell(row)?.map(|value| (name.clone(), value)));
        }
        Ok(Some(object))
    }))
}
