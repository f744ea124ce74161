//! The stages, one file for each kind: check the world, act, undo.
//!
//! Any act may be killed at any moment and is then started over: it looks at the world first and the journal second,
//! and records an intent before each effect.

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
use crate::plan::{Plan, StageKind};

pub use copy::Held;
pub(super) use copy::{
    Enumerated, Enumerator, Selection, check_manifest, kept_by, lists_of, look, not_copied,
    not_taken, pipeline, refuse_nothing, selections,
};
pub(super) use create::{refuse_differences, refuse_other_dimension};
pub(super) use route::{Chosen, Sides, choose, facts_of, held_by, way_of, ways};
pub(super) use sampling::{Sampled, picks};
pub(crate) use verify::COLD_FIGURE;
pub(super) use weight::{Weight, sample_of, sample_size, usual_size};

/// The result of an act.
pub(super) enum Acted {
    /// The stage is done; its assertions are to be judged on these measurements.
    Measured { target: Measured, source: Measured },
    /// The stage has judged itself.
    Judged { verdict: Verdict, reason: String },
    /// The stage is waiting.
    Held(Hold),
}

/// Whether the effects of a passed stage still hold.
pub(super) enum Check {
    Holds,
    Drifted(String),
    /// Somebody else moved the traffic.
    Moved(TrafficChange),
}

/// The work of a stage.
#[async_trait]
pub(super) trait Work: Send + Sync {
    /// Checks that the world is still as this stage left it when it passed.
    async fn check(&self, context: &Context) -> Result<Check>;

    /// Performs the stage.
    async fn act(&self, context: &Context) -> Result<Acted>;

    /// Undoes the stage; idempotent. Returns what was undone and what was kept on purpose.
    async fn undo(&self, context: &Context) -> Result<String>;

    /// Returns whether a failed assertion rolls the run back, as it does once traffic has moved.
    fn failure_rolls_back(&self) -> bool {
        false
    }
}

/// Notes once per run which files the source consists of and what in them is not read, in the audit or when the copy
/// begins.
async fn note_inventory(context: &Context) -> Result<()> {
    let is_audited = context.plan.audit().is_some();
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

/// Returns the work of the plan's stage at `index`.
pub(super) fn work_of(plan: &Plan, index: usize) -> Box<dyn Work> {
    match &plan.stages[index].kind {
        StageKind::Audit(audit) => Box::new(audit::AuditWork(audit.clone())),
        StageKind::Create(create) => Box::new(create::CreateWork(create.clone())),
        StageKind::Copy(copy) => Box::new(copy::CopyWork(copy.clone())),
        StageKind::Verify(verify) => Box::new(verify::VerifyWork(verify.clone())),
        StageKind::Canary(canary) => Box::new(canary::CanaryWork(canary.clone())),
        StageKind::Decommission(stage) => Box::new(decommission::DecommissionWork(stage.clone())),
        StageKind::NotYet(_) => Box::new(not_yet::NotYet),
    }
}
