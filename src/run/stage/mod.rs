//! The stages, one file a kind: look at the world, act on it, undo.
//!
//! Every act may be killed at any instant and is then begun again from the top: it asks the world first and the
//! journal second, and records an intent before each effect.

mod audit;
mod canary;
mod copy;
mod create;
mod decommission;
mod fields;
mod filters;
mod not_yet;
mod resource;
mod route;
mod sampling;
mod verify;
mod weight;

use async_trait::async_trait;

use super::context::Context;
use crate::assertion::Measured;
use crate::error::Result;
use crate::journal::Hold;
use crate::model::{TrafficChange, Verdict};
use crate::plan::Plan;
use crate::plan::file::StageKind;

pub(super) use audit::missing_source as audit_missing_source;
pub(super) use audit::source_spec;
pub use copy::Held;
pub(super) use copy::{
    Enumerated, Enumerator, Selection, Way, check_manifest, lists_of, look, not_copied, not_taken,
    pipeline, selections,
};
pub(super) use create::{refuse_differences, refuse_other_dimension, spec_of};
pub(super) use route::{Chosen, Facts, Sides, Way as WayToGo, choose, held_by, way_of, ways};
pub(super) use sampling::picks;
pub(crate) use verify::COLD_FIGURE;
pub(super) use weight::{Weight, sample_of, sample_size, usual_size};

/// What became of an act.
pub(super) enum Acted {
    /// The stage is done; its assertions are to be judged on this.
    Measured { target: Measured, source: Measured },
    /// The stage judged itself.
    Judged { verdict: Verdict, reason: String },
    /// The stage waits.
    Held(Hold),
}

/// Whether what a passed stage did still holds.
pub(super) enum Check {
    Holds,
    Drifted(String),
    /// Somebody moved the traffic.
    Moved(TrafficChange),
}

/// The work of a stage.
#[async_trait]
pub(super) trait Work: Send + Sync {
    /// Whether the world still is what this stage, having passed, left behind.
    async fn check(&self, context: &Context) -> Result<Check>;

    /// Does the work.
    async fn act(&self, context: &Context) -> Result<Acted>;

    /// Takes it back; idempotent. Returns what was undone and what was kept on purpose.
    async fn undo(&self, context: &Context) -> Result<String>;

    /// Whether a failed assertion of this stage undoes the run: once traffic is moved.
    fn failure_rolls_back(&self) -> bool {
        false
    }
}

/// Says once in a run what the source is made of and what of it is not read: in the audit, else when the copy begins.
async fn note_inventory(context: &Context) -> Result<()> {
    let is_audited = context.plan.file.stages.iter().any(|stage| stage.kind.name() == "audit");
    let is_begun = context
        .recorder
        .with_state(|state| state.stages.iter().any(|stage| !stage.shards.is_empty()));
    if is_audited || is_begun {
        return Ok(());
    }
    let inventory = context.world.source.inventory().await?;
    for sentence in inventory.iter().flat_map(|inventory| inventory.sentences()) {
        context.note(sentence)?;
    }
    Ok(())
}

/// The work of the plan's stage at `index`.
pub(super) fn work_of(plan: &Plan, index: usize) -> Box<dyn Work> {
    match &plan.file.stages[index].kind {
        StageKind::Audit(audit) => Box::new(audit::AuditWork(audit.clone())),
        StageKind::Create(create) => Box::new(create::CreateWork(create.clone())),
        StageKind::Copy(_) => Box::new(copy::CopyWork),
        StageKind::Verify(verify) => Box::new(verify::VerifyWork(verify.clone())),
        StageKind::Canary(canary) => Box::new(canary::CanaryWork(canary.clone())),
        StageKind::Decommission(stage) => Box::new(decommission::DecommissionWork(stage.clone())),
        StageKind::Snapshot(_) | StageKind::Sync(_) | StageKind::Run(_) => {
            Box::new(not_yet::NotYet)
        }
    }
}
