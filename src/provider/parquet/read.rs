use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::columns::{Floats, Indices, text_column, wrong};
use super::{BATCH_ROWS, Contents, unreadable};
use crate::error::{Error, Result};
use crate::model::{Metadata, Namespace, Record, RecordId, SparseVector, Vector};

/// Reads records in batches of at most [`BATCH_ROWS`], in the file's order.
pub struct RecordReader {
    batches: ParquetRecordBatchReader,
    path: PathBuf,
    row: u64,
}

/// Opens a file of records.
///
/// # Errors
/// `NotFound` where there is no file, `Io` where it is no Parquet file, `Invalid` where it has no `id` column.
pub fn read(path: impl Into<PathBuf>) -> Result<RecordReader> {
    let path = path.into();
    let builder = builder(&path)?;
    if builder.schema().column_with_name("id").is_none() {
        return Err(Error::invalid(format!("{} has no column `id`", path.display())));
    }
    let batches =
        builder.with_batch_size(BATCH_ROWS).build().map_err(|error| unreadable(&path, error))?;
    Ok(RecordReader { batches, path, row: 0 })
}

/// The number of rows by the file's footer, without reading them.
///
/// # Errors
/// As [`read`].
pub fn count_rows(path: &Path) -> Result<u64> {
    let rows = builder(path)?.metadata().file_metadata().num_rows();
    Ok(u64::try_from(rows).unwrap_or_default())
}

/// Reads a whole file back: what it holds, to be compared with what was written or with the index's counts.
///
/// # Errors
/// As [`read`], and where any row cannot be read.
pub fn contents(path: &Path) -> Result<Contents> {
    let mut contents = Contents::default();
    for batch in read(path)? {
        batch?.iter().for_each(|(namespace, record)| contents.add(namespace, record));
    }
    Ok(contents)
}

pub(crate) fn builder(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path)
        .map_err(|error| Error::io(format!("cannot open {}", path.display()), error))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| unreadable(path, error))
}

impl RecordReader {
    /// The next batch with each row's own outcome, for a reader that goes on past rows it cannot use.
    pub fn next_rows(&mut self) -> Option<Result<Rows>> {
        let batch = match self.batches.next()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(unreadable(&self.path, error))),
        };
        let first = self.row;
        self.row += batch.num_rows() as u64;
        let file = || self.path.display().to_string();
        Some(rows(&batch, first).map_err(|error| error.with_context("file", file())))
    }

    /// The same records one by one; an error stands for its whole batch.
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
        let file = || self.path.display().to_string();
        let records: Result<Vec<_>> = rows.into_iter().collect();
        Some(records.map_err(|error| error.with_context("file", file())))
    }
}

/// The rows of a batch, each a record or what is wrong with it.
pub type Rows = Vec<Result<(Namespace, Record)>>;

/// The columns of one batch.
struct Columns {
    ids: super::Texts,
    namespaces: Option<super::Texts>,
    vectors: Option<Floats>,
    sparse: Option<Sparse>,
    metadata: Option<super::Texts>,
}

struct Sparse {
    column: ArrayRef,
    indices: Indices,
    values: Floats,
}

pub(super) fn rows(batch: &RecordBatch, first: u64) -> Result<Rows> {
    let columns = Columns::read(batch)?;
    let mut last = Namespace::from("");
    let rows = (0..batch.num_rows())
        .map(|row| {
            let record = columns
                .record(row)
                .map_err(|error| error.with_context("row", first + row as u64 + 1))?;
            let name = columns.namespaces.as_ref().and_then(|names| names.get(row));
            // Rows of one namespace mostly stand together: they share its name.
            if name.unwrap_or_default() != last.as_str() {
                last = Namespace::from(name.unwrap_or_default());
            }
            Ok((last.clone(), record))
        })
        .collect();
    Ok(rows)
}

impl Columns {
    fn read(batch: &RecordBatch) -> Result<Self> {
        let ids = text_column(batch, "id")?;
        let vectors = batch.column_by_name("values");
        Ok(Self {
            ids: ids.ok_or_else(|| Error::invalid("there is no column `id`"))?,
            namespaces: text_column(batch, "namespace")?,
            vectors: vectors.map(|column| Floats::read(column, "values")).transpose()?,
            sparse: batch.column_by_name("sparse_values").map(Sparse::read).transpose()?,
            metadata: text_column(batch, "metadata")?,
        })
    }

    fn record(&self, row: usize) -> Result<Record> {
        let id = self.ids.get(row).ok_or_else(|| Error::invalid("the id is null"))?;
        let vector = self.vectors.as_ref().and_then(|vectors| vectors.get(row));
        let sparse = self.sparse.as_ref().map(|sparse| sparse.get(row)).transpose()?;
        Ok(Record {
            id: RecordId::from(id),
            vector: vector.unwrap_or_default(),
            sparse: sparse.flatten(),
            metadata: self.metadata(row, id)?,
        })
    }

    fn metadata(&self, row: usize, id: &str) -> Result<Metadata> {
        match self.metadata.as_ref().and_then(|texts| texts.get(row)) {
            None | Some("") => Ok(Metadata::default()),
            Some(text) => serde_json::from_str(text).map_err(|error| {
                Error::invalid("the metadata is not a JSON object")
                    .with_context("id", id)
                    .with_source(error)
            }),
        }
    }
}

impl Sparse {
    fn read(column: &ArrayRef) -> Result<Self> {
        let name = "sparse_values";
        let fields = column
            .as_struct_opt()
            .ok_or_else(|| wrong(name, column.data_type(), "a struct of `indices` and `values`"))?;
        let field = |field: &str| {
            fields
                .column_by_name(field)
                .ok_or_else(|| Error::invalid(format!("column `{name}` has no field `{field}`")))
        };
        Ok(Self {
            indices: Indices::read(field("indices")?, "sparse_values.indices")?,
            values: Floats::read(field("values")?, "sparse_values.values")?,
            column: column.clone(),
        })
    }

    fn get(&self, row: usize) -> Result<Option<SparseVector>> {
        if self.column.is_null(row) {
            return Ok(None);
        }
        let indices = self.indices.get(row).unwrap_or_default();
        let values: Vector = self.values.get(row).unwrap_or_default();
        SparseVector::new(indices, values)
            .map(Some)
            .ok_or_else(|| Error::invalid("sparse indices and values differ in length"))
    }
}
