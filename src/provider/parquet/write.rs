use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::arrays::{Columns, Rare};
use super::note::{Note, NotedVector};
use crate::error::{Error, Result};
use crate::fs::{Access, Replacement};
use crate::model::{Contents, Element, IdKind, Namespace, Record, RecordId, VectorField};

/// Rows and bytes of a row group, which the writer holds in memory.
const GROUP_ROWS: usize = 100_000;
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// A writer whose file appears under its name only when it is whole and on disk.
pub struct RecordWriter {
    rows: RowWriter<Replacement>,
    path: PathBuf,
    contents: BTreeMap<Namespace, Contents>,
}

impl RecordWriter {
    /// Starts a file with a `namespace` column for records whose vectors are in `fields`, making missing folders in its
    /// path.
    ///
    /// # Errors
    /// `Io` if the file cannot be made.
    pub fn create(path: impl Into<PathBuf>, fields: &[VectorField]) -> Result<Self> {
        let path = path.into();
        let file = Replacement::begin(&path, Access::Usual)
            .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))?;
        let rare = Rare::Tagged { is_any: false };
        let rows = RowWriter::new(file, fields, rare).map_err(|error| unwritable(&path, error))?;
        Ok(Self { rows, path, contents: BTreeMap::new() })
    }

    /// Adds records of one namespace.
    ///
    /// # Errors
    /// `Io` if the disk refuses; `Invalid`, naming the record, for one that has no place in the file: with a vector of no
    /// field, or an id of another kind than those before. The file is then not finished.
    pub fn append(&mut self, namespace: &Namespace, records: &[Record]) -> Result<()> {
        for part in records.chunks(super::BATCH_ROWS) {
            let written = self.rows.write(namespace, part).map_err(|why| why.of(&self.path))?;
            *self.contents.entry(namespace.clone()).or_default() += written;
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
        let file = self.rows.finish().map_err(|why| why.of(path))?;
        file.commit()
            .map_err(|error| Error::io(format!("cannot finish {}", path.display()), error))?;
        Ok(self.contents)
    }
}

/// Returns the bytes of a file that holds `records` of one namespace, whose vectors are at most a dense and a sparse one.
///
/// # Errors
/// `Invalid` if they cannot be written as rows, as valid records can.
pub fn encode(namespace: &Namespace, records: &[Record]) -> Result<Vec<u8>> {
    let unwritten = |why: Unwritten| match why {
        Unwritten::Record(error) => error,
        Unwritten::File(error) => {
            Error::unexpected("records are no Parquet rows").with_source(error)
        }
    };
    let plain = VectorField::plain();
    let rows = RowWriter::new(Vec::new(), &plain, Rare::Refused).map_err(Unwritten::File);
    let mut rows = rows.map_err(unwritten)?;
    for part in records.chunks(super::BATCH_ROWS) {
        rows.write(namespace, part).map_err(unwritten)?;
    }
    rows.finish().map_err(unwritten)
}

/// Rows of records, written anywhere.
struct RowWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
    columns: Columns,
    /// The kind of the ids so far; `None` if there are none, or only such as are texts in every store.
    ids: Option<IdKind>,
    /// What was written.
    contents: Contents,
    note: Note,
    rare: Rare,
}

/// The reason why rows were not written: a record has no place in the file, or the file cannot be written.
enum Unwritten {
    Record(Error),
    File(ParquetError),
}

impl Unwritten {
    fn of(self, path: &Path) -> Error {
        match self {
            Self::Record(error) => error.with_context("file", path.display()),
            Self::File(error) => unwritable(path, error),
        }
    }
}

impl From<Error> for Unwritten {
    fn from(error: Error) -> Self {
        Self::Record(error)
    }
}

impl From<ParquetError> for Unwritten {
    fn from(error: ParquetError) -> Self {
        Self::File(error)
    }
}

impl<W: Write + Send> RowWriter<W> {
    fn new(to: W, fields: &[VectorField], rare: Rare) -> Result<Self, ParquetError> {
        let columns = Columns::new(fields);
        let noted = columns.of_vectors().zip(fields);
        let vectors = noted.map(|(column, field)| NotedVector::new(column, field)).collect();
        let properties = properties(&columns);
        let writer = ArrowWriter::try_new(to, columns.schema().clone(), Some(properties))?;
        let (contents, note) = (Contents::default(), Note { vectors, ..Note::default() });
        Ok(Self { writer, columns, ids: None, contents, note, rare })
    }

    /// Returns what the records hold.
    fn write(&mut self, namespace: &Namespace, records: &[Record]) -> Result<Contents, Unwritten> {
        records.iter().try_for_each(|record| self.see(&record.id))?;
        self.writer.write(&self.columns.batch(namespace, records, &mut self.rare)?)?;
        let written = Contents::of(records);
        self.contents += written;
        Ok(written)
    }

    /// Keeps the kind of the ids, of which a file has one.
    fn see(&mut self, id: &RecordId) -> Result<()> {
        if id.is_negative_number() {
            return Ok(());
        }
        match *self.ids.get_or_insert(id.kind()) {
            kind if kind == id.kind() => Ok(()),
            kind => {
                let message = format!(
                    "the id `{}` is a {}, and those before are each a {kind}",
                    id.shown(),
                    id.kind()
                );
                Err(Error::invalid(message).with_hint("a file has ids of one kind"))
            }
        }
    }

    fn finish(mut self) -> Result<W, Unwritten> {
        self.note.tagged = self.rare == Rare::Tagged { is_any: true };
        self.note.ids = self.ids.filter(|kind| *kind != IdKind::Text);
        // A file is known by its footer, and neither sizes nor bounds of vectors are in it that would tell it from others.
        self.note.sum = Some(self.contents.checksum());
        self.writer.append_key_value_metadata(self.note.word()?);
        Ok(self.writer.into_inner()?)
    }
}

fn unwritable(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(crate::ErrorKind::Io, format!("cannot write {}", path.display())).with_source(error)
}

/// Returns the writer's properties. Components of vectors hardly repeat: compressed they are a tenth smaller, and take ten
/// times as long to write and to read; those of halves and bits, of which most digits are zeros, stay compressed. Ids and
/// metadata do not repeat as a whole, but their parts do.
fn properties(columns: &Columns) -> WriterProperties {
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .set_created_by(concat!("vecshift ", env!("CARGO_PKG_VERSION")).to_owned());
    for (components, element) in columns.components() {
        if matches!(element, Element::F32 | Element::F64) {
            properties =
                properties.set_column_compression(components.clone(), Compression::UNCOMPRESSED);
        }
        properties = properties
            .set_column_dictionary_enabled(components.clone(), false)
            .set_column_statistics_enabled(components, EnabledStatistics::None);
    }
    for column in ["id", "metadata"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    properties.build()
}
