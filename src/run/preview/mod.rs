//! What a run would do now, against the live state: data for `plan`, and the check before a run begins.

mod stage;

use serde::Serialize;

use super::options::RunOptions;
use super::stage::{
    Facts, audit_missing_source, check_manifest, choose, mappings, refuse_differences,
    refuse_other_dimension, spec_of,
};
use super::world::World;
use crate::copy::Mapping;
use crate::error::Result;
use crate::journal::{Phase, RunState};
use crate::model::{IndexDescription, IndexStats, StageId};
use crate::plan::Plan;
use crate::plan::file::{EnumerateBy, HookWhen, StageKind};

/// Counts a preview asks the source for at most to split one namespace; a run asks for as many as it takes.
const MOST_COUNTS: u64 = 1_000;

/// What a run would do.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    pub plan: String,
    pub digest: String,
    /// `not started`, `running`, `done`, …
    pub state: String,
    pub source: Side,
    pub target: Side,
    pub counts: Counts,
    pub stages: Vec<PreviewStage>,
    /// The stage after which nothing can be undone.
    pub point_of_no_return: Option<StageId>,
    /// Hooks that would run, as `moment command`.
    pub hooks: Vec<String>,
    pub namespaces: Vec<Mapping>,
    pub notes: Vec<String>,
}

/// One index of the migration.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    pub index: String,
    /// `None` where it is not there.
    pub description: Option<IndexDescription>,
    pub records: Option<u64>,
}

/// The verdict's numbers.
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
    /// `+` create, `>` copy, `?` assert, `%` shift traffic, `-` delete, `=` done already.
    pub marker: char,
    pub what: String,
    pub details: Vec<String>,
    pub estimate: String,
    pub undo: String,
    pub status: String,
}

impl Preview {
    /// Whether a run would do nothing.
    pub fn is_empty(&self) -> bool {
        self.counts == Counts::default() && self.stages.iter().all(|stage| stage.marker == '=')
    }
}

/// Looks at both sides and says what a run would do. Writes nothing anywhere.
///
/// # Errors
/// What would stop a run before it begins: no source, a target that differs, namespaces whose ids cannot all be found.
pub async fn preview(
    plan: &Plan,
    world: &World,
    state: &RunState,
    options: &RunOptions,
) -> Result<Preview> {
    world.reach().await?;
    let source = world.source.describe().await?;
    let target = world.target.describe().await?;
    let is_retired = state.is_past_no_return();
    if source.is_none() && !is_retired {
        return Err(audit_missing_source(&plan.file.source));
    }
    let stats = match &source {
        Some(_) => world.source.stats().await?,
        None => IndexStats::default(),
    };
    let namespaces = mappings(plan, &stats)?;
    let mut notes = Vec::new();
    let asked = spec_of(plan);
    if let Some(asked) = &asked {
        check_target(asked, source.as_ref(), target.as_ref())?;
    }
    let mut chosen = None;
    if let Some(source) = &source
        && has_stage(plan, "copy")
        && !is_passed(state, "copy", plan)
        && state.route().is_none()
    {
        let facts =
            Facts::of(plan, world, &source.spec, &stats, &namespaces, target.as_ref()).await?;
        let way = choose(&facts, world, Some(MOST_COUNTS)).await?;
        if !options.is_rehearsal {
            way.reach(plan, world).await?;
        }
        chosen = Some(way);
        check_manifest(plan, &namespaces).await?;
        notes.extend(command_of_manifest(plan));
    }
    if state.phase == Phase::RollingBack {
        notes.push(
            "the run is rolling back: running it goes on with that, not with the stages".into(),
        );
    }
    if state.is_open() && state.digest != plan.digest {
        notes.push(format!(
            "the plan changed since the run began with {}: `vecshift run` refuses it without `--adopt`",
            state.digest
        ));
    }
    if options.confirm.is_none() && !is_retired {
        notes.extend(confirmation(plan));
    }
    let mut preview = Preview {
        plan: plan.file.name.clone(),
        digest: plan.digest.clone(),
        state: state.phase.name().to_owned(),
        source: Side {
            index: plan.file.source.index.clone(),
            description: source,
            records: Some(stats.total).filter(|_| !is_retired),
        },
        target: side_of_target(plan, world, target).await?,
        counts: Counts::default(),
        stages: Vec::new(),
        point_of_no_return: point_of_no_return(plan).filter(|_| !is_retired),
        hooks: hooks(plan),
        namespaces,
        notes,
    };
    for (index, stage) in plan.stages.iter().enumerate() {
        let stage = stage::preview_stage(plan, state, &preview, chosen.as_ref(), index, &stage.id);
        preview.counts.add(&stage, plan, index, &preview.namespaces);
        preview.stages.push(stage);
    }
    Ok(preview)
}

async fn side_of_target(
    plan: &Plan,
    world: &World,
    description: Option<IndexDescription>,
) -> Result<Side> {
    let records = match &description {
        Some(seen) if seen.ready => Some(world.target.stats().await?.total),
        _ => None,
    };
    Ok(Side { index: plan.file.target.index.clone(), description, records })
}

fn has_stage(plan: &Plan, kind: &str) -> bool {
    plan.file.stages.iter().any(|stage| stage.kind.name() == kind)
}

fn is_passed(state: &RunState, kind: &str, plan: &Plan) -> bool {
    plan.file.stages.iter().zip(&plan.stages).any(|(stage, checked)| {
        stage.kind.name() == kind && state.stage(&checked.id).is_some_and(|stage| stage.is_passed())
    })
}

fn check_target(
    asked: &crate::model::IndexSpec,
    source: Option<&IndexDescription>,
    target: Option<&IndexDescription>,
) -> Result<()> {
    if let Some(source) = source {
        refuse_other_dimension(&source.spec, asked)?;
    }
    match target {
        Some(target) => refuse_differences(asked, &target.spec),
        None => Ok(()),
    }
}

/// A preview runs no commands.
fn command_of_manifest(plan: &Plan) -> Option<String> {
    plan.file.stages.iter().find_map(|stage| match &stage.kind {
        StageKind::Copy(copy) => match &copy.enumerate {
            EnumerateBy::Manifest(asked) => asked.manifest.exec.as_ref(),
            EnumerateBy::Named(_) => None,
        }
        .map(|argv| {
            format!("the ids are what `{}` prints: it is run when the copy begins", argv.join(" "))
        }),
        _ => None,
    })
}

fn confirmation(plan: &Plan) -> Option<String> {
    plan.file.stages.iter().find_map(|stage| match &stage.kind {
        StageKind::Decommission(stage) => Some(format!(
            "the deletion of `{}` has to be confirmed: `--confirm {}`",
            stage.confirm, stage.confirm
        )),
        _ => None,
    })
}

fn point_of_no_return(plan: &Plan) -> Option<StageId> {
    plan.file
        .stages
        .iter()
        .zip(&plan.stages)
        .find(|(stage, _)| matches!(stage.kind, StageKind::Decommission(_)))
        .map(|(_, checked)| checked.id.clone())
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
    let own =
        plan.file.hooks.iter().map(|hook| describe(hook.when.map_or("", HookWhen::name), hook));
    let rollback = plan.file.stages.iter().zip(&plan.stages).flat_map(|(stage, checked)| {
        let when = format!("rollback of {}", checked.id);
        stage.common.rollback.iter().map(move |hook| describe(&when, hook))
    });
    own.chain(rollback).collect()
}

impl Counts {
    fn add(&mut self, stage: &PreviewStage, plan: &Plan, index: usize, namespaces: &[Mapping]) {
        if stage.marker == '=' {
            return;
        }
        match &plan.file.stages[index].kind {
            StageKind::Create(_) if stage.marker == '+' => self.create += 1,
            StageKind::Copy(_) => self.namespaces += namespaces.len() as u64,
            StageKind::Canary(canary) => self.shifts += canary.steps.len() as u64,
            StageKind::Decommission(_) => self.delete += 1,
            _ => {}
        }
    }
}
