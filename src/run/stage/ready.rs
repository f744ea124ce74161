//! Waits until an index is ready.

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexDescription, Span};
use crate::store::Target;

/// The pause between two looks.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

/// Looks once whether `index` is ready.
///
/// # Errors
/// `Refused` if it ends up in a failed state.
pub(super) async fn look(
    index: &dyn Target,
) -> Result<ControlFlow<IndexDescription, Option<IndexDescription>>> {
    match index.describe().await? {
        Some(seen) if seen.ready => Ok(Break(seen)),
        Some(seen) if seen.state.ends_with("Failed") => {
            let message =
                format!("the index `{}` ended in the state {}", seen.spec.name, seen.state);
            Err(Error::new(ErrorKind::Refused, message)
                .with_hint("roll back, which removes it, and run again"))
        }
        seen => Ok(Continue(seen)),
    }
}

/// Returns the error for an index that was not ready within `limit`.
pub(super) fn late(seen: Option<IndexDescription>, limit: Duration) -> Error {
    let state = seen.map_or("it is not there".to_owned(), |seen| {
        format!("`{}` is {}", seen.spec.name, seen.state)
    });
    let message = format!("the index was not ready within {}: {state}", Span(limit));
    Error::new(ErrorKind::Timeout, message)
        .with_hint("run the same command again to go on waiting, or roll back, which removes it")
}
