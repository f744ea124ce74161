//! The plan reference (`docs/plan.md`), made from the schema and so from the types' own comments.

use super::catalogue::explain_metric;
use super::codes::explain_code;

/// What there is to say about a code (`V020`, `unknown-key`) or a metric (`p95(query)`, `metrics`).
pub fn explain(word: &str) -> Option<String> {
    explain_code(word).or_else(|| explain_metric(word))
}

/// The page `docs/plan.md`.
pub fn reference_markdown() -> String {
    String::new()
}
