use async_trait::async_trait;

use super::Refusal;
use crate::error::Result;
use crate::model::{IndexSpec, Metadata, MetadataValue, Namespace, Record};

/// The target's answer to a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upserted {
    /// Number of records acknowledged.
    pub count: u64,
    /// The number by which a reader knows that it sees this write, if the store gives one.
    pub token: Option<u64>,
}

/// Taking records.
#[async_trait]
pub trait Write: Send + Sync {
    /// Writes records; one with the same id is replaced as a whole.
    ///
    /// # Behavior
    /// - Idempotent.
    /// - All or nothing: an error means that none of them may be counted as written.
    /// - `TooLarge` if the request is over the limits; `Invalid` if a record is refused.
    /// - An empty list succeeds and touches nothing.
    async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Upserted>;

    /// Returns the size of `record` in a request, in bytes, on the wire that is in use.
    fn request_bytes(&self, record: &Record) -> usize;

    /// Returns why the target would refuse `record` as it stands; `None` if it would accept it. The index's last
    /// description decides; if there is no index, `planned` does.
    fn rejects(&self, record: &Record, planned: Option<&IndexSpec>) -> Option<Refusal>;

    /// Returns whether everything up to `token` of `namespace` can be read.
    ///
    /// # Behavior
    /// - `None` if the store gives no such numbers.
    async fn is_visible(&self, namespace: &Namespace, token: u64) -> Result<Option<bool>>;
}

/// Returns whether every store can keep a metadata value: a string, finite number, boolean or list of strings.
pub fn is_plain(value: &MetadataValue) -> bool {
    match value {
        MetadataValue::Bool(_) | MetadataValue::String(_) => true,
        MetadataValue::Number(number) => number.is_finite(),
        MetadataValue::List(items) => {
            items.iter().all(|item| matches!(item, MetadataValue::String(_)))
        }
        MetadataValue::Null | MetadataValue::Digits(_) | MetadataValue::Object(_) => false,
    }
}

/// Returns the fields of `metadata` that are not plain (see [`is_plain`]), in order.
pub fn complex_fields(metadata: &Metadata) -> impl Iterator<Item = (&str, &MetadataValue)> {
    metadata
        .0
        .iter()
        .filter(|(_, value)| !is_plain(value))
        .map(|(name, value)| (name.as_str(), value))
}
