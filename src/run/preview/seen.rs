//! What a preview looks at: both sides, and the route that each copy would choose.

use std::collections::BTreeMap;

use crate::copy::{idle_fields, idle_names};
use crate::error::Result;
use crate::journal::{Phase, Route, RunState};
use crate::model::{IndexDescription, IndexSpec, IndexStats, StageId};
use crate::plan::file::EnumerateBy;
use crate::plan::{CopyStage, Plan, Stage, StageKind};
use crate::provider::advice::{Candidate, Pace, Reading};
use crate::provider::registry::asked_for;
use crate::run::context::guard;
use crate::run::context::options::RunOptions;
use crate::run::context::world::World;
use crate::run::line::manifest::check_manifest;
use crate::run::route::{Chosen, Sides, candidates, choose, facts_of, held_by};
use crate::run::sample::{Sampled, Weight, sample_of, usual_size};
use crate::run::selection::{Selection, refuse_nothing, selections};
use crate::run::sides::{refuse_differences, refuse_other_dimension, refuse_unfit};
use crate::run::stage::{Held, look};
use crate::store::{Inventory, Obstacle};

/// The most count requests a preview makes to split one namespace. A run makes as many as it needs.
const MOST_COUNTS: u64 = 1_000;

/// The findings on both sides, and the chosen route of each copy.
pub(super) struct Seen {
    pub source: Option<IndexDescription>,
    pub target: Option<IndexDescription>,
    pub stats: IndexStats,
    pub target_holds: IndexStats,
    pub selected: Vec<Selection>,
    /// Routes of copies that have yet to choose one.
    pub chosen: BTreeMap<StageId, Chosen>,
    /// The size and possible routes of each copy, if records were sampled.
    pub estimates: BTreeMap<StageId, Estimate>,
    /// Records that the target already holds in the namespaces each copy would write to.
    pub held: BTreeMap<StageId, Held>,
    /// What was seen of the source without reading a record, where it is there.
    pub inventory: Option<Inventory>,
    pub notes: Vec<String>,
}

impl Seen {
    /// Looks at both sides. `estimates` says whether to sample records to estimate the size of each copy.
    pub async fn look(
        plan: &Plan,
        world: &World,
        state: &RunState,
        options: &RunOptions,
        estimates: bool,
    ) -> Result<Self> {
        world.reach().await?;
        if state.is_open() {
            guard::refuse_others(world, &state.identities).await?;
        }
        guard::refuse_shared_storage(plan, world).await?;
        let source = world.source.describe().await?;
        let target = world.target.describe().await?;
        if source.is_none() && !state.is_past_no_return() {
            return Err(world.no_source(&plan.source));
        }
        let (stats, inventory) = match &source {
            Some(_) => (world.source.stats().await?, world.source.inventory().await?),
            None => Default::default(),
        };
        let selected = selections(plan, &stats)?;
        if let Some(asked) = &asked_for(plan) {
            check_target(plan, asked, source.as_ref(), target.as_ref())?;
        }
        let mut seen = Self {
            target_holds: held_by(world, target.as_ref()).await?,
            source,
            target,
            stats,
            selected,
            chosen: BTreeMap::new(),
            estimates: BTreeMap::new(),
            held: BTreeMap::new(),
            inventory,
            notes: Vec::new(),
        };
        if seen.selected.iter().any(|selection| is_open(plan, state, selection)) {
            if !is_asserted(plan, "source.obstacles") {
                let of_source = seen.inventory.iter().flat_map(|inventory| &inventory.obstacles);
                Obstacle::refuse(&of_source.cloned().collect::<Vec<_>>())?;
            }
            let planned = asked_for(plan);
            let found = world.target.must_write()?.inventory(planned.as_ref()).await?;
            Obstacle::refuse(&found.obstacles)?;
            let remarks = found.sentences().into_iter();
            seen.notes.extend(remarks.map(|sentence| format!("target: {sentence}")));
        }
        seen.choose(plan, world, state, options, estimates).await?;
        seen.notes.extend(kept(plan, world, state, options).await?);
        Ok(seen)
    }

    /// Chooses a route for each copy.
    async fn choose(
        &mut self,
        plan: &Plan,
        world: &World,
        state: &RunState,
        options: &RunOptions,
        estimates: bool,
    ) -> Result<()> {
        let Some(IndexDescription { spec, .. }) = &self.source else { return Ok(()) };
        let is_over = state.phase == Phase::Done;
        let sampled = match (estimates && !is_over)
            || plan.copies.iter().any(|copy| copy.asked.import.is_some())
        {
            true => sample_of(plan, world, spec, &self.selected, usual_size(plan)).await?,
            false => Vec::new(),
        };
        for selection in &self.selected {
            let (stats, target) = (&self.stats, self.target.as_ref());
            let ends = (spec, target.map(|seen| &seen.spec));
            if is_open(plan, state, selection) {
                refuse_unfit(plan, &selection.copy, ends.0, ends.1)?;
            }
            let weight = Weight::of(plan, selection, ends, &sampled)?;
            let sides = Sides { source: spec, stats, target, held: &self.target_holds };
            let facts = facts_of(plan, world, selection, sides, &weight);
            let copy = &selection.copy;
            let mut enumerated = Vec::new();
            if is_open(plan, state, selection) {
                refuse_nothing(plan, selection, stats)?;
                self.notes.extend(idle(plan, selection, stats, &sampled));
                let chosen = choose(plan, &facts, world, Some(MOST_COUNTS)).await?;
                if !options.is_rehearsal {
                    chosen.reach(copy, world).await?;
                }
                check_manifest(plan, copy, &selection.mappings).await?;
                self.notes.extend(command_of_manifest(copy));
                enumerated.clone_from(&chosen.enumerated);
                self.chosen.insert(copy.id.clone(), chosen);
            }
            let chosen = self.chosen.get(&copy.id).map(|chosen| chosen.route);
            let route = chosen.or(state.route(&copy.id).map(|(route, _)| route));
            let is_written = matches!(route, Some(Route::Stream | Route::Staging));
            let is_untouched = state.stage(&copy.id).is_none_or(|stage| !stage.has_started());
            if estimates && is_written && is_untouched {
                let held = look(plan, world, selection, facts.held, &sampled).await?;
                self.held.extend(held.map(|held| (copy.id.clone(), held)));
            }
            let candidates = candidates(&facts, &enumerated);
            let reading = facts.reading(facts.source_pace);
            let target = facts.target_pace;
            let estimate = Estimate { weight, candidates, reading, target };
            self.estimates.insert(copy.id.clone(), estimate);
        }
        Ok(())
    }
}

/// The size of one copy, and its possible routes.
pub(super) struct Estimate {
    pub weight: Weight,
    pub candidates: Vec<Candidate>,
    /// The work of reading every record once.
    pub reading: Reading,
    /// The documented limits of the target.
    pub target: Pace,
}

/// Says what would keep the source from being deleted in the end.
async fn kept(
    plan: &Plan,
    world: &World,
    state: &RunState,
    options: &RunOptions,
) -> Result<Vec<String>> {
    let is_retired = |one: &&Stage| matches!(one.kind, StageKind::Decommission(_));
    let Some(stage) = plan.stages.iter().find(is_retired) else { return Ok(Vec::new()) };
    if state.stage(&stage.id).is_some_and(|stage| stage.is_passed()) {
        return Ok(Vec::new());
    }
    let id = &stage.id;
    let moved = guard::alias_to_move(plan, state, options.is_rehearsal);
    let obstacles = guard::obstacles(world, moved.map(|moved| moved.alias)).await?;
    let alias = moved.map(|moved| {
        format!(
            "`{id}` assumes that `{}` stands for the target by then, which is up to `{}`; while it stands for the source, nothing is deleted",
            moved.alias, moved.by
        )
    });
    let refusals = obstacles.iter().map(|one| format!("`{id}` would refuse: {}", one.message()));
    Ok(refusals.chain(alias).collect())
}

/// Lists what a copy stage names and what was not found.
fn idle(
    plan: &Plan,
    Selection { copy, mappings }: &Selection,
    stats: &IndexStats,
    sampled: &[Sampled],
) -> Vec<String> {
    let own = sampled.iter().filter(|one| mappings.contains(&one.mapping));
    let mut idle = idle_names(plan, &copy.asked, stats);
    idle.extend(idle_fields(copy, own.map(|one| &one.record)));
    if !copy.is_only {
        idle.iter_mut().for_each(|one| *one = format!("copy `{}`: {one}", copy.id));
    }
    idle
}

/// Returns whether the plan's audit has a word of its own about a metric.
fn is_asserted(plan: &Plan, metric: &str) -> bool {
    let mut audits = plan.stages.iter().filter(|one| matches!(one.kind, StageKind::Audit(_)));
    audits.any(|audit| audit.assertions.iter().any(|one| one.metric.name == metric))
}

/// Returns whether the route of a copy stage has yet to be chosen.
fn is_open(plan: &Plan, state: &RunState, Selection { copy, .. }: &Selection) -> bool {
    let is_passed = state.stage(&copy.id).is_some_and(|stage| stage.is_passed());
    plan.stage(&copy.id).is_some() && !is_passed && state.route(&copy.id).is_none()
}

fn check_target(
    plan: &Plan,
    asked: &IndexSpec,
    source: Option<&IndexDescription>,
    target: Option<&IndexDescription>,
) -> Result<()> {
    if let Some(source) = source {
        refuse_other_dimension(&source.spec, asked)?;
    }
    match target {
        Some(target) => refuse_differences(plan, asked, &target.spec),
        None => Ok(()),
    }
}

/// Notes the command that prints the ids of a copy, which a preview does not run.
fn command_of_manifest(copy: &CopyStage) -> Option<String> {
    let EnumerateBy::Manifest(asked) = &copy.asked.enumerate else { return None };
    let argv = asked.manifest.exec.as_ref()?.join(" ");
    Some(format!("the ids are what `{argv}` prints: it is run when the copy begins"))
}
