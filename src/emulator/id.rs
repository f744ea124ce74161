//! Ids in the shape of a UUID, the same in the same order on every start: nothing here is random.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Ids(AtomicU64);

impl Ids {
    /// Returns how many were given out.
    pub fn given(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Goes on behind those that were given out before a restart.
    pub fn go_on_behind(&self, given: u64) {
        self.0.fetch_max(given, Ordering::SeqCst);
    }

    pub fn next(&self) -> String {
        let count = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let (high, low) = (mix(count), mix(!count));
        // Version 4, variant 1 of RFC 9562.
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_have_the_shape() {
        let ids = Ids::default();
        let (first, second) = (ids.next(), ids.next());
        assert_ne!(first, second);
        assert_eq!(first, Ids::default().next());
        assert_eq!(first.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    }
}
