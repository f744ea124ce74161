//! Retires the source: snapshot, last checks, confirmation, deletion. The point of no return.

use async_trait::async_trait;

use super::{Acted, Check, Work};
use crate::assertion::Measured;
use crate::clock::{Timestamp, after};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Hold, StageStatus};
use crate::model::{Observed, Verdict};
use crate::plan::file::Decommission;
use crate::run::Context;
use crate::run::contents::{self, Found};
use crate::run::guard::{self, Checked};
use crate::run::snapshot::{self, Snapshot};

pub(super) struct DecommissionWork(pub Decommission);

#[async_trait]
impl Work for DecommissionWork {
    async fn check(&self, context: &Context) -> Result<Check> {
        Ok(match context.world.source.describe().await? {
            None => Check::Holds,
            Some(_) => {
                Check::Drifted(format!("the index `{}` is there again", context.plan.source.index))
            }
        })
    }

    async fn act(&self, context: &Context) -> Result<Acted> {
        if guard::settle(context).await? {
            return Ok(Acted::Judged { verdict: Verdict::Pass, reason: String::new() });
        }
        if let Some(hold) = self.must_wait(context)? {
            return Ok(Acted::Held(hold));
        }
        let has_snapshot = self.0.snapshot.is_some();
        let counts = guard::refuse_loss(context, has_snapshot).await?;
        let confirmed = match guard::confirm(context, &counts).await? {
            Ok(confirmed) => confirmed,
            Err(hold) => return Ok(Acted::Held(hold)),
        };
        let mut measured = Measured::default();
        measured.set_not_measured(
            "source.reads",
            "neither a gateway nor the provider's metrics endpoint is configured",
        );
        let snapshot = self.snapshot(context, &mut measured).await?;
        let found = look(context, snapshot.as_ref()).await?;
        for sentence in found.sentences() {
            context.note(sentence)?;
        }
        measured.set("source.records", Observed::count(found.records()), 1);
        found.measure_source(&mut measured);
        found.measure_target(&mut measured);
        let judged = context.judge(&measured, &Measured::default())?;
        if judged.verdict == Verdict::Pass {
            let mut counts = found.counts;
            if guard::lift_source(context, self.0.lift_protection).await? {
                // Lifting the protection took time, so look again.
                counts = look(context, snapshot.as_ref()).await?.counts;
            }
            let checked = Checked { counts, confirmed, has_snapshot };
            guard::delete_source(context, checked).await?;
        }
        Ok(Acted::Judged { verdict: judged.verdict, reason: judged.reason })
    }

    async fn undo(&self, context: &Context) -> Result<String> {
        if context.state()?.delete_intended {
            let message = "the source was deleted; its snapshot is what is left";
            return Err(Error::new(ErrorKind::Refused, message));
        }
        Ok(match guard::put_back(context, Some(&context.id())).await? {
            true => "the source is protected again".to_owned(),
            false => "the source is untouched".to_owned(),
        })
    }
}

impl DecommissionWork {
    fn must_wait(&self, context: &Context) -> Result<Option<Hold>> {
        let index = &context.plan.source.index;
        if &self.0.confirm != index {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("`confirm` must repeat the source's name, `{index}`"),
            ));
        }
        if let Some(wait) = self.0.after {
            let end = after(full_traffic_since(context), wait.0);
            if context.clock.now() < end {
                return Ok(Some(Hold::Time { until: end }));
            }
        }
        Ok(None)
    }

    /// Writes every record of the source to files, if the plan asks for it.
    async fn snapshot(
        &self,
        context: &Context,
        measured: &mut Measured,
    ) -> Result<Option<Snapshot>> {
        let Some(to) = &self.0.snapshot else {
            let why = "the plan asks for no snapshot";
            measured
                .set_not_measured("snapshot.records", why)
                .set_not_measured("snapshot.complete", why);
            return Ok(None);
        };
        let snapshot = snapshot::take(context, &context.output_path(to)).await?;
        context.wrote("snapshot", snapshot.folder.clone(), snapshot.records)?;
        measured.set("snapshot.records", Observed::count(snapshot.records), 1).set(
            "snapshot.complete",
            Observed::Bool(true),
            snapshot.records,
        );
        Ok(Some(snapshot))
    }
}

/// Looks at both sides, and checks that the snapshot holds what the source does.
async fn look(context: &Context, snapshot: Option<&Snapshot>) -> Result<Found> {
    let found = contents::before_deletion(context).await?;
    if let Some(snapshot) = snapshot {
        snapshot.refuse_other(&found.read)?;
    }
    Ok(found)
}

/// Returns when the weight was set to 100 %, or without a canary, when the previous stage ended.
fn full_traffic_since(context: &Context) -> Timestamp {
    let now = context.clock.now();
    context.recorder.with_state(|state| {
        let full = state.stages.iter().filter(|stage| !stage.steps_passed.is_empty());
        let set = full.filter_map(|stage| stage.weight_set_at).max();
        let ended = state
            .stages
            .iter()
            .filter(|stage| stage.status == StageStatus::Passed)
            .filter_map(|stage| stage.ended)
            .max();
        set.or(ended).unwrap_or(now)
    })
}
