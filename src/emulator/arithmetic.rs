//! The arithmetic of scores. SimSIMD does it, as it is fast in development builds too, in which rehearsals are tested.

use simsimd::SpatialSimilarity;

pub(super) fn cosine(dot: f32, a: f32, b: f32) -> f32 {
    let norms = a * b;
    if norms > 0.0 { (dot / norms).clamp(-1.0, 1.0) } else { 0.0 }
}

/// Returns the length of a vector.
pub(super) fn norm(values: &[f32]) -> f32 {
    dot(values, values).sqrt()
}

/// Multiplies two vectors; 0 if their lengths differ, which upserts and queries rule out.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    f32::dot(a, b).unwrap_or(0.0) as f32
}

pub(super) fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    f32::l2sq(a, b).unwrap_or(0.0) as f32
}
