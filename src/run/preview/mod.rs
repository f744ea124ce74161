//! Previews what a run would do now, given the live state: the data behind `plan`, and the check before a run begins.

mod estimate;
mod stage;

use std::collections::BTreeMap;

use serde::Serialize;

use super::guard;
use super::options::{RunOptions, TRAFFIC_UNKNOWN};
use super::prepare::changes_to_adopt;
use super::stage::{
    Chosen, Held, Sampled, Selection, Sides, Weight, check_manifest, choose, facts_of, held_by,
    look, not_copied, not_taken, refuse_differences, refuse_nothing, refuse_other_dimension,
    sample_of, selections, usual_size, ways,
};
use super::world::World;
use crate::copy::{Mapping, idle_fields, idle_names};
use crate::error::Result;
use crate::journal::{Phase, Route, RunState};
use crate::model::{IndexDescription, IndexStats, Namespace, StageId};
use crate::plan::file::{EnumerateBy, HookWhen};
use crate::plan::{CopyStage, Plan, Stage, StageKind};
use crate::provider::advice::{Pace, Reading, Way as WayToGo};
use crate::provider::registry::asked_for;
use crate::store::Inventory;
use crate::traffic::TrafficView;

/// The most count requests a preview makes to split one namespace. A run makes as many as it needs.
const MOST_COUNTS: u64 = 1_000;

/// A preview of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    pub plan: String,
    pub digest: String,
    /// The phase of the run: `not started`, `running`, `done`, …
    pub state: String,
    pub source: Side,
    pub target: Side,
    pub counts: Counts,
    pub stages: Vec<PreviewStage>,
    /// The stage after which nothing can be undone.
    pub point_of_no_return: Option<StageId>,
    /// Hooks that would run, as `moment command`.
    pub hooks: Vec<String>,
    /// The namespaces that the copy stages take, stage after stage.
    pub namespaces: Vec<Mapping>,
    /// The namespaces of each copy stage.
    pub copies: Vec<PreviewCopy>,
    /// Namespaces that hold records but belong to no copy stage, with their record counts.
    pub not_copied: BTreeMap<Namespace, u64>,
    pub notes: Vec<String>,
    /// The current traffic; `None` if the plan moves none, or it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficView>,
}

/// The namespaces one copy stage takes.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewCopy {
    pub stage: StageId,
    pub namespaces: Vec<Mapping>,
    /// Records that the target already holds in the namespaces the copy would write to; `None` if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// One side of the migration.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    pub index: String,
    /// The index's description; `None` if it does not exist.
    pub description: Option<IndexDescription>,
    pub records: Option<u64>,
    /// The files of a file source, and what in them is not read.
    pub inventory: Option<Inventory>,
}

/// The numbers in the summary line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub create: u64,
    pub namespaces: u64,
    pub shifts: u64,
    pub delete: u64,
}

/// One stage of a preview.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewStage {
    pub id: StageId,
    pub kind: &'static str,
    /// `+` create, `~` change, `>` copy, `?` assert, `%` shift traffic, `-` delete, `=` done already.
    pub marker: char,
    pub what: String,
    pub details: Vec<String>,
    pub estimate: String,
    pub undo: String,
    pub status: String,
}

impl Preview {
    /// The namespaces a stage concerns: a copy stage's own, otherwise those of all copies.
    fn namespaces_of(&self, stage: &StageId) -> &[Mapping] {
        let own = self.copies.iter().find(|copy| copy.stage == *stage);
        own.map_or(&self.namespaces, |copy| &copy.namespaces)
    }

    /// Returns whether a run would change nothing.
    pub fn is_empty(&self) -> bool {
        self.counts == Counts::default() && self.stages.iter().all(|stage| stage.marker == '=')
    }
}

/// Looks at both sides and previews a run. Writes nothing.
///
/// # Errors
/// Anything that would stop a run before it begins: a missing source, a target that differs, ids that cannot all be
/// found.
pub async fn preview(
    plan: &Plan,
    world: &World,
    state: &RunState,
    options: &RunOptions,
) -> Result<Preview> {
    let seen = Seen::look(plan, world, state, options, true).await?;
    let is_retired = state.is_past_no_return();
    let Seen { source, target, stats, target_holds, selected, chosen, estimates, held, mut notes } =
        seen;
    let inventory = world.source.inventory().await?;
    notes.splice(0..0, inventory.iter().flat_map(|inventory| inventory.sentences()));
    let left = not_taken(&selected, &stats);
    notes.extend(not_copied(&left));
    if state.phase == Phase::RollingBack {
        notes.push(
            "the run is rolling back: running it goes on with that, not with the stages".into(),
        );
    }
    if state.is_open() && state.digest != plan.digest {
        notes.push(match changes_to_adopt(plan, state, false) {
            Err(refused) => format!("{}: `vecshift run` refuses it", refused.message()),
            Ok(_) => "the plan changed since the run began: `vecshift run` refuses it".to_owned(),
        });
    }
    if options.confirm.is_none() && !is_retired {
        notes.extend(confirmation(plan));
    }
    let mut preview = Preview {
        plan: plan.name.clone(),
        digest: plan.digest.clone(),
        state: state.phase.name().to_owned(),
        source: Side {
            index: plan.source.index.clone(),
            description: source,
            records: Some(stats.total).filter(|_| !is_retired),
            inventory,
        },
        target: Side {
            index: plan.target.index.clone(),
            records: target.as_ref().filter(|seen| seen.ready).map(|_| target_holds.total),
            description: target,
            inventory: None,
        },
        counts: Counts::default(),
        stages: Vec::new(),
        point_of_no_return: point_of_no_return(plan).filter(|_| !is_retired),
        hooks: hooks(plan),
        namespaces: selected.iter().flat_map(|one| one.mappings.clone()).collect(),
        copies: selected.into_iter().map(|one| PreviewCopy::of(one, &held)).collect(),
        not_copied: left,
        notes,
        traffic: None,
    };
    for (index, stage) in plan.stages.iter().enumerate() {
        let look =
            stage::Look { plan, state, preview: &preview, chosen: &chosen, estimates: &estimates };
        let stage = look.stage(index, &stage.id);
        let namespaces = preview.namespaces_of(&stage.id).len() as u64;
        preview.counts.add(&stage, plan, index, namespaces);
        preview.stages.push(stage);
    }
    Ok(preview)
}

/// Looks at both sides like [`preview`], but only for what would stop a run.
///
/// # Errors
/// Any error of [`preview`].
pub(super) async fn can_begin(
    plan: &Plan,
    world: &World,
    state: &RunState,
    options: &RunOptions,
) -> Result<()> {
    Seen::look(plan, world, state, options, false).await.map(drop)
}

/// The findings on both sides, and the chosen route of each copy.
struct Seen {
    source: Option<IndexDescription>,
    target: Option<IndexDescription>,
    stats: IndexStats,
    target_holds: IndexStats,
    selected: Vec<Selection>,
    /// Routes of copies that have yet to choose one.
    chosen: BTreeMap<StageId, Chosen>,
    /// The size and possible routes of each copy, if records were sampled.
    estimates: BTreeMap<StageId, Estimate>,
    /// Records that the target already holds in the namespaces each copy would write to.
    held: BTreeMap<StageId, Held>,
    notes: Vec<String>,
}

impl Seen {
    /// Looks at both sides. `estimates` says whether to sample records to estimate the size of each copy.
    async fn look(
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
        let source = world.source.describe().await?;
        let target = world.target.describe().await?;
        if source.is_none() && !state.is_past_no_return() {
            return Err(world.no_source(&plan.source));
        }
        let stats = match &source {
            Some(_) => world.source.stats().await?,
            None => IndexStats::default(),
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
            notes: Vec::new(),
        };
        seen.choose(plan, world, state, options, estimates).await?;
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
            || plan.copies().iter().any(|copy| copy.asked.import.is_some())
        {
            true => sample_of(plan, world, spec, &self.selected, usual_size(plan)).await?,
            false => Vec::new(),
        };
        for selection in &self.selected {
            let weight = Weight::of(plan, selection, spec, &sampled)?;
            let (stats, target) = (&self.stats, self.target.as_ref());
            let sides = Sides { source: spec, stats, target, held: &self.target_holds };
            let facts = facts_of(plan, world, selection, sides, &weight);
            let copy = &selection.copy;
            let mut enumerated = Vec::new();
            if is_open(plan, state, selection) {
                refuse_nothing(plan, selection, stats)?;
                self.notes.extend(idle(plan, selection, stats, &sampled));
                let way = choose(plan, &facts, world, Some(MOST_COUNTS)).await?;
                if !options.is_rehearsal {
                    way.reach(copy, world).await?;
                }
                check_manifest(plan, copy, &selection.mappings).await?;
                self.notes.extend(command_of_manifest(copy));
                enumerated.clone_from(&way.enumerated);
                self.chosen.insert(copy.id.clone(), way);
            }
            let chosen = self.chosen.get(&copy.id).map(|way| way.route);
            let route = chosen.or(state.route(&copy.id).map(|(route, _)| route));
            let is_written = matches!(route, Some(Route::Stream | Route::Staging));
            let is_untouched = state.stage(&copy.id).is_none_or(|stage| !stage.has_started());
            if estimates && is_written && is_untouched {
                let held = look(plan, world, selection, facts.held, &sampled).await?;
                self.held.extend(held.map(|held| (copy.id.clone(), held)));
            }
            let ways = ways(&facts, &enumerated);
            let reading = facts.reading(facts.source_pace);
            let target = facts.target_pace;
            let estimate = Estimate { weight, ways, reading, target };
            self.estimates.insert(copy.id.clone(), estimate);
        }
        Ok(())
    }
}

/// The size of one copy, and its possible routes.
struct Estimate {
    weight: Weight,
    ways: Vec<WayToGo>,
    /// The work of reading every record once.
    reading: Reading,
    /// The documented limits of the target.
    target: Pace,
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
    idle.extend(idle_fields(&copy.asked, own.map(|one| &one.record)));
    if !copy.is_only {
        idle.iter_mut().for_each(|one| *one = format!("copy `{}`: {one}", copy.id));
    }
    idle
}

/// Returns whether the route of a copy stage has yet to be chosen.
fn is_open(plan: &Plan, state: &RunState, Selection { copy, .. }: &Selection) -> bool {
    let is_passed = state.stage(&copy.id).is_some_and(|stage| stage.is_passed());
    plan.stage(&copy.id).is_some() && !is_passed && state.route(&copy.id).is_none()
}

impl PreviewCopy {
    fn of(Selection { copy, mappings }: Selection, held: &BTreeMap<StageId, Held>) -> Self {
        Self { held: held.get(&copy.id).cloned(), stage: copy.id, namespaces: mappings }
    }
}

fn check_target(
    plan: &Plan,
    asked: &crate::model::IndexSpec,
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

fn confirmation(plan: &Plan) -> Option<String> {
    let index = &plan.stages.iter().find_map(Stage::as_decommission)?.confirm;
    let is_unknown = plan.traffic.as_ref().is_some_and(|traffic| !traffic.can_read());
    Some(match is_unknown {
        false => format!("the deletion of `{index}` has to be confirmed: `--confirm {index}`"),
        true => format!(
            "the traffic driver cannot read the weight; the deletion of `{index}` has to be confirmed with the knowledge of that: `--confirm {index}{TRAFFIC_UNKNOWN}`"
        ),
    })
}

fn point_of_no_return(plan: &Plan) -> Option<StageId> {
    let mut deletes = plan.stages.iter().filter(|stage| stage.as_decommission().is_some());
    deletes.next().map(|stage| stage.id.clone())
}

fn hooks(plan: &Plan) -> Vec<String> {
    let describe = |when: &str, hook: &crate::plan::file::Hook| {
        let what = match (&hook.run, &hook.http) {
            (Some(argv), _) => argv.join(" "),
            (None, Some(call)) => {
                call.method().map(|call| call.method.to_owned()).unwrap_or_default()
            }
            (None, None) => String::new(),
        };
        format!("{when} {what}")
    };
    let own = plan.hooks.iter().map(|hook| describe(hook.when.map_or("", HookWhen::name), hook));
    let rollback = plan.stages.iter().flat_map(|stage| {
        let when = format!("rollback of {}", stage.id);
        stage.rollback.iter().map(move |hook| describe(&when, hook))
    });
    own.chain(rollback).collect()
}

impl Counts {
    fn add(&mut self, stage: &PreviewStage, plan: &Plan, index: usize, namespaces: u64) {
        if stage.marker == '=' {
            return;
        }
        match &plan.stages[index].kind {
            StageKind::Create(_) if stage.marker == '+' => self.create += 1,
            StageKind::Copy(_) => self.namespaces += namespaces,
            StageKind::Canary(canary) => self.shifts += canary.steps.len() as u64,
            StageKind::Decommission(_) => self.delete += 1,
            _ => {}
        }
    }
}
