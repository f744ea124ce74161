//! Previews what a run would do now, given the live state: the data behind `plan`, and the check before a run begins.

mod estimate;
mod look;
mod model;
mod seen;
mod stage;

pub use model::{Preview, PreviewCopy, PreviewStage};

use self::look::Look;
use self::model::{Counts, Side};
use self::seen::Seen;
use super::context::options::{RunOptions, TRAFFIC_UNKNOWN};
use super::context::world::World;
use super::prepare::changes_to_adopt;
use super::sample::unsaid_filters;
use super::selection::{not_copied, not_taken};
use crate::error::Result;
use crate::journal::{Phase, RunState};
use crate::model::StageId;
use crate::plan::Plan;
use crate::plan::file::{Endpoint, HookWhen};
use crate::provider::registry::connector;
use crate::store::Inventory;

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
    let Seen { source, target, stats, target_holds, selected, inventory, .. } = seen;
    let Seen { chosen, estimates, held, notes: seen, .. } = seen;
    let mut notes: Vec<String> = inventory.iter().flat_map(Inventory::sentences).collect();
    notes.extend(seen);
    notes.extend(remarks(plan));
    notes.extend(unsaid_filters(&*world.source, &*world.target, &selected));
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
        let look = Look { plan, state, preview: &preview, chosen: &chosen, estimates: &estimates };
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

/// Notes what the plan says of how each side may be asked.
fn remarks(plan: &Plan) -> Vec<String> {
    let sides = [("source", &plan.source), ("target", &plan.target)];
    let remark = |(side, endpoint): (&str, &Endpoint)| {
        let remark = connector(&endpoint.provider).ok()?.remark(endpoint)?;
        Some(format!("{side}: {remark}"))
    };
    sides.into_iter().filter_map(remark).collect()
}

fn confirmation(plan: &Plan) -> Option<String> {
    point_of_no_return(plan)?;
    let index = &plan.source.index;
    let is_unknown = plan.traffic.as_ref().is_some_and(|traffic| !traffic.can_read());
    Some(match is_unknown {
        false => format!("the deletion of `{index}` has to be confirmed: `--confirm {index}`"),
        true => format!(
            "the traffic driver cannot read the weight; the deletion of `{index}` has to be confirmed with the knowledge of that: `--confirm {index}{TRAFFIC_UNKNOWN}`"
        ),
    })
}

fn point_of_no_return(plan: &Plan) -> Option<StageId> {
    let mut deletes = plan.stages.iter().filter(|stage| stage.deletes_source());
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
