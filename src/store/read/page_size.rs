//! How many ids a page of records is asked for with.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of the records of a page that are aimed at, whatever they weigh: several pages are held at once.
pub const PAGE_BYTES: usize = 4_000_000;

/// What a record is taken to weigh beside its vector before one was seen.
const METADATA_GUESS: usize = 600;

/// The part of a batch that is filled as planned; records that weigh a little more than those before still fit.
const FILL: (usize, usize) = (49, 50);

/// What a record is taken to weigh before any was seen, in bytes.
pub fn record_guess(dimension: usize) -> usize {
    dimension * 4 + METADATA_GUESS
}

/// As many ids as the source takes, as long as their records are not too many bytes to hold. What records weigh is learned
/// from those that were read.
#[derive(Debug)]
pub struct PageSize {
    /// Ids that the source takes in one request, or as many as the plan lets pass a second.
    most: usize,
    bytes: usize,
    /// What a record weighs here, and on its way into the target.
    held: AtomicUsize,
    written: AtomicUsize,
    /// Bytes of a batch in which records are written; `usize::MAX` where they are not.
    batch: AtomicUsize,
    /// Whether one was seen.
    pages: AtomicUsize,
}

impl PageSize {
    pub fn new(most: usize, bytes: usize, dimension: usize) -> Self {
        let guess = || AtomicUsize::new(record_guess(dimension));
        let most = most.max(1);
        let (batch, pages) = (AtomicUsize::new(usize::MAX), AtomicUsize::new(0));
        Self { most, bytes, held: guess(), written: guess(), batch, pages }
    }

    /// Ids of the next page. Where records are written it is a whole number of batches, so that none goes half empty; the
    /// first page is one, because a guess may be far off.
    pub fn ids(&self) -> usize {
        let fit = (self.bytes / self.held()).clamp(1, self.most);
        let written = self.written.load(Ordering::Relaxed).max(1);
        let batch = self.batch.load(Ordering::Relaxed) / FILL.1 * FILL.0 / written;
        let batch = batch.max(1);
        match self.pages.load(Ordering::Relaxed) {
            0 => fit.min(batch),
            _ if batch < fit => fit - fit % batch,
            _ => fit,
        }
    }

    /// What a record is taken to weigh here.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed).max(1)
    }

    /// Takes note of a page that was read.
    pub fn read(&self, records: usize, bytes: usize) {
        if let Some(mean) = bytes.checked_div(records) {
            let is_first = self.pages.fetch_add(1, Ordering::Relaxed) == 0;
            learn(&self.held, mean, is_first);
        }
    }

    /// Takes note of how many bytes a batch may hold.
    pub fn batches_of(&self, bytes: usize) {
        self.batch.store(bytes, Ordering::Relaxed);
    }

    /// Takes note of records as they are written.
    pub fn written(&self, records: usize, bytes: usize) {
        if let Some(mean) = bytes.checked_div(records) {
            learn(&self.written, mean + 1, false);
        }
    }
}

/// The mean of what was known and what was seen: records of one index are much alike, and namespaces may differ.
fn learn(known: &AtomicUsize, seen: usize, is_first: bool) {
    let before = known.load(Ordering::Relaxed);
    known.store(if is_first { seen } else { (before + seen).div_ceil(2) }, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_whole_batches_of_as_many_ids_as_the_source_takes() {
        let size = PageSize::new(1_000, PAGE_BYTES, 1_536);
        size.batches_of(1_997_952);
        assert_eq!(size.ids(), 290, "one batch, by a guess");
        size.read(290, 290 * 6_200);
        for _ in 0..12 {
            size.written(290, 290 * 6_180);
        }
        assert_eq!(size.ids(), 2 * 316);
        size.batches_of(usize::MAX);
        assert_eq!(size.ids(), 645);
    }

    #[test]
    fn small_records_fill_a_request_and_large_ones_keep_to_the_bytes() {
        let size = PageSize::new(1_000, PAGE_BYTES, 8);
        size.batches_of(2_000_000);
        size.read(10, 10 * 300);
        assert_eq!(size.ids(), 1_000);
        size.read(10, 10 * 120_000);
        assert_eq!(size.ids(), 66);
        let slow = PageSize::new(10, PAGE_BYTES, 8);
        assert_eq!(slow.ids(), 10);
        let huge = PageSize::new(1_000, 1_000, 20_000);
        huge.batches_of(1);
        assert_eq!(huge.ids(), 1);
    }
}
