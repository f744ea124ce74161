//! A namespace on its way.

use super::Namespace;

/// A source namespace and its name in the target.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mapping {
    pub source: Namespace,
    pub target: Namespace,
    /// Records by the source's own count.
    pub records: u64,
}
