use std::collections::HashSet;

use crate::provider::Match;

/// The share of the best `k` answers that both sides gave; `None` where neither gave any.
///
/// Where a side has fewer than `k` records the longer answer is the whole, so that an answer too many counts
/// as much as one too few.
pub(super) fn overlap(source: &[Match], target: &[Match], k: u32) -> Option<f64> {
    let best = |matches: &[Match]| -> HashSet<_> {
        matches.iter().take(k as usize).map(|found| found.id.clone()).collect()
    };
    let (source, target) = (best(source), best(target));
    let whole = source.len().max(target.len());
    (whole > 0).then(|| source.intersection(&target).count() as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(ids: &str) -> Vec<Match> {
        ids.split_whitespace().map(|id| Match { id: id.into(), score: 0.5 }).collect()
    }

    #[test]
    fn the_order_does_not_matter_and_every_difference_does() {
        let of = |source, target, k| overlap(&matches(source), &matches(target), k);
        assert_eq!(of("a b c d", "d c b a", 4), Some(1.0));
        assert_eq!(of("a b c d", "a b c x", 4), Some(0.75));
        assert_eq!(of("a b c d", "a b x d", 2), Some(1.0));
        assert_eq!(of("a b", "a b c d", 10), Some(0.5));
        assert_eq!(of("a b c d", "", 10), Some(0.0));
        assert_eq!(of("", "", 10), None);
    }
}
