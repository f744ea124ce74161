//! Checks that somebody confirmed exactly this deletion.

use super::{Checked, Effect, traffic};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Hold};
use crate::model::{IndexStats, Observed, Side, plural};
use crate::run::Context;

/// Records the confirmation for deleting the source, as it is now with `counts` records; or the hold that asks for one,
/// if none was given to this process.
pub(in crate::run) async fn confirm(context: &Context, counts: &IndexStats) -> Result<()> {
    let seen = super::identity::must_be_there(context, Side::Source).await?;
    let traffic_unknown = traffic::is_unknown(context).await?;
    let index = &context.plan.source.index;
    let identity = seen.identity();
    let options = &context.options;
    let is_given = options.is_rehearsal || options.confirms(index, traffic_unknown);
    if !is_given {
        let hold = Hold::Confirmation {
            index: index.clone(),
            host: Some(identity.host),
            records: Some(counts.total),
            traffic_unknown,
        };
        return context.record(Event::StageHeld { stage: context.id(), hold });
    }
    context.record(Event::DeletionConfirmed {
        stage: context.id(),
        index: index.clone(),
        host: identity.host.clone(),
        records: counts.total,
        traffic_unknown,
        by: options.holder.to_string(),
        identity: Some(identity),
    })
}

pub(super) fn look(context: &Context, effect: &Effect) -> Result<()> {
    match effect {
        Effect::DeleteSource(checked) => is_given_to(context, checked),
        Effect::DeleteTarget { .. }
        | Effect::ChangeProtection { .. }
        | Effect::RemoveResource(_)
        | Effect::RemoveProbe(_)
        | Effect::SetWeight(_) => Ok(()),
    }
}

fn is_given_to(context: &Context, checked: &Checked) -> Result<()> {
    let known = context.state.identities.get(&Side::Source).cloned();
    let confirmed = &checked.confirmed;
    let is_same = known.is_none_or(|known| known.differs(&confirmed.identity).is_none());
    if is_same && confirmed.records == checked.counts.total {
        return Ok(());
    }
    let message = format!(
        "the deletion was confirmed for {} at {}, and the source has {} now",
        plural(confirmed.records, "record"),
        confirmed.identity.host,
        Observed::count(checked.counts.total)
    );
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("look at what changed, and confirm again"))
}
