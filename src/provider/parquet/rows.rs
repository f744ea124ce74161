//! Records of a file by their row, and its ids without its vectors.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::PageIndexPolicy;

use super::read::rows;
use super::{BATCH_ROWS, Texts, text_column, unreadable};
use crate::error::{Error, Result};
use crate::model::Record;

/// A file whose footer was read once, from which rows are read in any order.
pub struct RowReader {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    /// The first row of each row group, and behind the last the number of rows.
    groups: Vec<u64>,
}

impl RowReader {
    /// Reads the footer.
    ///
    /// # Errors
    /// `NotFound` where there is no file, `Io` where it is no Parquet file, `Invalid` where it has no `id` column.
    pub fn open(path: &Path) -> Result<Self> {
        let file = open(path)?;
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata =
            ArrowReaderMetadata::load(&file, options).map_err(|error| unreadable(path, error))?;
        if metadata.schema().column_with_name("id").is_none() {
            return Err(Error::invalid(format!("{} has no column `id`", path.display())));
        }
        let mut groups = vec![0];
        for group in metadata.metadata().row_groups() {
            let rows = u64::try_from(group.num_rows()).unwrap_or_default();
            groups.push(groups.last().copied().unwrap_or_default() + rows);
        }
        Ok(Self { path: path.to_owned(), metadata, groups })
    }

    /// Rows of the file.
    pub fn count(&self) -> u64 {
        self.groups.last().copied().unwrap_or_default()
    }

    /// Whether its rows say their namespace.
    pub fn has_namespaces(&self) -> bool {
        self.metadata.schema().column_with_name("namespace").is_some()
    }

    /// Whether its rows can have sparse values.
    pub fn has_sparse(&self) -> bool {
        let groups = self.metadata.metadata().row_groups();
        groups.iter().flat_map(|group| group.columns()).any(|column| {
            let is_sparse =
                column.column_path().parts().first().is_some_and(|part| part == "sparse_values");
            let nulls = column.statistics().and_then(|statistics| statistics.null_count_opt());
            is_sparse
                && nulls.is_none_or(|nulls| nulls < u64::try_from(column.num_values()).unwrap_or(0))
        })
    }

    /// Namespace and id of each row, in the file's order.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn ids(
        &self,
    ) -> Result<impl Iterator<Item = Result<(Option<String>, Option<String>)>> + use<>> {
        text_pairs(self.builder()?, &self.path, ["namespace", "id"])
    }

    /// The records of some rows, which count from 0, in the file's order. Only pages that hold one are read.
    ///
    /// # Errors
    /// Where the file or one of the records cannot be read.
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
            let batches = self
                .builder()?
                .with_row_groups(vec![group])
                .with_row_selection(selection)
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(|error| unreadable(&self.path, error))?;
            for batch in batches {
                let batch = batch.map_err(|error| unreadable(&self.path, error))?;
                for row in rows(&batch, 0)? {
                    let (_, record) =
                        row.map_err(|error| error.with_context("file", self.path.display()))?;
                    records.push(record);
                }
            }
        }
        Ok(records)
    }

    fn builder(&self) -> Result<ParquetRecordBatchReaderBuilder<File>> {
        let file = open(&self.path)?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone()))
    }
}

/// The texts of two columns, row by row, without reading the others; a column that is not there has none.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn text_pairs(
    builder: ParquetRecordBatchReaderBuilder<File>,
    path: &Path,
    columns: [&str; 2],
) -> Result<impl Iterator<Item = Result<(Option<String>, Option<String>)>> + Send + use<>> {
    let schema = builder.schema().clone();
    let roots = schema.fields().iter().enumerate();
    let roots = roots.filter(|(_, field)| columns.contains(&field.name().as_str()));
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots.map(|(at, _)| at));
    let (path, columns) = (path.to_owned(), columns.map(str::to_owned));
    let batches = builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| unreadable(&path, error))?;
    Ok(batches.flat_map(move |batch| {
        let batch = batch.map_err(|error| unreadable(&path, error));
        match batch.and_then(|batch| pairs_of(&batch, &columns)) {
            Ok(pairs) => pairs.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    }))
}

fn pairs_of(
    batch: &RecordBatch,
    [first, second]: &[String; 2],
) -> Result<Vec<(Option<String>, Option<String>)>> {
    let (first, second) = (text_column(batch, first)?, text_column(batch, second)?);
    let text = |texts: &Option<Texts>, row| {
        texts.as_ref().and_then(|texts| texts.get(row)).map(str::to_owned)
    };
    Ok((0..batch.num_rows()).map(|row| (text(&first, row), text(&second, row))).collect())
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| Error::io(format!("cannot open {}", path.display()), error))
}
