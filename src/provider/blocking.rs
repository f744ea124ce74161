use crate::error::{Error, Result};

/// Runs work that blocks (files, sorting, Parquet) where it holds up nothing else.
///
/// # Errors
/// Those of the work; `Unexpected` if it did not come to its end.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::unexpected("work on files was cut off").with_source(error))?
}
