//! The segments of a run, each linked to the one before.

use bytes::Bytes;

use super::head::Extent;
use super::json::damaged;
use super::layout::Layout;
use super::packs::LARGE;
use super::segment::{Header, Segment};
use crate::error::Result;
use crate::journal::Entry;

/// The segments of a run up to one of them, every link of which held.
#[derive(Debug)]
pub(super) struct Chain {
    run: String,
    /// The last segment.
    pub number: u64,
    pub sha256: Option<String>,
    /// The newest epoch that wrote to it.
    pub epoch: u64,
    next_seq: u64,
    pub entries: Vec<Entry>,
    /// The segments behind the last large pack.
    pub behind: Vec<Bytes>,
}

impl Chain {
    pub fn new(run: &str) -> Self {
        Self {
            run: run.to_owned(),
            number: 0,
            sha256: None,
            epoch: 0,
            next_seq: 0,
            entries: Vec::new(),
            behind: Vec::new(),
        }
    }

    pub fn run(&self) -> &str {
        &self.run
    }

    /// Returns the number of the event that comes next.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Returns the first line of the segment that comes next.
    pub fn next(&self, epoch: u64, writer: &str) -> Header {
        Header {
            segment: self.number + 1,
            prev_sha256: self.sha256.clone(),
            first_seq: self.next_seq,
            ..Header::new(&self.run, epoch, writer)
        }
    }

    /// Adds the next segment.
    ///
    /// # Errors
    /// `Refused` for a newer format, `Conflict` for one that does not follow.
    pub fn add(&mut self, layout: &Layout, bytes: Bytes) -> Result<()> {
        let number = self.number + 1;
        let key = layout.segment(&self.run, number);
        let segment = Segment::parse(bytes, &key)?;
        let found = &segment.header;
        if (found.segment, &found.run) != (number, &self.run) {
            let message = format!("`{key}` holds segment {} of run {}", found.segment, found.run);
            return Err(damaged(message));
        }
        let seqs = segment.entries.iter().map(|entry| entry.seq);
        let is_in_order = seqs.eq(self.next_seq..self.next_seq + segment.entries.len() as u64);
        if found.prev_sha256 != self.sha256 || found.epoch < self.epoch || !is_in_order {
            let before = layout.segment(&self.run, self.number);
            let message = format!("`{key}` does not follow `{before}`: one of them was changed");
            return Err(damaged(message));
        }
        let Segment { header, entries, sha256, bytes } = segment;
        self.link(header.epoch, entries.len(), sha256, bytes);
        self.entries.extend(entries);
        Ok(())
    }

    /// Adds a segment that was written as the next one, with so many events, which are not kept here.
    pub fn link(&mut self, epoch: u64, events: usize, sha256: String, bytes: Bytes) {
        if self.number.is_multiple_of(LARGE) {
            self.behind.clear();
        }
        self.number += 1;
        self.epoch = epoch;
        self.next_seq += events as u64;
        self.sha256 = Some(sha256);
        self.behind.push(bytes);
    }

    /// Checks that it is what a head says of it, as far as that goes.
    ///
    /// # Errors
    /// `Conflict` where the last segment that the head knows is another one.
    pub fn check(&self, layout: &Layout, extent: &Extent) -> Result<()> {
        let is_other = extent.last_segment == self.number
            && extent.last_sha256.is_some()
            && extent.last_sha256 != self.sha256;
        match is_other {
            true => {
                let key = layout.segment(&self.run, self.number);
                Err(damaged(format!("`{key}` is not as it was written: it was changed")))
            }
            false => Ok(()),
        }
    }

    /// Returns how far it reaches, as a head says it.
    pub fn extent(&self, tail: Option<u64>) -> Extent {
        Extent { last_segment: self.number, last_sha256: self.sha256.clone(), tail }
    }
}
