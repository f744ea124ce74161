use async_trait::async_trait;

use crate::error::Result;
use crate::model::{IndexStats, View};

/// Showing everything as it was at one moment, while others write. A view costs the store something as long as it is
/// open, and it can be lost at any time: with the session that holds it, or with its server.
#[async_trait]
pub trait Views: Send + Sync {
    /// Opens a view of the whole index.
    async fn open(&self) -> Result<View>;

    /// Checks that a view is still there, keeps it longer where it would end by itself, and returns the name under which it
    /// goes on.
    ///
    /// # Behavior
    /// - A store may give a view another name each time it is asked. The newest is what another process goes on with; in
    ///   the process that was given it, an older one is as good.
    ///
    /// # Errors
    /// `ViewLost` if it is not there any more.
    async fn renew(&self, view: &View) -> Result<View>;

    /// Counts what a view shows.
    ///
    /// # Errors
    /// `ViewLost` if it is not there any more.
    async fn count(&self, view: &View) -> Result<IndexStats>;

    /// Ends a view.
    ///
    /// # Behavior
    /// - Succeeds if it is not there any more, which the store is asked: a view that another process opened is not gone
    ///   because that process is.
    ///
    /// # Errors
    /// `Refused` if another process still holds it and only that can end it.
    async fn close(&self, view: &View) -> Result<()>;
}
