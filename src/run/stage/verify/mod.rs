//! Compares both sides: counts, ids, contents, answers and latencies.
//!
//! Each step spoils another, hence this order:
//!
//! 1. *Fresh*: wait until the target shows what was written. Reading sequence numbers touches the namespaces
//!    themselves, so those whose first query is to be timed are only counted for now.
//! 2. *Cold*: the first query of namespaces that nothing has read in this run. Writes do not count as reading.
//! 3. *Fresh* again, for those.
//! 4. *Warm*: queries to both sides at the same moments, with and without filters and sparse values.
//! 5. *Read after write*, if the plan asks for it: the only step that writes, to a namespace of its own.
//! 6. *Counts*, then every record or a sample, which reads everything.

mod cold;
mod content;
mod counts;
mod differences;
mod erased;
mod freshness;
mod groups;
mod latency;
mod queries;
mod source;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

pub(crate) use self::cold::FIGURE as COLD_FIGURE;
use self::cold::Reserved;
use self::freshness::{Freshness, Look};
use self::groups::Group;
pub(super) use self::queries::overlap_ks;
use super::{Acted, Check, Work};
use crate::assertion::Measured;
use crate::error::{Error, Result};
use crate::journal::Event;
use crate::model::Observed;
use crate::plan::CopyStage;
use crate::plan::file::Verify;
use crate::run::{Context, guard};

/// The default time limit for the target to show everything.
const CATCH_UP: Duration = Duration::from_secs(600);

pub(super) struct VerifyWork(pub Verify);

#[async_trait]
impl Work for VerifyWork {
    async fn check(&self, _: &Context) -> Result<Check> {
        Ok(Check::Holds)
    }

    async fn act(&self, context: &Context) -> Result<Acted> {
        let copies = self.copies(context)?;
        let mut groups = Group::of_run(context, &copies)?;
        erased::count_anew(context, &mut groups).await?;
        let (mut target, mut source) = (Measured::default(), Measured::default());
        let reserved = Reserved::of(context, &groups, self.0.queries.is_some());
        let (kept, others): (Vec<_>, Vec<_>) =
            groups.iter().partition(|group| reserved.has(&group.target));
        let freshness = Freshness::new(context, self.0.catch_up.map_or(CATCH_UP, |span| span.0));
        freshness.wait(context, &kept, Look::Counts).await?;
        let mut waited = freshness.wait(context, &others, Look::SequenceNumbers).await?;
        let asked = match &self.0.queries {
            Some(asked) => Some(self.load(context, &copies, &groups, asked).await?),
            None => None,
        };
        let cold = reserved.measure(context, asked.as_ref(), &mut target).await?;
        let rest = freshness.wait(context, &kept, Look::SequenceNumbers).await?;
        waited.namespaces += rest.namespaces;
        waited.by_sequence_number += rest.by_sequence_number;
        fresh(context, &freshness, waited)?;
        if let Some(load) = asked {
            self.measure_queries(context, load, cold, &mut target, &mut source).await?;
        }
        self.read_after_write(context, &mut target).await?;
        self.count(context, &groups, &mut target).await?;
        self.compare(context, &copies, &groups, &mut target).await?;
        Ok(Acted::Measured { target, source })
    }

    async fn undo(&self, context: &Context) -> Result<String> {
        if self.writes(context).is_some() {
            guard::remove_probes(context).await?;
        }
        Ok("nothing to undo".to_owned())
    }
}

impl VerifyWork {
    /// Returns the copies to compare: the one the plan names, or all that run before this stage.
    fn copies(&self, context: &Context) -> Result<Vec<CopyStage>> {
        let mut copies = context.plan.copies_before(&context.id());
        let Some(named) = &self.0.copy else { return Ok(copies) };
        copies.retain(|copy| copy.id.as_str() == named);
        match copies.is_empty() {
            true => Err(Error::invalid(format!("no copy stage `{named}` runs before this stage"))),
            false => Ok(copies),
        }
    }
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
