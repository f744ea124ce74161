//! Checks that the source is still what was copied and that the target still holds it. Both indexes are read; the
//! journal alone is never trusted.
//!
//! While a copy reads, its checkpoints keep the [`Contents`](crate::model::Contents) it has read, and [`copied`](crate::journal::copied) adds
//! them up by namespace. [`look`](Look::take) then reads every record the source holds now, in every namespace:
//!
//! - If the contents are the same, and the source counts as many records, nothing has changed.
//! - If they differ, or were never kept (the provider copied the records, or an earlier version did), every record is
//!   compared with the target after applying the plan's changes. A record that is the same on both sides is not a
//!   change: an application that writes to both keeps them equal. Everything else is counted, with examples.
//! - A namespace that no copy planned has appeared, unless it existed before and the plan leaves it behind.
//!
//! Ids come from the source itself. If it cannot list them (a manifest names them, or no metadata of a pod separates
//! its records), they come from elsewhere, and records without a known id show up only in the counts.
//!
//! [`before_deletion`] is the look required directly before the source is deleted.

mod against;
mod found;
mod ids;
mod look;
mod loss;
mod unplanned;
mod walk;

pub(super) use found::Found;
pub(super) use ids::current_shards;
pub(super) use look::{Depth, Look};
pub(super) use loss::refuse_loss;
pub(super) use unplanned::appeared;
pub(super) use walk::{Take, walk, walk_anew};

use super::Context;
use crate::error::Result;

/// Looks at everything on both sides that deleting the source depends on.
///
/// Reads the whole source, and of the target what the plan's verify stage compares: every record, or a sample and the
/// counts. Called directly before the deletion; writes made while it reads can escape it.
///
/// # Errors
/// `Refused` if the source is not what was copied, or if the target lacks records and no assertion of the stage covers
/// that. The message names namespaces, numbers and examples.
pub(super) async fn before_deletion(context: &Context) -> Result<Found> {
    let found = Look::of(context, Depth::Both).await?.take().await?;
    found.refuse_changed()?;
    if !context.asks("target.missing") {
        found.refuse_lacking()?;
    }
    Ok(found)
}
