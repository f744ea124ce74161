//! A target that was made from a collection of the source, and shows its records by and by.

use std::collections::BTreeMap;

use super::next::COLLECTED_FIGURE;
use crate::error::Result;
use crate::journal::Event;
use crate::model::Side;
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::selection::mappings_left;
use crate::run::stage::resource::{COLLECTED, ready_within, see_records};
use crate::run::taken::Taken;

/// Looks once, in the step of this name, whether it shows every record.
///
/// # Errors
/// `Timeout` if they do not appear in time.
pub(super) async fn see_collected(
    context: &Context,
    copy: &CopyStage,
    step: &str,
) -> Result<Taken> {
    let mappings = mappings_left(context, &copy.id, &[Side::Source, Side::Target]);
    let wait = (step, ready_within(copy));
    let target = &*context.world.target;
    match see_records(context, target, &mappings, wait, COLLECTED).await? {
        Taken::Again => Ok(Taken::Again),
        Taken::Done => {
            let records: u64 = mappings.iter().map(|mapping| mapping.records).sum();
            let figures = BTreeMap::from([(COLLECTED_FIGURE.to_owned(), records as f64)]);
            context.record(Event::Measured { stage: context.id(), figures })?;
            Ok(Taken::Done)
        }
    }
}
