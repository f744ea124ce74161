//! What seeds throw.

use std::time::Duration;

/// Throws for one of the machines: SplitMix64, as Steele, Lea and Flood give it (2014), which costs next to nothing.
pub(super) struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn within(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// True in so many of ten throws.
    pub fn tenths(&mut self, count: u64) -> bool {
        self.within(0..10) < count
    }
}

/// Virtual time after which whoever still runs is killed.
pub(super) const END: Duration = Duration::from_secs(45);

/// A stretch of time in which requests do not arrive.
pub(super) fn outage(rng: &mut Dice) -> (Duration, Duration) {
    let from = Duration::from_millis(rng.within(0..END.as_millis() as u64));
    (from, from + Duration::from_millis(rng.within(3_000..30_000)))
}
