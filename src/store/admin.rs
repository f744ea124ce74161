use async_trait::async_trait;

use super::Standing;
use crate::error::Result;
use crate::model::IndexSpec;

/// How far what is made of a filled index is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finishing {
    pub standing: Standing,
    /// How many of how many things that are to be made can be used.
    pub done: u64,
    pub total: u64,
    /// The store's word for it.
    pub state: String,
}

/// Making an index.
#[async_trait]
pub trait Admin: Send + Sync {
    /// Asks for the index; it may not be ready yet when this returns.
    ///
    /// # Behavior
    /// - `AlreadyExists` if the name is taken, whatever the other index looks like.
    async fn create(&self, spec: &IndexSpec) -> Result<()>;

    /// Makes what is only worth making once the records are there, such as an index over them. It returns at once; asked
    /// again, it says how far that is.
    ///
    /// # Behavior
    /// - `None` where there is nothing to make.
    /// - What is made already is left as it is.
    async fn finish(&self) -> Result<Option<Finishing>> {
        Ok(None)
    }
}
