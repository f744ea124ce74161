//! Whether the source still is what was copied, and whether the target still has it: looked at in both indexes, never in
//! the journal alone.
//!
//! While a copy reads, its checkpoints keep the [`Contents`](crate::model::Contents) of what it read; [`copied`] adds
//! them up, namespace by namespace. [`look`](Look::take) reads every record that the source holds now, in whatever
//! namespace:
//!
//! - The contents are the same, and as many as the source counts: nothing has changed.
//! - They differ, or it is not known what they were (the provider copied the records, or an earlier version did): every
//!   record is compared with the target, after the plan's own changes. What both sides hold alike is no change: an
//!   application that writes to both has kept them equal. The rest is counted, with examples.
//! - A namespace that no copy planned has appeared, unless it was there and the plan leaves it behind.
//!
//! The records are read in the source's own namespaces, by ids that the source itself gives. Where it gives none (a
//! manifest; a pod of which no metadata tells the records apart), ids come from outside, and what they do not name shows
//! in the count alone.
//!
//! [`before_deletion`] is the look that a deletion of the source needs directly before it.

mod against;
mod copied;
mod found;
mod ids;
mod lines;
mod look;
mod unplanned;
mod walk;

pub(super) use copied::{Way, copied, given};
pub(super) use found::Found;
pub(super) use ids::current_shards;
pub(super) use lines::Lines;
pub(super) use look::{Depth, Look};
pub(super) use unplanned::appeared;
pub(super) use walk::{Take, walk};

use super::Context;
use crate::error::Result;

/// Looks at everything in both indexes that the deletion of the source depends on.
///
/// It reads the whole source, and of the target what the plan's verify compares: all of it, or its sample beside the
/// counts. Directly before the deletion; what is written while it reads can escape it.
///
/// # Errors
/// `Refused` where the source is not what was copied, or where the target lacks some of it and no assertion of the stage
/// is about that; it names namespaces, numbers and examples.
pub(super) async fn before_deletion(context: &Context) -> Result<Found> {
    let found = Look::of(context, Depth::Both).await?.take().await?;
    found.refuse_changed()?;
    if !context.asks("target.missing") {
        found.refuse_lacking()?;
    }
    Ok(found)
}
