//! Exact nearest neighbours.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::model::{Metric, RecordId, SparseVector, Vector};

use super::arithmetic::{cosine, dot, norm, squared_distance};
use super::store::Stored;

/// The vector or sparse values to search with.
pub(crate) struct Probe {
    metric: Metric,
    values: Vec<f32>,
    norm: f32,
    /// The sparse entries in the order of their indices.
    sparse: Vec<(u32, f32)>,
    ties: Ties,
}

/// The order of hits with equal scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ties {
    ById,
    /// A different order for each salt.
    Drawn {
        salt: u64,
    },
}

impl Ties {
    /// Returns the order that the index of this name draws from a seed.
    pub fn of(seed: Option<u64>, index: &str) -> Self {
        let drawn = |seed| Self::Drawn { salt: hash(&(seed, index)) };
        seed.map_or(Self::ById, drawn)
    }

    fn compare(self, a: &RecordId, b: &RecordId) -> Ordering {
        let drawn = match self {
            Self::ById => Ordering::Equal,
            Self::Drawn { salt } => hash(&(salt, a)).cmp(&hash(&(salt, b))),
        };
        drawn.then_with(|| a.cmp(b))
    }
}

/// Returns a hash that is the same in every process: the keys of a default hasher are fixed.
fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// One hit. Scores are those Pinecone documents: the cosine, the dot product, or the *squared* Euclidean
/// distance, where less is better.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub stored: Arc<Stored>,
    pub score: f32,
}

impl Probe {
    pub fn new(metric: Metric, vector: &Vector, sparse: Option<&SparseVector>, ties: Ties) -> Self {
        let values: Vec<f32> = vector.values().collect();
        Self {
            metric,
            norm: norm(&values),
            values,
            sparse: sparse.map(SparseVector::sorted).unwrap_or_default(),
            ties,
        }
    }

    /// Scores a stored record; `None` if there is nothing to compare: a sparse probe and a record without a common
    /// index.
    fn score(&self, stored: &Stored) -> Option<f32> {
        let dense = match self.metric {
            _ if self.values.is_empty() => None,
            Metric::Cosine => {
                Some(cosine(dot(&self.values, &stored.values), self.norm, stored.norm))
            }
            Metric::Dotproduct => Some(dot(&self.values, &stored.values)),
            Metric::Euclidean => Some(squared_distance(&self.values, &stored.values)),
        };
        let sparse = stored.record.sparse().and_then(|other| sparse_dot(&self.sparse, other));
        match (dense, sparse) {
            (Some(dense), Some(sparse)) => Some(dense + sparse),
            (dense, sparse) => dense.or(sparse),
        }
    }

    /// Returns the `top_k` best of `candidates`, best first.
    pub fn search<'a>(
        &self,
        candidates: impl Iterator<Item = &'a Arc<Stored>>,
        top_k: usize,
    ) -> Vec<Hit> {
        let mut best = BinaryHeap::new();
        for stored in candidates {
            let Some(score) = self.score(stored) else { continue };
            let key = if self.metric == Metric::Euclidean { -score } else { score };
            let ranked = Ranked { key, score, stored, ties: self.ties };
            if best.len() < top_k {
                best.push(Reverse(ranked));
            } else if best.peek().is_some_and(|Reverse(worst)| ranked > *worst) {
                best.pop();
                best.push(Reverse(ranked));
            }
        }
        let ranked = best.into_sorted_vec().into_iter();
        ranked.map(|Reverse(r)| Hit { stored: Arc::clone(r.stored), score: r.score }).collect()
    }
}

struct Ranked<'a> {
    key: f32,
    score: f32,
    stored: &'a Arc<Stored>,
    ties: Ties,
}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key
            .total_cmp(&other.key)
            .then_with(|| self.ties.compare(&other.stored.record.id, &self.stored.record.id))
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked<'_> {}

fn sparse_dot(probe: &[(u32, f32)], other: &SparseVector) -> Option<f32> {
    let mut found = None;
    for (index, value) in other.indices.iter().zip(other.values.values()) {
        if let Ok(at) = probe.binary_search_by_key(index, |(index, _)| *index) {
            *found.get_or_insert(0.0) += probe[at].1 * value;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, Record, RecordId, Vectors};
    use proptest::prelude::*;

    fn stored(id: usize, values: &[f32], sparse: Option<SparseVector>) -> Arc<Stored> {
        Arc::new(Stored::new(Record {
            id: RecordId::new(format!("{id:04}")),
            vectors: Vectors::plain(Vector::from_values(values.iter().copied()), sparse),
            metadata: Metadata::default(),
        }))
    }

    fn naive(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
        let pairs = || a.iter().zip(b).map(|(a, b)| (f64::from(*a), f64::from(*b)));
        let dot = |x: &[f32], y: &[f32]| -> f64 {
            x.iter().zip(y).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        match metric {
            Metric::Dotproduct => dot(a, b),
            Metric::Euclidean => pairs().map(|(a, b)| (a - b) * (a - b)).sum(),
            Metric::Cosine => dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt()),
        }
    }

    proptest! {
        #[test]
        fn the_best_are_those_of_a_naive_search(
            vectors in proptest::collection::vec(proptest::collection::vec(0.1_f32..1.0, 19), 1..60),
            top_k in 1_usize..70,
        ) {
            for metric in [Metric::Cosine, Metric::Dotproduct, Metric::Euclidean] {
                let records: Vec<_> =
                    vectors.iter().enumerate().map(|(id, v)| stored(id, v, None)).collect();
                let query = &vectors[0];
                let probe = Probe::new(metric, &Vector::from_values(query.iter().copied()), None, Ties::ById);
                let hits = probe.search(records.iter(), top_k);
                prop_assert_eq!(hits.len(), top_k.min(records.len()));
                let mut wanted: Vec<f64> =
                    vectors.iter().map(|v| naive(metric, query, v)).collect();
                wanted.sort_by(f64::total_cmp);
                if metric != Metric::Euclidean {
                    wanted.reverse();
                }
                for (hit, wanted) in hits.iter().zip(wanted) {
                    prop_assert!((f64::from(hit.score) - wanted).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn dense_and_sparse_scores_add_up() {
        let sparse = |entries: &[(u32, f32)]| {
            let (indices, values): (Vec<_>, Vec<_>) = entries.iter().copied().unzip();
            SparseVector::new(indices, Vector::from_values(values)).unwrap()
        };
        let records = [
            stored(1, &[1.0, 0.0], Some(sparse(&[(7, 2.0), (3, 1.0)]))),
            stored(2, &[2.0, 0.0], None),
        ];
        let query = Vector::from_values([1.0, 0.0]);
        let probe = Probe::new(
            Metric::Dotproduct,
            &query,
            Some(&sparse(&[(9, 1.0), (7, 0.5)])),
            Ties::ById,
        );
        let scores: Vec<_> = probe.search(records.iter(), 10).iter().map(|h| h.score).collect();
        assert_eq!(scores, [2.0, 2.0]);
        let only = Probe::new(
            Metric::Dotproduct,
            &Vector::default(),
            Some(&sparse(&[(3, 4.0)])),
            Ties::ById,
        );
        let hits = only.search(records.iter(), 10);
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].score, 4.0);
    }

    #[test]
    fn equal_scores_come_in_the_order_of_their_index() {
        let records: Vec<_> = (0..50).rev().map(|id| stored(id, &[1.0], None)).collect();
        let found = |ties| -> Vec<String> {
            let probe = Probe::new(Metric::Dotproduct, &Vector::from_values([1.0]), None, ties);
            let hits = probe.search(records.iter(), 10);
            hits.iter().map(|hit| hit.stored.record.id.to_string()).collect()
        };
        assert_eq!(found(Ties::of(None, "a"))[..3], ["0000", "0001", "0002"]);
        let (one, other) = (found(Ties::of(Some(7), "a")), found(Ties::of(Some(7), "b")));
        assert_ne!(one, other);
        assert_eq!(one, found(Ties::of(Some(7), "a")));
    }

    #[test]
    fn a_zero_vector_is_as_far_as_nothing() {
        let records = [stored(1, &[0.0, 0.0], None)];
        let query = Vector::from_values([1.0, 0.0]);
        let probe = Probe::new(Metric::Cosine, &query, None, Ties::ById);
        assert_eq!(probe.search(records.iter(), 1)[0].score, 0.0);
    }
}
