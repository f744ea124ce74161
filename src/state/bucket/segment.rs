//! One object of a journal: a line that says where it belongs, then events, one a line.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::json;
use crate::error::Result;
use crate::journal::{Entry, lines, parse};

/// The version of its format.
const FORMAT: u32 = 1;
/// The beginning of a first line, and of no other: events begin with their version.
const BEGINS: &[u8] = b"{\"segment\":";

/// The first line of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Its number, from 1.
    pub segment: u64,
    pub v: u32,
    pub run: String,
    /// The epoch of who wrote it.
    pub epoch: u64,
    /// The take of who wrote it.
    pub writer: String,
    /// The sum of the segment before.
    pub prev_sha256: Option<String>,
    /// The number of its first event, or of the next one if it has none.
    pub first_seq: u64,
}

impl Header {
    pub fn new(run: &str, epoch: u64, writer: &str) -> Self {
        let (run, writer) = (run.to_owned(), writer.to_owned());
        Self { segment: 1, v: FORMAT, run, epoch, writer, prev_sha256: None, first_seq: 0 }
    }

    /// Returns the segment with these events.
    pub fn with(&self, entries: &[Entry]) -> Result<Bytes> {
        let mut bytes = json::line(self)?;
        bytes.extend(lines(entries)?);
        Ok(bytes.into())
    }

    /// Reads the first line of a segment alone.
    ///
    /// # Errors
    /// `Refused` for a newer format, `Conflict` for what is no segment.
    pub fn read(bytes: &[u8], key: &str) -> Result<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        json::read(&bytes[..end], key, FORMAT, |header: &Self| header.v)
    }
}

/// A segment as it was read.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub header: Header,
    pub entries: Vec<Entry>,
    pub sha256: String,
    pub bytes: Bytes,
}

impl Segment {
    /// # Errors
    /// `Refused` for a newer format, `Conflict` for what is no segment.
    pub fn parse(bytes: Bytes, key: &str) -> Result<Self> {
        let header = Header::read(&bytes, key)?;
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        let events = &bytes[end..];
        let parsed = parse(events, &format!("`{key}`"))?;
        // It was written whole or not at all.
        if parsed.intact != events.len() || end == 0 {
            return Err(json::damaged(format!("`{key}` is damaged: its last line has no end")));
        }
        Ok(Self { header, entries: parsed.entries, sha256: sum(&bytes), bytes })
    }
}

/// Returns the sum of a segment.
pub(super) fn sum(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut sum = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(sum, "{byte:02x}");
    }
    sum
}

/// Returns the segments of a pack.
pub(super) fn split(pack: &Bytes) -> Vec<Bytes> {
    let mut segments = Vec::new();
    let (mut begin, mut at) = (0, 0);
    for line in pack.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(BEGINS) && at > begin {
            segments.push(pack.slice(begin..at));
            begin = at;
        }
        at += line.len();
    }
    if at > begin {
        segments.push(pack.slice(begin..at));
    }
    segments
}
