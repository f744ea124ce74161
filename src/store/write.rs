use async_trait::async_trait;

use super::Refusal;
use crate::error::Result;
use crate::model::{IndexSpec, Namespace, Record};

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
