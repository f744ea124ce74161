use async_trait::async_trait;

use super::Standing;
use crate::error::Result;

/// A bulk import of files that the store reads by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Import {
    pub id: String,
    pub uri: String,
    pub standing: Standing,
    /// The store's word for it, for example `InProgress`.
    pub state: String,
    /// Progress from 0 to 100, if the store gives it.
    pub percent: Option<f64>,
    /// Records imported so far, if the store says so.
    pub records: Option<u64>,
    /// Reason why it failed.
    pub error: Option<String>,
}

impl Import {
    pub fn is_complete(&self) -> bool {
        self.standing == Standing::Done
    }

    /// Returns whether it ended without being complete.
    pub fn has_failed(&self) -> bool {
        self.standing == Standing::Failed
    }
}

/// Importing files.
#[async_trait]
pub trait Bulk: Send + Sync {
    /// Asks for a bulk import of the Parquet files below `uri`, one folder per namespace; returns its id.
    /// `integration` names what gives the store access to a private bucket.
    ///
    /// # Behavior
    /// - Goes on after this returns; see [`Bulk::imports`].
    /// - A record that cannot be taken ends the import.
    /// - Namespaces that are there already are not imported into.
    async fn start_import(&self, uri: &str, integration: Option<&str>) -> Result<String>;

    /// Returns the imports into this index that the store knows, in no order.
    async fn imports(&self) -> Result<Vec<Import>>;
}
