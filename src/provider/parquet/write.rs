use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float32Array, ListArray, RecordBatch, StringArray, StructArray, UInt32Array,
};
use arrow_buffer::{MutableBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::error::{Error, Result};
use crate::fs::{Access, Replacement};
use crate::model::{AnyVector, Contents, Namespace, Record, Vector, VectorName};

/// Rows and bytes of a row group, which the writer holds in memory.
const GROUP_ROWS: usize = 100_000;
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// A writer whose file appears under its name only when it is whole and on disk.
pub struct RecordWriter {
    writer: ArrowWriter<Replacement>,
    schema: SchemaRef,
    path: PathBuf,
    contents: BTreeMap<Namespace, Contents>,
}

impl RecordWriter {
    /// Starts a file with a `namespace` column, making missing folders in its path.
    ///
    /// # Errors
    /// `Io` if the file cannot be made.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let file = Replacement::begin(&path, Access::Usual)
            .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))?;
        let schema = schema();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties()))
            .map_err(|error| unwritable(&path, error))?;
        Ok(Self { writer, schema, path, contents: BTreeMap::new() })
    }

    /// Adds records of one namespace.
    ///
    /// # Errors
    /// `Io` if the disk refuses; the file is then not finished.
    pub fn append(&mut self, namespace: &Namespace, records: &[Record]) -> Result<()> {
        for part in records.chunks(super::BATCH_ROWS) {
            let batch = batch(&self.schema, namespace, part)
                .map_err(|error| unwritable(&self.path, error))?;
            self.writer.write(&batch).map_err(|error| unwritable(&self.path, error))?;
            *self.contents.entry(namespace.clone()).or_default() += Contents::of(part);
        }
        Ok(())
    }

    /// Ends the file, waits until the disk has it, and gives it its name. Returns what was appended to each namespace,
    /// to be compared with what [`contents`](super::contents) reads back.
    ///
    /// # Errors
    /// `Io` if the disk refuses.
    pub fn finish(self) -> Result<BTreeMap<Namespace, Contents>> {
        let path = &self.path;
        let file = self.writer.into_inner().map_err(|error| unwritable(path, error))?;
        file.commit()
            .map_err(|error| Error::io(format!("cannot finish {}", path.display()), error))?;
        Ok(self.contents)
    }
}

/// Returns the bytes of a file that holds `records` of one namespace.
///
/// # Errors
/// `Unexpected` if they cannot be written as rows, as valid records can.
pub fn encode(namespace: &Namespace, records: &[Record]) -> Result<Vec<u8>> {
    let unfit =
        |error: ArrowError| Error::unexpected("records are no Parquet rows").with_source(error);
    let unwritten = |error: parquet::errors::ParquetError| unfit(error.into());
    let schema = schema();
    let mut writer =
        ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties())).map_err(unwritten)?;
    for part in records.chunks(super::BATCH_ROWS) {
        let batch = batch(&schema, namespace, part).map_err(unfit)?;
        writer.write(&batch).map_err(unwritten)?;
    }
    writer.into_inner().map_err(unwritten)
}

fn unwritable(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(crate::ErrorKind::Io, format!("cannot write {}", path.display())).with_source(error)
}

/// Returns the writer's properties. Components of vectors hardly repeat: compressed they are a tenth smaller, and take ten
/// times as long to write and to read. Ids and metadata do not repeat as a whole, but their parts do.
fn properties() -> WriterProperties {
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .set_created_by(concat!("vecshift ", env!("CARGO_PKG_VERSION")).to_owned());
    for column in [&["values"][..], &["sparse_values", "values"]] {
        let components = column.iter().chain(&["list", "item"]).map(|part| (*part).to_owned());
        let components = ColumnPath::new(components.collect());
        properties = properties
            .set_column_compression(components.clone(), Compression::UNCOMPRESSED)
            .set_column_dictionary_enabled(components.clone(), false)
            .set_column_statistics_enabled(components, EnabledStatistics::None);
    }
    for column in ["id", "metadata"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    properties.build()
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, false)))
}

fn sparse_fields() -> Fields {
    Fields::from(vec![
        Field::new("indices", list(DataType::UInt32), false),
        Field::new("values", list(DataType::Float32), false),
    ])
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("namespace", DataType::Utf8, false),
        Field::new("id", DataType::Utf8, false),
        Field::new("values", list(DataType::Float32), false),
        Field::new("sparse_values", DataType::Struct(sparse_fields()), true),
        Field::new("metadata", DataType::Utf8, true),
    ]))
}

fn batch(
    schema: &SchemaRef,
    namespace: &Namespace,
    records: &[Record],
) -> Result<RecordBatch, ArrowError> {
    records.iter().try_for_each(refuse_several)?;
    let metadata = records.iter().map(json).collect::<Result<StringArray, _>>()?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(records.iter().map(|_| namespace.as_str()))),
        Arc::new(StringArray::from_iter_values(records.iter().map(|record| record.id.text()))),
        Arc::new(floats(records.iter().map(|record| Some(record.dense())))?),
        Arc::new(sparse(records)?),
        Arc::new(metadata),
    ];
    RecordBatch::try_new(schema.clone(), columns)
}

/// Refuses a record whose vectors have no column here: there is one for a dense and one for a sparse vector.
fn refuse_several(record: &Record) -> Result<(), ArrowError> {
    let has_column = |name: &VectorName, vector: &AnyVector| {
        name.is_only() && !matches!(vector, AnyVector::Multi(_))
    };
    match record.vectors.iter().find(|(name, vector)| !has_column(name, vector)) {
        None => Ok(()),
        Some((name, _)) => Err(ArrowError::InvalidArgumentError(format!(
            "files have no column for the vector `{name}` of `{}`: they keep one dense and one sparse vector",
            record.id
        ))),
    }
}

/// Writes the metadata of a record; `None` if it has none.
fn json(record: &Record) -> Result<Option<String>, ArrowError> {
    let mut text = String::new();
    record.metadata.write_json(&mut text).map_err(|what| {
        let message = format!("the metadata of `{}` holds {what}, which JSON cannot", record.id);
        ArrowError::InvalidArgumentError(message)
    })?;
    Ok((!record.metadata.is_empty()).then_some(text))
}

/// Makes a list column of vectors; their bytes are copied once, into one buffer.
fn floats<'a>(
    vectors: impl Iterator<Item = Option<&'a Vector>> + Clone,
) -> Result<ListArray, ArrowError> {
    let lengths = vectors.clone().map(|vector| vector.map_or(0, Vector::dimension));
    let offsets = OffsetBuffer::from_lengths(lengths.clone());
    let mut bytes = MutableBuffer::with_capacity(lengths.sum::<usize>() * 4);
    vectors.flatten().for_each(|vector| bytes.extend_from_slice(vector.as_le_bytes()));
    let count = bytes.len() / 4;
    let values = Float32Array::new(ScalarBuffer::new(bytes.into(), 0, count), None);
    let field = Arc::new(Field::new("item", DataType::Float32, false));
    ListArray::try_new(field, offsets, Arc::new(values), None)
}

fn sparse(records: &[Record]) -> Result<StructArray, ArrowError> {
    let entries = records.iter().map(|record| record.sparse());
    let lengths = entries.clone().map(|sparse| sparse.map_or(0, |sparse| sparse.len()));
    let indices = entries.clone().flatten().flat_map(|sparse| sparse.indices.iter().copied());
    let field = Arc::new(Field::new("item", DataType::UInt32, false));
    let indices = ListArray::try_new(
        field,
        OffsetBuffer::from_lengths(lengths),
        Arc::new(UInt32Array::from_iter_values(indices)),
        None,
    )?;
    let values = floats(entries.clone().map(|sparse| sparse.map(|sparse| &sparse.values)))?;
    let present: NullBuffer = entries.map(|sparse| sparse.is_some()).collect::<Vec<_>>().into();
    StructArray::try_new(sparse_fields(), vec![Arc::new(indices), Arc::new(values)], Some(present))
}
