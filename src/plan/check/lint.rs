//! Checks for what is legal but unwise, and for what this version ignores.

use super::super::assertion::{ParsedAssertion, Severity};
use super::super::codes;
use super::super::file::{
    AssertionEntry, Canary, Decommission, HookWhen, Stage, StageKind, Traffic,
};
use super::context::Context;
use crate::model::Side;

pub(super) fn check(context: &mut Context<'_>) {
    let file = context.file;
    ignored(context);
    undone(context);
    for (index, stage) in file.stages.iter().enumerate() {
        let pointer = format!("/stages/{index}");
        if context.is_tainted(&pointer) {
            continue;
        }
        match &stage.kind {
            StageKind::Canary(canary) => lint_canary(context, &pointer, canary, stage),
            StageKind::Decommission(decommission) => {
                retirement(context, &pointer, index, decommission);
            }
            _ => {}
        }
        unproven(context, &pointer, index, stage);
        toothless(context, &pointer, stage);
        nothing_cold(context, &pointer, index, stage);
    }
    if let Some(data) = file.rehearsal.as_ref().and_then(|world| world.source.data.as_ref()) {
        context.must_be_there("/rehearsal/source/data", data);
    }
}

fn ignored(context: &mut Context<'_>) {
    let file = context.file;
    let not_yet = |what: &str| format!("not yet: {what} is ignored in this version");
    if !file.notify.is_empty() {
        let at = context.key_region("/notify");
        let message = not_yet("`notify`");
        context.found.push(
            crate::plan::diagnostic::Diagnostic::new(&codes::IGNORED, at, message)
                .label("nobody is notified"),
        );
    }
    if !file.probes.is_empty() {
        context.report(&codes::IGNORED, "/probes", not_yet("`probes`"));
    }
    for (index, stage) in file.stages.iter().enumerate() {
        let pointer = format!("/stages/{index}");
        match &stage.kind {
            StageKind::Canary(canary) if canary.keep_warm.is_some() => {
                let at = context.key_region(&format!("{pointer}/keep_warm"));
                let message = not_yet("`keep_warm`");
                context.found.push(crate::plan::diagnostic::Diagnostic::new(
                    &codes::IGNORED,
                    at,
                    message,
                ));
            }
            // A pass of a stage that does nothing would be taken for one.
            StageKind::Sync(_) | StageKind::Run(_) => {
                let message = format!("not yet: a `{}` stage is not run", stage.kind.name());
                let at = format!("{pointer}/kind");
                context.report_with(&codes::NOT_YET, &at, message, |d| d.help("remove the stage"));
            }
            _ => {}
        }
    }
}

fn undone(context: &mut Context<'_>) {
    let file = context.file;
    let is_unknown = (0..file.stages.len()).any(|index| {
        context.is_tainted(&format!("/stages/{index}"))
            || context.is_tainted(&format!("/stages/{index}/rollback"))
    }) || (0..file.hooks.len()).any(|index| {
        context.is_tainted(&format!("/hooks/{index}"))
            || context.is_tainted(&format!("/hooks/{index}/when"))
    });
    let rolls_back = is_unknown
        || file.stages.iter().any(|stage| !stage.common.rollback.is_empty())
        || file.hooks.iter().any(|hook| {
            matches!(hook.when, Some(HookWhen::BeforeRollback | HookWhen::AfterRollback))
        });
    let first = file.hooks.iter().position(|hook| hook.when == Some(HookWhen::BeforeRun));
    if let Some(index) = first.filter(|_| !rolls_back) {
        let message = "this hook changes something, and no hook changes it back in a rollback";
        context.report_with(&codes::NOT_UNDONE, &format!("/hooks/{index}/when"), message, |d| {
            d.help("add a hook with `when: after_rollback`")
        });
    }
}

fn lint_canary(context: &mut Context<'_>, pointer: &str, canary: &Canary, stage: &Stage) {
    let windows = stage.common.assertions.iter().filter_map(|entry| {
        let text = match entry {
            AssertionEntry::Text(text) => text,
            AssertionEntry::Long(long) => &long.check,
        };
        text.parse::<ParsedAssertion>().ok()?.over.map(|over| over.value)
    });
    if let Some(longest) = windows.max() {
        for (index, step) in canary.steps.iter().enumerate() {
            if step.bake < longest {
                let message =
                    format!("a bake of {} is shorter than a window of {longest}", step.bake);
                context.report_with(
                    &codes::SHORT_BAKE,
                    &format!("{pointer}/steps/{index}/bake"),
                    message,
                    |d| d.note("at its end the window still holds measurements of the step before"),
                );
            }
        }
    }
    let Some(last) = canary.steps.last().filter(|step| step.weight.0 < 1.0) else { return };
    let at = format!("{pointer}/steps/{}/weight", canary.steps.len() - 1);
    let decommission =
        context.file.stages.iter().any(|stage| matches!(stage.kind, StageKind::Decommission(_)));
    if decommission {
        let message = format!(
            "the source would be deleted while {} of the traffic goes there",
            crate::model::Share(1.0 - last.weight.0)
        );
        context
            .report_with(&codes::STAGE_ORDER, &at, message, |d| d.help("end with `weight: 100%`"));
    } else {
        let message = format!("the canary ends at {}", last.weight);
        context.report(&codes::NOT_ALL_TRAFFIC, &at, message);
    }
}

fn retirement(context: &mut Context<'_>, pointer: &str, index: usize, stage: &Decommission) {
    let kind = format!("{pointer}/kind");
    if stage.after.is_none() && !context.is_tainted(&format!("{pointer}/after")) {
        let message = "the source is deleted at once, and nothing can be rolled back after that";
        context.report_with(&codes::NO_RETENTION, &kind, message, |d| d.help("add `after: 7d`"));
    }
    // An assertion on the snapshot already reports that there is none.
    let asserted = &context.file.stages[index].common.assertions;
    let is_asserted = asserted.iter().any(|entry| match entry {
        AssertionEntry::Text(text) => text.contains("snapshot."),
        AssertionEntry::Long(long) => long.check.contains("snapshot."),
    });
    let is_known = stage.snapshot.is_some() || context.is_tainted(&format!("{pointer}/snapshot"));
    let of_source = |stage: &Stage| match &stage.kind {
        StageKind::Snapshot(snapshot) => snapshot.side() == Side::Source,
        _ => false,
    };
    let is_taken = context.file.stages[..index].iter().any(of_source);
    // What a stage before this one was meant to be may not be known.
    let is_meant = (0..index).any(|at| context.is_tainted(&format!("/stages/{at}")));
    if !is_known && !is_asserted && !is_taken && !is_meant {
        let message = "the source is deleted without a snapshot";
        context.report_with(&codes::NO_SNAPSHOT, &kind, message, |d| {
            d.help(format!("add `snapshot: file:backups/{}`", context_name(&stage.confirm)))
        });
    }
    let unread = match &context.file.traffic {
        Some(Traffic::Webhook(webhook)) if webhook.read.is_none() => Some("/traffic/webhook"),
        Some(Traffic::Exec(exec)) if exec.read.is_none() => Some("/traffic/exec"),
        _ => None,
    };
    if let Some(at) = unread {
        let message = "the source is deleted by a plan that cannot see where the traffic is";
        context.report_with(&codes::UNREAD_WEIGHT, at, message, |d| d.help("add `read`"));
    }
    for (number, entry) in context.file.stages[index].common.assertions.iter().enumerate() {
        let (text, severity) = match entry {
            AssertionEntry::Text(text) => (text, Severity::Block),
            AssertionEntry::Long(long) => (&long.check, long.severity),
        };
        let reads = text
            .parse()
            .is_ok_and(|parsed: ParsedAssertion| parsed.metric.value.name == "source.reads");
        if reads && severity == Severity::Block {
            let message =
                "reads of the source cannot be measured yet: the verdict will be error, never pass";
            context.report_with(
                &codes::READS_UNMEASURED,
                &format!("{pointer}/assert/{number}"),
                message,
                |d| d.help("use the long form with `severity: warn`"),
            );
        }
    }
}

fn context_name(name: &str) -> &str {
    if name.is_empty() { "source" } else { name }
}

/// Warns if traffic moves or the source is deleted with no proof before it in a plan that copies.
fn unproven(context: &mut Context<'_>, pointer: &str, index: usize, stage: &Stage) {
    let what = match stage.kind {
        StageKind::Canary(_) => "traffic moves",
        StageKind::Decommission(_) => "the source is deleted",
        _ => return,
    };
    let before = &context.file.stages[..index];
    // A stage whose kind is not known, or a `copy` of it, may be the proof.
    let is_unknown = (0..index).any(|at| {
        context.is_tainted(&format!("/stages/{at}"))
            || context.is_tainted(&format!("/stages/{at}/copy"))
    });
    let is_verified = |copy: &Stage, after: &[Stage]| {
        let id = copy.id();
        after.iter().any(|stage| match &stage.kind {
            StageKind::Verify(verify) => verify.copy.as_ref().is_none_or(|of| id.as_str() == of),
            _ => false,
        })
    };
    let copies = before.iter().enumerate();
    let copies = copies.filter(|(_, stage)| matches!(stage.kind, StageKind::Copy(_)));
    let unproven: Vec<_> = copies
        .clone()
        .filter(|(at, copy)| !is_verified(copy, &before[at + 1..]))
        .map(|(_, copy)| format!("`{}`", copy.id()))
        .collect();
    if is_unknown || unproven.is_empty() {
        return;
    }
    let message = match copies.count() == unproven.len() {
        true => format!("{what} without a `verify` stage before it"),
        false => format!("{what} and no `verify` stage before it is about {}", unproven.join(", ")),
    };
    context.report(&codes::UNPROVEN, &format!("{pointer}/kind"), message);
}

/// Warns about an assertion on cold queries in a stage after one that has read the target.
fn nothing_cold(context: &mut Context<'_>, pointer: &str, index: usize, stage: &Stage) {
    let reads = |stage: &&Stage| matches!(stage.kind, StageKind::Verify(_) | StageKind::Canary(_));
    let Some(reader) = context.file.stages[..index].iter().find(reads) else { return };
    for (number, entry) in stage.common.assertions.iter().enumerate() {
        let (text, check) = match entry {
            AssertionEntry::Text(text) => (text, ""),
            AssertionEntry::Long(long) => (&long.check, "/check"),
        };
        let parsed: Option<ParsedAssertion> = text.parse().ok();
        if parsed.is_some_and(|parsed| parsed.metric.value.name == "cold") {
            let kind = reader.kind.name();
            let message =
                format!("nothing is cold any more: a `{kind}` stage before has read the target");
            let at = format!("{pointer}/assert/{number}{check}");
            context.report_with(&codes::NOTHING_COLD, &at, message, |d| {
                d.help("assert it in the first stage that reads the target")
            });
        }
    }
}

fn toothless(context: &mut Context<'_>, pointer: &str, stage: &Stage) {
    let judges = matches!(stage.kind, StageKind::Verify(_) | StageKind::Canary(_));
    let blocks = stage.common.assertions.iter().any(|entry| match entry {
        AssertionEntry::Text(_) => true,
        AssertionEntry::Long(long) => long.severity == Severity::Block,
    });
    if judges && !blocks && !context.is_tainted(&format!("{pointer}/assert")) {
        let message = format!("this `{}` stage asserts nothing that could fail", stage.kind.name());
        context.report(&codes::NOTHING_ASSERTED, &format!("{pointer}/kind"), message);
    }
}
