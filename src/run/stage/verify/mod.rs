//! Compares both sides: counts, ids, contents, answers and latencies.
//!
//! [`next`] has the order of the steps, which spoil each other. Writes do not count as reading: namespaces are cold until
//! something has read from them. Reading sequence numbers touches the namespaces themselves.

mod cold;
mod content;
mod counts;
mod differences;
mod erased;
mod freshness;
mod groups;
mod latency;
mod next;
mod queries;
mod source;

use std::collections::BTreeMap;
use std::time::Duration;

use self::cold::Reserved;
use self::content::compare;
use self::counts::count;
use self::freshness::{Freshness, Look};
use self::groups::Group;
use self::latency::{remove_written, write_and_read};
pub use self::next::Step;
pub(super) use self::next::next;
use self::next::writes;
use self::queries::Load;
use crate::error::Result;
use crate::journal::Event;
use crate::model::Observed;
use crate::plan::file::Verify;
use crate::run::Context;
use crate::run::context::guard;
use crate::run::taken::Taken;
use crate::store::Reader;

/// The default time limit for the target to show everything.
const CATCH_UP: Duration = Duration::from_secs(600);

pub(super) async fn undo(asked: &Verify, context: &Context) -> Result<String> {
    if writes(asked, context.stage()).is_some() {
        guard::remove_probes(context).await?;
    }
    Ok("nothing to undo".to_owned())
}

pub(super) async fn take(step: Step, asked: &Verify, context: &Context) -> Result<Taken> {
    let copies = &context.stage().copies;
    let mut groups = Group::of_run(context, copies)?;
    erased::count_anew(context, &mut groups).await?;
    let limit = asked.catch_up.map_or(CATCH_UP, |span| span.0);
    // A comparison reads by id.
    let readers: &[Reader] = match asked.queries {
        Some(_) => &[Reader::Get, Reader::Search],
        None => &[Reader::Get],
    };
    match step {
        Step::SeeCounts | Step::SeeOthers => {
            let reserved = Reserved::of(context, &groups, asked.queries.is_some());
            let (kept, others): (Vec<_>, Vec<_>) =
                groups.iter().partition(|group| reserved.has(&group.target));
            let freshness = Freshness::of(context, step, limit)?;
            let seen = match step {
                Step::SeeCounts => freshness.see(context, &kept, Look::Counts).await?,
                _ => freshness.see(context, &others, Look::LastWrites(readers)).await?,
            };
            return Ok(seen.into());
        }
        Step::Cold => {
            let reserved = Reserved::of(context, &groups, asked.queries.is_some());
            let load = match &asked.queries {
                Some(queries) => Some(Load::of(context, copies, &groups, queries).await?),
                None => None,
            };
            reserved.measure(context, load.as_ref()).await?;
        }
        Step::SeeAll => {
            let freshness = Freshness::of(context, step, limit)?;
            let all: Vec<&Group> = groups.iter().collect();
            match freshness.see(context, &all, Look::LastWrites(readers)).await? {
                Some(waited) => fresh(context, &freshness, waited)?,
                None => return Ok(Taken::Again),
            }
        }
        Step::Queries => {
            if let Some(queries) = &asked.queries {
                Load::of(context, copies, &groups, queries).await?.measure(context).await?;
            }
        }
        Step::Write(number) => return write_and_read(context, number, &step.name()).await,
        Step::RemoveWritten => return remove_written(context, &step.name()).await,
        Step::Counts => count(context, &groups).await?,
        Step::Compare => compare(asked, context, copies, &groups).await?,
    }
    Ok(Taken::Done)
}

/// Notes how the target was found to show everything.
fn fresh(context: &Context, freshness: &Freshness, waited: freshness::Waited) -> Result<()> {
    let seconds = freshness.elapsed(context).as_secs_f64();
    let figures = BTreeMap::from([
        ("catch_up_seconds".to_owned(), seconds),
        ("fresh_by_sequence_number".to_owned(), waited.by_sequence_number as f64),
    ]);
    context.record(Event::Measured { stage: context.id(), figures })?;
    let by_counts = waited.namespaces - waited.by_sequence_number;
    if by_counts > 0 {
        context.note(format!(
            "the target gave no sequence number for {} of {} namespaces: whether every write shows was judged by their counts",
            Observed::count(by_counts),
            Observed::count(waited.namespaces)
        ))?;
    }
    Ok(())
}
