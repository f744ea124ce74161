//! A Parquet file whose footer was read once; every later access checks that it is still the same file.

use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::reader::{ChunkReader, Length};
use sha2::{Digest, Sha256};

use super::kind::{Kind, kinds};
use super::layout::{Folders, Layout, Unread, check_codecs};
use super::note::Note;
use super::origin::{Input, Origin};
use super::{BATCH_ROWS, fault, unreadable};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::file::Columns;

pub(super) struct OpenFile {
    origin: Origin,
    /// Name of the file in messages.
    name: String,
    metadata: ArrowReaderMetadata,
    stamp: Stamp,
    footer: u64,
    columns: Vec<(String, Kind)>,
}

/// Properties that change with a file's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(file: &File) -> std::io::Result<Self> {
        let found = file.metadata()?;
        Ok(Self { bytes: found.len(), modified: found.modified().ok() })
    }
}

/// Returns the options for reading: by the types of Parquet alone, so that what a writer had in memory makes no
/// difference.
fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new()
        .with_skip_arrow_metadata(true)
        .with_offset_index_policy(PageIndexPolicy::Optional)
}

fn open(path: &Path, name: &str) -> Result<(File, Stamp)> {
    let unread = |what: &str, error| Error::io(format!("cannot {what} {name}"), error);
    let file = File::open(path).map_err(|error| unread("open", error))?;
    let stamp = Stamp::of(&file).map_err(|error| unread("read", error))?;
    Ok((file, stamp))
}

impl OpenFile {
    /// Reads the footer. Messages call the file `name`: it may be a copy of another.
    ///
    /// # Errors
    /// `NotFound` if there is no file, `Io` if it cannot be read, `Invalid` if it is no Parquet file.
    pub fn open(origin: impl Into<Origin>, name: &str) -> Result<Self> {
        let origin = origin.into();
        let (input, stamp) = match &origin {
            Origin::File(path) => {
                let (file, stamp) = open(path, name)?;
                (Input::File(file), stamp)
            }
            Origin::Object(object) => {
                let stamp = Stamp { bytes: object.bytes(), modified: None };
                (Input::of_object(object, None), stamp)
            }
        };
        if stamp.bytes == 0 {
            let message = format!("{name} is empty: it was never written to its end");
            return Err(Error::invalid(message).with_hint("write it again or remove it"));
        }
        let unread = |error| origin.failure().unwrap_or_else(|| unreadable(name, error));
        let metadata = ArrowReaderMetadata::load(&input, options()).map_err(unread)?;
        let footer = digest_of_footer(&input).map_err(unread)?;
        let hinted = ArrowReaderMetadata::try_new(metadata.metadata().clone(), Default::default());
        let hinted =
            hinted.map_or_else(|_| metadata.schema().clone(), |hint| hint.schema().clone());
        let parquet = metadata.metadata().file_metadata().schema_descr_ptr();
        let columns = kinds(metadata.schema(), &hinted, &parquet);
        Ok(Self { origin, name: name.to_owned(), metadata, stamp, footer, columns })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn bytes(&self) -> u64 {
        self.stamp.bytes
    }

    /// Returns a digest of its footer, which has the place and the size of everything in it, and mostly the least and the
    /// greatest value of each column of each row group.
    pub fn footer(&self) -> u64 {
        self.footer
    }

    pub fn metadata(&self) -> &parquet::file::metadata::ParquetMetaData {
        self.metadata.metadata()
    }

    /// Returns its columns by name and type, in order.
    pub fn columns(&self) -> &[(String, Kind)] {
        &self.columns
    }

    pub fn rows(&self) -> u64 {
        u64::try_from(self.metadata().file_metadata().num_rows()).unwrap_or_default()
    }

    /// Returns its columns as parts of records.
    ///
    /// # Errors
    /// `Invalid` if they are none, or cannot be read.
    pub fn layout(&self, asked: &Columns, folders: &Folders, unread: Unread) -> Result<Layout> {
        let layout = || {
            let note = match unread {
                Unread::Refused => Note::read(self.metadata().file_metadata())?,
                // A service knows nothing of it.
                Unread::PassedOver => Note::default(),
            };
            let layout = Layout::new(asked, &self.columns, &note, folders, unread)?;
            check_codecs(self.metadata(), &layout.read).map(|()| layout)
        };
        layout().map_err(|error| error.with_context("file", &self.name))
    }

    /// Opens the file anew.
    ///
    /// # Errors
    /// `Conflict` if it is no longer the file whose footer was read.
    pub fn reader(&self) -> Result<Input> {
        let path = match &self.origin {
            // The bucket itself refuses to give what has changed.
            Origin::Object(object) => return Ok(Input::of_object(object, Some(self.metadata()))),
            Origin::File(path) => path,
        };
        let (file, stamp) = open(path, &self.name)?;
        if stamp == self.stamp {
            return Ok(Input::File(file));
        }
        let message = format!("{} changed while it was being read", self.name);
        Err(Error::new(ErrorKind::Conflict, message)
            .with_hint("run the same command again when nothing writes to the files"))
    }

    pub fn builder(&self, input: Input) -> ParquetRecordBatchReaderBuilder<Input> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(input, self.metadata.clone())
    }
}

/// Reads batches of some columns, of all rows.
pub(super) fn batches(
    input: Input,
    of: &OpenFile,
    columns: &[usize],
) -> Result<ParquetRecordBatchReader> {
    some_batches(input, of, columns, BATCH_ROWS, |all| all)
}

/// Reads batches of so many rows of one row group: those that `only` chooses, or all.
pub(super) fn batches_of_group(
    of: &OpenFile,
    columns: &[usize],
    (group, only): (usize, Option<RowSelection>),
    rows: usize,
) -> Result<ParquetRecordBatchReader> {
    some_batches(of.reader()?, of, columns, rows, |all| {
        let group = all.with_row_groups(vec![group]);
        match only {
            Some(only) => group.with_row_selection(only),
            None => group,
        }
    })
}

fn some_batches(
    input: Input,
    of: &OpenFile,
    columns: &[usize],
    rows: usize,
    choose: impl FnOnce(
        ParquetRecordBatchReaderBuilder<Input>,
    ) -> ParquetRecordBatchReaderBuilder<Input>,
) -> Result<ParquetRecordBatchReader> {
    let builder = of.builder(input);
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
    let builder = choose(builder.with_projection(mask).with_batch_size(rows));
    let unread = |error| of.origin.failure().unwrap_or_else(|| unreadable(of.name(), error));
    builder.build().map_err(unread)
}

/// Returns a digest of the footer, which ends with its own length and four letters.
fn digest_of_footer(input: &Input) -> std::result::Result<u64, ParquetError> {
    let end = Length::len(input).saturating_sub(8);
    let tail = input.get_bytes(end, 8)?;
    let length = tail.first_chunk().map_or(0, |length| u32::from_le_bytes(*length));
    let footer = input.get_bytes(end.saturating_sub(u64::from(length)), length as usize)?;
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(Sha256::digest(&footer));
    Ok(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// Returns the error for rows that could not be read. The first of `columns` that is damaged is found by reading each
/// alone.
pub(super) fn damaged(
    file: &OpenFile,
    columns: &[usize],
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let error = error.into();
    if let Some(unread) = file.origin.failure() {
        return unread;
    }
    let is_damaged = |column: &&usize| match file.reader() {
        Ok(reader) => batches(reader, file, &[**column])
            .is_ok_and(|mut batches| batches.any(|batch| batch.is_err())),
        Err(_) => false,
    };
    let column = columns.iter().find(is_damaged).and_then(|at| file.columns().get(*at));
    let path = file.name();
    let message = match column {
        Some((name, _)) => format!("column `{name}` of {path} is damaged"),
        None => format!("{path} is damaged"),
    };
    let kind = file.reader().map_or(ErrorKind::Io, |_| fault(&*error));
    Error::new(kind, message)
        .with_source(error)
        .with_hint("the file is not what was written: get it again from where it came from")
}
