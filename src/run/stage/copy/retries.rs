//! The requests of a copy that were sent again, over all processes.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::journal::{Event, StageState};
use crate::run::Context;

/// Their figure.
pub(super) const RETRIES: &str = "retries";

/// Counts on from what earlier processes counted.
pub(super) fn count_on(context: &Context) {
    context.world.count_retries_from(recorded(context));
}

/// Records them, if there are more than the journal has, so that the next process counts on.
///
/// # Errors
/// Those of recording.
pub(super) fn note_retries(context: &Context) -> Result<()> {
    let retries = context.world.retries();
    if retries <= recorded(context) {
        return Ok(());
    }
    let figures = BTreeMap::from([(RETRIES.to_owned(), retries as f64)]);
    context.record(Event::Measured { stage: context.id(), figures })
}

fn recorded(context: &Context) -> u64 {
    let id = &context.stage().id;
    let figure = |stage: &StageState| stage.figures.get(RETRIES).copied();
    context.state.stage(id).and_then(figure).unwrap_or(0.0) as u64
}
