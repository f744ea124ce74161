use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::{Filter, IndexStats, Namespace, RecordId};

/// Settings of an existing index that can be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexChange {
    pub deletion_protection: Option<bool>,
}

/// Changing the protection of an index, and deleting it together with what belongs to it. What cannot be taken back is
/// here and nowhere else, so that it can be withheld: a run gives it to its guard alone.
#[async_trait]
pub trait Remove: Send + Sync {
    /// Changes settings of the index.
    ///
    /// # Behavior
    /// - Applied asynchronously; read it back with [`Describe::describe`](super::Describe::describe).
    async fn configure(&self, change: &IndexChange) -> Result<()>;

    /// Finds what would keep the index from being retired, each as its refusal: what else depends on it, rights that are
    /// missing, what it holds beside records. `moved` is an alias that stands for another index by then: that it stands for
    /// this one now is no obstacle.
    ///
    /// # Behavior
    /// - Empty where the store knows of nothing, and of an index that is not there.
    async fn obstacles(&self, _moved: Option<&str>) -> Result<Vec<Error>> {
        Ok(Vec::new())
    }

    /// Deletes an index whose records are elsewhere, whoever made it. `held` is what it holds, `moved` as above.
    ///
    /// # Behavior
    /// - That of [`Remove::delete_index`].
    /// - `Refused` with the first of its obstacles, or if it holds other records than `held`, by a store that can look and
    ///   delete in one act.
    /// - Whoever reads the index may go on while it is looked at. Nothing that was done for it outlasts an attempt that was
    ///   given up.
    async fn retire(&self, held: &IndexStats, moved: Option<&str>) -> Result<()>;

    /// Deletes an index that a run made, and all its records.
    ///
    /// # Behavior
    /// - Deleting an index that is not there succeeds.
    /// - `Refused` while deletion protection is on.
    async fn delete_index(&self) -> Result<()>;

    /// Deletes records by id.
    ///
    /// # Behavior
    /// - Ids that are not there are ignored.
    /// - At most [`Limits::delete_ids`](super::Limits::delete_ids) ids.
    async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()>;

    /// Deletes the records of a namespace that match `filter`.
    ///
    /// # Behavior
    /// - Succeeds if nothing matches or the namespace does not exist.
    /// - Applied asynchronously on an eventually consistent index: check whether they are gone.
    /// - `Invalid` for a filter that asks nothing; `Unsupported` for one that the store cannot say, before anything is sent.
    async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()>;

    /// Deletes a namespace and all its records.
    ///
    /// # Behavior
    /// - Succeeds if there is nothing to delete.
    async fn delete_namespace(&self, namespace: &Namespace) -> Result<()>;
}

/// Ending what a store made along the way, which a run makes and takes away again.
#[async_trait]
pub trait Discard: Send + Sync {
    /// Deletes a collection of this index's project.
    ///
    /// # Behavior
    /// - Succeeds if there is nothing to delete.
    async fn delete_collection(&self, name: &str) -> Result<()>;

    /// Ends an import in progress; what it imported may stay.
    ///
    /// # Behavior
    /// - One that has ended or is not known is left as it is.
    async fn cancel_import(&self, id: &str) -> Result<()>;
}
