//! Retires the source: snapshot, last checks, confirmation, deletion. The point of no return.
//!
//! What is looked at counts until the deletion or the next wait, whichever comes first: nothing that was looked at before
//! a pause is believed after it.

mod next;

pub use self::next::Step;
pub(super) use self::next::next;
use super::check::Check;
use crate::assertion::Measured;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{IndexStats, Observed, Side, Verdict};
use crate::plan::file::Decommission;
use crate::run::Context;
use crate::run::contents::{self, Found};
use crate::run::context::guard::{self, Checked, Restored};
use crate::run::snapshot::{self, Snapshot};
use crate::run::taken::Taken;

pub(super) async fn check(context: &Context) -> Result<Check> {
    Ok(match context.world.source.describe().await? {
        None => Check::Holds,
        Some(_) => {
            Check::Drifted(format!("the index `{}` is there again", context.plan.source.index))
        }
    })
}

/// Undoes what can be; `None`: it does not show yet.
pub(super) async fn undo(context: &Context, step: &str) -> Result<Option<String>> {
    if context.stage_state()?.delete_intended {
        let message = "the source was deleted; its snapshot is what is left";
        return Err(Error::new(ErrorKind::Refused, message));
    }
    Ok(match guard::put_back(context, Some(&context.id()), Some(step)).await? {
        Restored::Done => Some("the source is protected again".to_owned()),
        Restored::Unchanged => Some("the source is untouched".to_owned()),
        Restored::NotYet => None,
    })
}

pub(super) async fn take(step: Step, asked: &Decommission, context: &Context) -> Result<Taken> {
    match step {
        Step::Settle => settle(asked, context).await?,
        Step::Count => {
            guard::refuse_obstacles(context).await?;
            note_alias(context)?;
            let has_snapshot = asked.snapshot.is_some();
            match contents::refuse_loss(context, has_snapshot, step.name()).await? {
                Some(counts) => checked(context, counts)?,
                None => return Ok(Taken::Again),
            }
        }
        Step::Confirm => guard::confirm(context, &counts(context)?).await?,
        Step::Snapshot => take_snapshot(asked, context).await?,
        Step::Look => {
            let found = look(asked, context).await?;
            for sentence in found.sentences() {
                context.note(sentence)?;
            }
            context.observed(Side::Target, &measured(asked, &found))?;
            checked(context, found.counts)?;
        }
        Step::Lift => {
            let is_lifted = guard::lift_source(context, asked.lift_protection, step.name()).await?;
            return Ok(is_lifted.into());
        }
        Step::LookAgain => {
            let found = look(asked, context).await?;
            checked(context, found.counts)?;
        }
        Step::Delete => {
            let confirmed = context.stage_state()?.confirmed.clone();
            let confirmed = confirmed.ok_or_else(|| Error::unexpected("nobody confirmed it"))?;
            let (counts, has_snapshot) = (counts(context)?, asked.snapshot.is_some());
            guard::delete_source(context, Checked { counts, confirmed, has_snapshot }).await?;
        }
        Step::SeeGone => return Ok(guard::see_gone(context, step.name()).await?.into()),
    }
    Ok(Taken::Done)
}

/// Says what a rehearsal has not seen.
fn note_alias(context: &Context) -> Result<()> {
    match guard::alias_of(context) {
        Some(alias) => context.note(format!(
            "`{alias}` is taken for moved: a rehearsal leaves it where it is, and a run deletes nothing while it stands for the source"
        )),
        None => Ok(()),
    }
}

async fn settle(asked: &Decommission, context: &Context) -> Result<()> {
    if guard::settle(context).await? {
        let (stage, verdict) = (context.id(), Verdict::Pass);
        return context.record(Event::StageJudged { stage, verdict, reason: String::new() });
    }
    let index = &context.plan.source.index;
    if &asked.confirm != index {
        let message = format!("`confirm` must repeat the source's name, `{index}`");
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    Ok(())
}

/// Records the source's own counts, which hold until it is deleted.
fn checked(context: &Context, IndexStats { namespaces, total, .. }: IndexStats) -> Result<()> {
    context.record(Event::SourceChecked { stage: context.id(), namespaces, total })
}

fn counts(context: &Context) -> Result<IndexStats> {
    let checked = context.stage_state()?.checked.clone();
    checked.ok_or_else(|| Error::unexpected("the source was not looked at"))
}

/// Writes every record of the source to files.
async fn take_snapshot(asked: &Decommission, context: &Context) -> Result<()> {
    let Some(to) = &asked.snapshot else { return Ok(()) };
    let folder = snapshot::last_folder(context, to);
    let snapshot = snapshot::take(context, Side::Source, folder).await?;
    context.wrote("snapshot", snapshot.folder.clone(), snapshot.records).await?;
    let mut measured = Measured::default();
    snapshot.measure(&mut measured);
    context.observed(Side::Target, &measured)
}

/// Looks at both sides, and checks that the snapshot holds what the source does.
async fn look(asked: &Decommission, context: &Context) -> Result<Found> {
    let found = contents::before_deletion(context).await?;
    if let Some(to) = &asked.snapshot {
        let snapshot = Snapshot::taken(snapshot::last_folder(context, to)).await?;
        snapshot.refuse_other(&found.read)?;
    }
    Ok(found)
}

fn measured(asked: &Decommission, found: &Found) -> Measured {
    let mut measured = Measured::default();
    measured.set_not_measured(
        "source.reads",
        "neither a gateway nor the provider's metrics endpoint is configured",
    );
    if asked.snapshot.is_none() {
        let why = "the plan asks for no snapshot";
        measured
            .set_not_measured("snapshot.records", why)
            .set_not_measured("snapshot.complete", why);
    }
    measured.set("source.records", Observed::count(found.records()), 1);
    found.measure_source(&mut measured);
    found.measure_target(&mut measured);
    measured
}
