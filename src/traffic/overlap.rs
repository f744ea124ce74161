use std::collections::HashSet;

use crate::store::Match;

/// Returns the share of the best `k` answers that both sides gave; `None` if neither gave any.
///
/// If more than `k` records have the same score at the end of the list, it is chance which of them are in it. An answer
/// of the target whose score equals the source's `k`-th therefore counts as found, as in ann-benchmarks.
///
/// If a side has fewer than `k` records, the longer answer is the whole, so that an extra answer counts as much as a
/// missing one.
pub(super) fn overlap(source: &[Match], target: &[Match], k: u32) -> Option<f64> {
    let k = k as usize;
    let (source, target) = (&source[..source.len().min(k)], &target[..target.len().min(k)]);
    let whole = source.len().max(target.len());
    // A list that is not full was not cut off, so it contains everything.
    let last = source.get(k.wrapping_sub(1)).map(|last| last.score);
    // A copy may change the kind of ids, and never their text.
    let ids: HashSet<_> = source.iter().map(|found| found.id.text()).collect();
    let is_found = |found: &&Match| {
        ids.contains(&found.id.text()) || last.is_some_and(|last| is_tie(found.score, last))
    };
    (whole > 0).then(|| target.iter().filter(is_found).count() as f64 / whole as f64)
}

/// Returns whether two scores are equal except for the order in which 32-bit floats were summed. That error grows with
/// the square root of the dimension; for 20,000 dimensions, more than most stores take, it is 1.7e-5 of the size of the
/// summands.
fn is_tie(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1.7e-5 * a.abs().max(b.abs()).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds scores that fall from `first` by a tenth per answer.
    fn matches(ids: &str, first: f32) -> Vec<Match> {
        let scores = (0..).map(|place| first - place as f32 / 10.0);
        ids.split_whitespace()
            .zip(scores)
            .map(|(id, score)| Match { id: id.into(), score })
            .collect()
    }

    fn scored(answers: &[(&str, f32)]) -> Vec<Match> {
        answers.iter().map(|(id, score)| Match { id: (*id).into(), score: *score }).collect()
    }

    #[test]
    fn what_ties_with_the_last_answer_is_found() {
        let source = scored(&[("a", 0.9), ("b", 0.5), ("c", 0.5)]);
        let of = |answers: &[(&str, f32)]| overlap(&source, &scored(answers), 3);
        assert_eq!(of(&[("a", 0.9), ("x", 0.5), ("y", 0.500_001)]), Some(1.0));
        // Lower than the last score, or tied with an answer that is certainly in the list.
        assert_eq!(of(&[("a", 0.9), ("b", 0.5), ("x", 0.499)]), Some(2.0 / 3.0));
        assert_eq!(of(&[("x", 0.9), ("b", 0.5), ("c", 0.5)]), Some(2.0 / 3.0));
        // A tie does not make up for missing answers.
        assert_eq!(of(&[("a", 0.9), ("x", 0.5)]), Some(2.0 / 3.0));
        // A source that returned all it has was not cut off.
        assert_eq!(
            overlap(&source, &scored(&[("a", 0.9), ("b", 0.5), ("x", 0.5)]), 10),
            Some(2.0 / 3.0)
        );
    }

    #[test]
    fn the_order_does_not_matter_and_every_difference_does() {
        let of = |source, target, k| overlap(&matches(source, 0.9), &matches(target, 0.85), k);
        assert_eq!(of("a b c d", "d c b a", 4), Some(1.0));
        assert_eq!(of("a b c d", "a b c x", 4), Some(0.75));
        assert_eq!(of("a b c d", "a b x d", 2), Some(1.0));
        assert_eq!(of("a b", "a b c d", 10), Some(0.5));
        assert_eq!(of("a b c d", "", 10), Some(0.0));
        assert_eq!(of("", "", 10), None);
    }
}
