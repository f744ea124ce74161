//! The facts that decide a copy's route.

use crate::error::Result;
use crate::model::{IndexDescription, IndexSpec, IndexStats};
use crate::plan::Plan;
use crate::plan::file::Endpoint;
use crate::provider::advice::Facts;
use crate::provider::registry::{asked_for, connector};
use crate::run::World;
use crate::run::context::guard::counted;
use crate::run::price::Pricing;
use crate::run::sample::Weight;
use crate::run::selection::Selection;

/// The observed state of both sides.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a> {
    pub source: &'a IndexSpec,
    pub stats: &'a IndexStats,
    pub target: Option<&'a IndexDescription>,
    /// The target's record counts, as returned by [`held_by`].
    pub held: &'a IndexStats,
}

/// Returns the target's counts; empty if it does not exist or is not ready yet.
///
/// # Errors
/// Any error of the target.
pub(crate) async fn held_by(
    world: &World,
    target: Option<&IndexDescription>,
) -> Result<IndexStats> {
    match target {
        Some(seen) if seen.ready => counted(&*world.target).await,
        _ => Ok(IndexStats::default()),
    }
}

/// Collects the facts for one copy between these sides.
pub(crate) fn facts_of<'a>(
    plan: &'a Plan,
    world: &World,
    selection: &'a Selection,
    sides: Sides<'a>,
    weight: &Weight,
) -> Facts<'a> {
    let Sides { source, stats, target, held } = sides;
    let is_found = target.is_some();
    let target = target.map(|seen| seen.spec.clone()).or_else(|| asked_for(plan));
    let pace = |endpoint: &Endpoint, spec: Option<&IndexSpec>| {
        let connector = connector(&endpoint.provider).ok();
        connector.zip(spec).map(|(one, spec)| one.pace(endpoint, &spec.deployment))
    };
    Facts {
        copy: &selection.copy,
        mappings: &selection.mappings,
        source,
        stats,
        is_found,
        is_made: plan.create.is_some(),
        source_pace: pace(&plan.source, Some(source)).unwrap_or_default(),
        target_pace: pace(&plan.target, target.as_ref()).unwrap_or_default(),
        service_plan: plan.audit.as_ref().and_then(|audit| audit.service_plan),
        systems: (&plan.source.provider, &plan.target.provider),
        target,
        held,
        is_same_project: world.is_same_project,
        cost: Pricing::of(plan, None).estimate(&source.deployment, weight.load()),
        size: weight.size(),
    }
}
