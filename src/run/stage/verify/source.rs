//! Checks that the source is still what was copied.

use std::collections::BTreeMap;

use crate::assertion::Measured;
use crate::error::Result;
use crate::journal::{Event, copied};
use crate::model::{Contents, Namespace, StageId};
use crate::plan::file::{Compare, Verify};
use crate::run::Context;
use crate::run::contents::{Depth, Look};

/// Measures `source.changed`, using what a full comparison has read, or by reading the source if the plan asks for
/// it.
pub(super) async fn source_changed(
    asked: &Verify,
    context: &Context,
    read: BTreeMap<(Namespace, StageId), Contents>,
    target: &mut Measured,
) -> Result<()> {
    let is_whole = asked.compare == Compare::All;
    if !is_whole && !context.asks("source.changed") {
        return Ok(());
    }
    let read = if is_whole { once(read) } else { BTreeMap::new() };
    keep(context, &read)?;
    let found = Look::of(context, Depth::Source).await?.having_read(read).take().await?;
    for sentence in found.sentences() {
        context.note(sentence)?;
    }
    found.measure_source(target);
    Ok(())
}

/// Returns what was read of each namespace, leaving out those that were read differently for different copies.
fn once(read: BTreeMap<(Namespace, StageId), Contents>) -> BTreeMap<Namespace, Contents> {
    let mut all: BTreeMap<Namespace, Option<Contents>> = BTreeMap::new();
    for ((namespace, _), contents) in read {
        let known = all.entry(namespace).or_insert(Some(contents));
        *known = known.filter(|known| *known == contents);
    }
    all.into_iter().filter_map(|(namespace, contents)| Some((namespace, contents?))).collect()
}

/// Records the contents of namespaces that no copy has kept, so that they can be compared with these from now on.
fn keep(context: &Context, read: &BTreeMap<Namespace, Contents>) -> Result<()> {
    let copied = copied(&context.state);
    for (source, contents) in read {
        let transfers = copied.get(source).into_iter().flatten();
        let is_unknown = transfers.clone().any(|transfer| !transfer.is_kept());
        if is_unknown {
            let (stage, source, contents) = (context.id(), source.clone(), Some(*contents));
            context.record(Event::ContentsRead { stage, source, contents })?;
        }
    }
    Ok(())
}
