//! Checks of the order of stages.

use super::super::codes;
use super::super::file::StageKind;
use super::context::Context;
use crate::model::Side;

pub(super) fn check(context: &mut Context<'_>) {
    let stages: Vec<_> =
        context.stages().map(|(pointer, stage)| (pointer, stage.kind.name())).collect();
    let position = |kind: &str| stages.iter().position(|(_, name)| *name == kind);
    let last_copy = stages.iter().rposition(|(_, name)| *name == "copy");
    for (before, after, why) in [
        ("create", "copy", "records would be copied into an index that is not there"),
        ("create", "verify", "there would be nothing to compare with"),
        ("create", "canary", "traffic would move to an index that is not there"),
        ("copy", "verify", "there would be nothing to compare yet"),
        ("copy", "canary", "traffic would move to an index without its records"),
    ] {
        let first = match (before, after) {
            // All of them are needed; a `verify` may stand between two copies.
            ("copy", "canary") => last_copy,
            _ => position(before),
        };
        let (Some(first), Some(second)) = (first, position(after)) else { continue };
        if second < first {
            let message = format!("`{after}` comes before `{before}`: {why}");
            let other = context.region(&format!("{}/kind", stages[first].0));
            context.report_with(
                &codes::STAGE_ORDER,
                &format!("{}/kind", stages[second].0),
                message,
                |d| d.related(other, format!("`{before}` is only here")),
            );
        }
    }
    last(context);
    snapshots(context, &stages);
    single(context, &stages);
}

/// Refuses a stage that needs the source after the one that deletes it.
fn last(context: &mut Context<'_>) {
    let needs_source = |kind: &StageKind| match kind {
        StageKind::Copy(_)
        | StageKind::Verify(_)
        | StageKind::Canary(_)
        | StageKind::Create(_)
        | StageKind::Sync(_) => true,
        StageKind::Snapshot(snapshot) => snapshot.side() == Side::Source,
        StageKind::Audit(_) | StageKind::Decommission(_) | StageKind::Run(_) => false,
    };
    let mut deleted = None;
    let mut late = Vec::new();
    for (pointer, stage) in context.stages() {
        match deleted {
            None if matches!(stage.kind, StageKind::Decommission(_)) => deleted = Some(pointer),
            Some(_) if needs_source(&stage.kind) => late.push((pointer, stage.kind.name())),
            _ => {}
        }
    }
    let Some(deleted) = deleted else { return };
    for (pointer, kind) in late {
        let gone = context.region(&format!("{deleted}/kind"));
        let message = format!("`{kind}` comes after `decommission`: the source is gone by then");
        context.report_with(&codes::STAGE_ORDER, &format!("{pointer}/kind"), message, |d| {
            d.related(gone, "the source is deleted here")
        });
    }
}

/// Refuses a snapshot of a target that the plan makes only later.
fn snapshots(context: &mut Context<'_>, stages: &[(String, &'static str)]) {
    let Some(made) = stages.iter().position(|(_, kind)| *kind == "create") else { return };
    let is_of_target = |stage: &StageKind| match stage {
        StageKind::Snapshot(snapshot) => snapshot.side() == Side::Target,
        _ => false,
    };
    let early: Vec<_> = context
        .stages()
        .take(made)
        .filter(|(_, stage)| is_of_target(&stage.kind))
        .map(|(pointer, _)| pointer)
        .collect();
    for pointer in early {
        let other = context.region(&format!("{}/kind", stages[made].0));
        let message = "`snapshot` comes before `create`: the target may not be there yet";
        context.report_with(&codes::STAGE_ORDER, &format!("{pointer}/kind"), message, |d| {
            d.related(other, "`create` is only here")
        });
    }
}

fn single(context: &mut Context<'_>, stages: &[(String, &'static str)]) {
    for kind in ["create", "decommission"] {
        let mut of_kind = stages.iter().filter(|(_, name)| *name == kind);
        let first = of_kind.next();
        for (pointer, _) in of_kind {
            let first = first.map(|(pointer, _)| context.region(&format!("{pointer}/kind")));
            let message = format!("a plan has one `{kind}` stage");
            context.report_with(&codes::STAGE_ORDER, &format!("{pointer}/kind"), message, |d| {
                first.map_or(d.clone(), |first| d.related(first, "the first"))
            });
        }
    }
}
