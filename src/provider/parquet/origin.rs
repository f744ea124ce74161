//! Where the bytes of a file are: on this machine, or in a bucket, where only what is needed of them is read.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

use crate::error::Result;
use crate::storage::Object;

/// Bytes of an object that are asked for at once.
const WINDOW: u64 = 1 << 20;

/// Such windows that a reader keeps: one for each column, mostly far smaller, and some for what was left behind.
const HELD: usize = 8;

/// Bytes at the end of an object that are read with its footer's length, and mostly hold all of it.
const TAIL: u64 = 64 * 1024;

/// A file before it is opened.
#[derive(Clone)]
pub enum Origin {
    File(PathBuf),
    Object(Object),
}

impl Origin {
    /// Returns the error of the bucket because of which something could not be read.
    pub(super) fn failure(&self) -> Option<crate::Error> {
        match self {
            Self::File(_) => None,
            Self::Object(object) => object.failure(),
        }
    }
}

impl From<&Path> for Origin {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

/// An open file.
pub(super) enum Input {
    File(File),
    Object(Arc<Windows>),
}

impl Input {
    /// Opens an object. What is read ahead ends with the column that is read, if the footer is known.
    pub fn of_object(object: &Object, footer: Option<&ParquetMetaData>) -> Self {
        let columns = footer.into_iter().flat_map(|footer| footer.row_groups());
        let columns = columns.flat_map(|group| group.columns());
        let mut ends: Vec<u64> = columns
            .map(|column| {
                let (start, length) = column.byte_range();
                start + length
            })
            .collect();
        ends.sort_unstable();
        Self::Object(Arc::new(Windows { object: object.clone(), ends, held: Mutex::default() }))
    }
}

/// The parts of an object that were read last.
pub(super) struct Windows {
    object: Object,
    /// Where its columns end, in order.
    ends: Vec<u64>,
    held: Mutex<VecDeque<(u64, Bytes)>>,
}

impl Windows {
    /// Returns bytes from a place on: at least one, and `least` of them if there are as many.
    fn from(&self, start: u64, least: u64) -> Result<Bytes> {
        let length = self.object.bytes();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let end = length.min(start + least.max(1));
        let has = |(from, bytes): &(u64, Bytes)| {
            *from <= start && end <= *from + bytes.len() as u64 && start < end
        };
        if let Some(at) = held.iter().position(has)
            && let Some((from, bytes)) = held.remove(at)
        {
            held.push_front((from, bytes.clone()));
            return Ok(bytes.slice((start - from) as usize..));
        }
        if start >= length {
            return Ok(Bytes::new());
        }
        let column = self.ends.get(self.ends.partition_point(|end| *end <= start));
        let ahead = length.min(start + WINDOW).min(column.copied().unwrap_or(length));
        let from = if start + TAIL > length { length.saturating_sub(TAIL) } else { start };
        let read = self.object.read(from..ahead.max(end))?;
        held.push_front((from, read.clone()));
        held.truncate(HELD);
        Ok(read.slice((start - from) as usize..))
    }
}

impl Length for Input {
    fn len(&self) -> u64 {
        match self {
            Self::File(file) => Length::len(file),
            Self::Object(windows) => windows.object.bytes(),
        }
    }
}

impl ChunkReader for Input {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(match self {
            Self::File(file) => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(start))?;
                Box::new(std::io::BufReader::new(file))
            }
            Self::Object(windows) => Box::new(Reading { windows: windows.clone(), at: start }),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        match self {
            Self::File(file) => file.get_bytes(start, length),
            Self::Object(windows) => {
                let read = windows.from(start, length as u64).map_err(external)?;
                match read.len() >= length {
                    true => Ok(read.slice(..length)),
                    false => Err(ParquetError::EOF(format!("{} of {length} bytes", read.len()))),
                }
            }
        }
    }
}

fn external(error: crate::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

/// An object that is read from a place on.
struct Reading {
    windows: Arc<Windows>,
    at: u64,
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.windows.from(self.at, 1).map_err(std::io::Error::other)?;
        let count = read.len().min(buffer.len());
        buffer[..count].copy_from_slice(&read[..count]);
        self.at += count as u64;
        Ok(count)
    }
}
