//! How records are cut into requests, and how large a request may be.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Bytes kept free in a request for its envelope: the namespace and framing.
const ENVELOPE: usize = 2_048;

/// The part of what is known to be too large that is no longer looked into: the limit lies above what fits and below it.
const CLOSE: usize = 20;

/// Bytes that a request may hold: what is documented, until the target refuses that; then what was found to fit, which is
/// tried closer and closer to what does not.
#[derive(Debug)]
pub(super) struct Packing {
    documented: usize,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The most bytes that were taken since the target last refused some.
    fits: usize,
    /// The fewest bytes that were refused.
    too_large: Option<usize>,
}

impl Packing {
    pub fn new(documented: usize) -> Self {
        Self { documented: documented.saturating_sub(ENVELOPE), known: Mutex::default() }
    }

    /// Bytes that the next request may hold.
    pub fn limit(&self) -> usize {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.too_large {
            None => self.documented,
            Some(too_large) if too_large - known.fits <= too_large / CLOSE => known.fits,
            Some(too_large) => (known.fits + too_large) / 2,
        }
    }

    /// Takes note of a request that was taken.
    pub fn fits(&self, bytes: usize) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.too_large.is_some_and(|too_large| bytes < too_large) {
            known.fits = known.fits.max(bytes);
        }
    }

    /// Takes note of a request that was refused for its size.
    pub fn too_large(&self, bytes: usize) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let least = known.too_large.map_or(bytes, |before| before.min(bytes)).max(1);
        known.too_large = Some(least);
        if known.fits >= least {
            known.fits = 0;
        }
    }
}

/// Cuts records of these sizes into as few runs of at most `most` records and `bytes` bytes as there must be, all about
/// alike; one that fits nowhere stands alone.
pub(super) fn cut(sizes: &[usize], most: usize, bytes: usize) -> Vec<Range<usize>> {
    let all: usize = sizes.iter().sum();
    let least = all.div_ceil(bytes.max(1)).max(sizes.len().div_ceil(most.max(1))).max(1);
    // A run may be over its share by less than its last record.
    let share = all.div_ceil(least);
    let mut ranges = Vec::with_capacity(least);
    let (mut start, mut held) = (0, 0usize);
    for (index, size) in sizes.iter().enumerate() {
        let is_full = index - start >= most || held.saturating_add(*size) > bytes || held >= share;
        if is_full && index > start {
            ranges.push(start..index);
            (start, held) = (index, 0);
        }
        held = held.saturating_add(*size);
    }
    if start < sizes.len() {
        ranges.push(start..sizes.len());
    }
    ranges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_keep_to_count_and_bytes_and_are_alike() {
        assert_eq!(cut(&[1; 5], 2, 100), [0..2, 2..4, 4..5]);
        assert_eq!(cut(&[40, 40, 40, 40], 10, 100), [0..2, 2..4]);
        assert_eq!(cut(&[10, 500, 10], 10, 100), [0..1, 1..2, 2..3]);
        assert_eq!(cut(&[10; 12], 100, 100), [0..6, 6..12]);
        assert!(cut(&[], 10, 100).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_record_is_in_one_run_that_fits(
            sizes in proptest::collection::vec(1usize..400, 0..300), most in 1usize..50,
        ) {
            let runs = cut(&sizes, most, 1_000);
            let mut next = 0;
            for run in &runs {
                prop_assert_eq!(run.start, next);
                next = run.end;
                prop_assert!((1..=most).contains(&run.len()));
                prop_assert!(sizes[run.clone()].iter().sum::<usize>() <= 1_000);
            }
            prop_assert_eq!(next, sizes.len());
        }

        /// Records that are small beside a request fill all but the rounding of a page to whole requests.
        #[test]
        fn requests_are_as_full_as_the_page_lets_them(
            sizes in proptest::collection::vec(5_000usize..7_000, 950..951),
        ) {
            let runs = cut(&sizes, 1_000, 1_997_952);
            let all: usize = sizes.iter().sum();
            prop_assert!(runs.len() <= all.div_ceil(1_997_952) + 1);
        }
    }

    /// A target that takes 1.3 MB: found out in a few refusals, and used to nine tenths from then on.
    #[test]
    fn the_limit_is_learned_from_refusals() {
        let packing = Packing::new(2_000_000);
        assert_eq!(packing.limit(), 1_997_952);
        packing.fits(1_990_000);
        assert_eq!(packing.limit(), 1_997_952);
        let mut refused = 0;
        for _ in 0..50 {
            let bytes = packing.limit();
            if bytes > 1_300_000 {
                refused += 1;
                packing.too_large(bytes);
                packing.fits(bytes / 2);
            } else {
                packing.fits(bytes);
            }
        }
        let limit = packing.limit();
        assert!((1_170_000..=1_300_000).contains(&limit) && refused <= 6, "{limit} {refused}");
        packing.too_large(500_000);
        assert!(packing.limit() < 500_000, "what the target takes has changed");
    }
}
