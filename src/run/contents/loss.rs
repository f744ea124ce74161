//! Checks before its deletion that the source can go.

use std::ops::ControlFlow;
use std::time::Duration;

use super::before_deletion;
use super::unplanned::appeared;
use crate::clock::Patience;
use crate::error::{Error, Result};
use crate::journal::{Transfer, copied};
use crate::model::{IndexStats, Namespace};
use crate::run::Context;
use crate::run::context::guard::{agreed, must_both_be_there, refuse_uncopied, short_of};
use crate::run::context::poll::Looked;

/// How long the target may take to show what was written.
const CATCH_UP: Patience =
    Patience { limit: Duration::from_secs(30), pause: Duration::from_secs(1) };

/// Returns the source's counts if deleting it would lose nothing: it holds what was copied and nothing else, and the
/// target holds that now. If the counts agree, nothing is read, unless the target may alter what it takes and no stage of the
/// plan compares contents; if they do not agree in time, everything is, to find what
/// differs or that both sides agree after all. `None`: the step of this name is to be taken again.
///
/// # Errors
/// `Refused`, naming the namespaces.
pub(in crate::run) async fn refuse_loss(
    context: &Context,
    has_snapshot: bool,
    step: &str,
) -> Result<Option<IndexStats>> {
    // Counting a missing index would spend minutes on retries.
    must_both_be_there(context).await?;
    let source = agreed(&context.clock, &*context.world.source).await?;
    refuse_uncopied(context, &source, has_snapshot)?;
    if context.plan.verifies.is_empty() && context.world.target.must_write()?.may_alter() {
        // Counts say nothing of what became of the records, and nobody else has looked.
        before_deletion(context).await?.refuse_differing()?;
        return Ok(Some(source));
    }
    let look = async {
        Ok::<_, Error>(match counts_agree(context, &source).await? {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    };
    match context.look_once(step, CATCH_UP, look).await? {
        Looked::Seen(()) => {}
        Looked::Again => return Ok(None),
        Looked::Late(()) => drop(before_deletion(context).await?),
    }
    Ok(Some(source))
}

/// Returns whether both sides count what was copied and no other namespace has appeared.
async fn counts_agree(context: &Context, source: &IndexStats) -> Result<bool> {
    let copied = copied(&context.state);
    let is_as_copied = |(name, transfers): (&Namespace, &Vec<Transfer>)| {
        transfers.iter().all(|transfer| transfer.records() == source.count(name))
    };
    let target = agreed(&context.clock, &*context.world.target).await?;
    Ok(copied.iter().all(is_as_copied)
        && appeared(context, source)?.is_empty()
        && (context.asks("target.missing") || short_of(context, &target).is_empty()))
}
