//! The words of members that have a fixed set of them (Pinecone's OpenAPI files 2025-10 and 2026-04; its Python SDK
//! 10.2.0 for 2026-07).

use crate::model::{Metric, VectorType};

/// The clouds of serverless indexes; the name of a pod's environment ends with one.
pub(crate) const CLOUDS: [&str; 3] = ["aws", "gcp", "azure"];

/// Kinds and sizes of pods: `p1.x1`.
pub(crate) const POD_KINDS: [&str; 3] = ["s1", "p1", "p2"];
pub(crate) const POD_SIZES: [&str; 4] = ["x1", "x2", "x4", "x8"];

/// Type of pods if a request gives none.
pub(crate) const DEFAULT_POD_TYPE: &str = "p1.x1";

/// Modes of the read capacity, kinds of its nodes, and the one way to scale them.
pub(crate) const ON_DEMAND: &str = "OnDemand";
pub(crate) const DEDICATED: &str = "Dedicated";
pub(crate) const NODE_TYPES: [&str; 2] = ["b1", "t1"];
pub(crate) const MANUAL: &str = "Manual";

const METRICS: [(Metric, &str); 3] = [
    (Metric::Cosine, "cosine"),
    (Metric::Dotproduct, "dotproduct"),
    (Metric::Euclidean, "euclidean"),
];

const VECTOR_TYPES: [(VectorType, &str); 2] =
    [(VectorType::Dense, "dense"), (VectorType::Sparse, "sparse")];

const SWITCHES: [(bool, &str); 2] = [(true, "enabled"), (false, "disabled")];

fn word<T: PartialEq>(words: &[(T, &'static str)], wanted: &T) -> &'static str {
    words.iter().find(|(value, _)| value == wanted).map_or("", |(_, word)| word)
}

fn read<T: Copy>(words: &[(T, &str)], wanted: &str) -> Option<T> {
    words.iter().find(|(_, word)| *word == wanted).map(|(value, _)| *value)
}

pub(crate) fn metric(metric: Metric) -> &'static str {
    word(&METRICS, &metric)
}

pub(crate) fn read_metric(word: &str) -> Option<Metric> {
    read(&METRICS, word)
}

/// Metric if a request gives none.
pub(crate) fn default_metric(vector_type: VectorType) -> Metric {
    match vector_type {
        VectorType::Dense => Metric::Cosine,
        VectorType::Sparse => Metric::Dotproduct,
    }
}

pub(crate) fn vector_type(vector_type: VectorType) -> &'static str {
    word(&VECTOR_TYPES, &vector_type)
}

pub(crate) fn read_vector_type(word: &str) -> Option<VectorType> {
    read(&VECTOR_TYPES, word)
}

/// A switch that is `enabled` or `disabled`, such as the deletion protection.
pub(crate) fn switch(is_on: bool) -> &'static str {
    word(&SWITCHES, &is_on)
}

pub(crate) fn read_switch(word: &str) -> Option<bool> {
    read(&SWITCHES, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_comes_back() {
        for metric in [Metric::Cosine, Metric::Dotproduct, Metric::Euclidean] {
            assert_eq!(read_metric(super::metric(metric)), Some(metric));
        }
        for kind in [VectorType::Dense, VectorType::Sparse] {
            assert_eq!(read_vector_type(vector_type(kind)), Some(kind));
        }
        assert_eq!((read_switch("enabled"), switch(false)), (Some(true), "disabled"));
        assert_eq!((read_metric("hamming"), read_switch("on")), (None, None));
    }
}
