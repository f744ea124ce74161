use async_trait::async_trait;

use crate::error::Result;
use crate::model::IndexSpec;

/// State of something that a store makes by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It is not complete yet, or in an unknown state.
    #[default]
    UnderWay,
    Done,
    /// It will never be done.
    Failed,
}

/// A frozen copy of an index's records, kept by the store, from which indexes are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    pub name: String,
    pub standing: Standing,
    /// The store's word for it, for example `Initializing`.
    pub state: String,
    pub dimension: Option<u32>,
    /// Records in it, if the store says so.
    pub records: Option<u64>,
    /// Bytes it takes, if the store says so.
    pub bytes: Option<u64>,
}

impl Collection {
    pub fn is_ready(&self) -> bool {
        self.standing == Standing::Done
    }

    /// Returns whether it will never be ready.
    pub fn has_failed(&self) -> bool {
        self.standing == Standing::Failed
    }
}

/// Keeping copies that do not change.
#[async_trait]
pub trait Freeze: Send + Sync {
    /// Asks for a collection of this index's records; it may not be ready yet when this returns.
    ///
    /// # Behavior
    /// - Changes nothing in the index.
    /// - `AlreadyExists` if the name is taken.
    /// - `Refused` if this kind of index has none.
    async fn create_collection(&self, name: &str) -> Result<()>;

    /// Returns a collection of this index's project.
    ///
    /// # Behavior
    /// - `None` if there is no such collection; that is not an error.
    async fn collection(&self, name: &str) -> Result<Option<Collection>>;
}

/// Making an index of a copy that does not change.
#[async_trait]
pub trait Thaw: Send + Sync {
    /// Asks for the index, with the records of `collection` in it; it may not be ready yet when this returns.
    ///
    /// # Behavior
    /// - The records may appear after the index is ready.
    /// - `AlreadyExists` if the name is taken, whatever the other index looks like.
    async fn create_from(&self, spec: &IndexSpec, collection: &str) -> Result<()>;
}
