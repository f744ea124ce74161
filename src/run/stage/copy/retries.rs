//! The requests of a copy that were sent again.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::journal::Event;
use crate::run::Context;

/// The figure of the requests that were sent again.
pub(super) const RETRIES: &str = "retries";

/// Counts the requests that were sent again, over all processes, and those that no step has counted yet.
pub(super) fn retries(context: &Context) -> (u64, u64) {
    let id = &context.stage().id;
    let known = context.recorder.with_state(|state| {
        state.stage(id).and_then(|stage| stage.figures.get(RETRIES).copied()).unwrap_or(0.0)
    });
    let new = context.world.take_retries();
    (known as u64 + new, new)
}

/// Records the requests that were sent again since that was last counted, so that the next process goes on from it.
///
/// # Errors
/// Those of recording.
pub(super) fn note_retries(context: &Context) -> Result<()> {
    let (all, new) = retries(context);
    if new == 0 {
        return Ok(());
    }
    let figures = BTreeMap::from([(RETRIES.to_owned(), all as f64)]);
    context.record(Event::Measured { stage: context.id(), figures })
}
