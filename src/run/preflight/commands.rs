//! Checks the commands and requests of hooks, and the commands that print ids.

use std::time::Duration;

use super::finding::Finding;
use super::inputs::Preflight;
use crate::error::Result;
use crate::journal::HookState;
use crate::plan::StageKind;
use crate::plan::file::{EnumerateBy, Hook, HookWhen};
use crate::run::hook::hook_event;
use crate::run::hooks::hook_key;
use crate::traffic::action::{Command, Hidden, check_http};

pub(super) async fn find(preflight: &Preflight<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, hook) in preflight.plan.hooks.iter().enumerate() {
        let moment = hook.when.map_or("", HookWhen::name);
        let is_over = hook.when.is_some_and(|when| {
            preflight.state.hooks.get(&hook_key(when, index, None)) == Some(&HookState::Done)
        });
        if is_over {
            continue;
        }
        if let Err(error) = look(preflight, hook, moment).await {
            found.push(Finding::of(format!("hook {} ({moment})", index + 1), &error));
        }
    }
    for stage in &preflight.plan.stages {
        for (index, hook) in stage.rollback.iter().enumerate() {
            if let Err(error) = look(preflight, hook, "rollback").await {
                let about = format!("rollback hook {} of stage `{}`", index + 1, stage.id);
                found.push(Finding::of(about, &error));
            }
        }
    }
    for stage in preflight.stages() {
        if let StageKind::Copy(copy) = &stage.kind
            && let EnumerateBy::Manifest(asked) = &copy.asked.enumerate
            && let Some(argv) = &asked.manifest.exec
            && let Err(error) = command(preflight, argv).check()
        {
            found.push(Finding::of(format!("ids of stage `{}`", copy.id), &error));
        }
    }
    found
}

async fn look(preflight: &Preflight<'_>, hook: &Hook, moment: &str) -> Result<()> {
    if let Some(argv) = &hook.run {
        return command(preflight, argv).check();
    }
    let Some(call) = &hook.http else { return Ok(()) };
    let bearer = match &call.bearer {
        Some(reference) => {
            let (environment, base) = (&preflight.options.environment, &preflight.plan.base);
            Some(Hidden::read(reference, environment, base).await?)
        }
        None => None,
    };
    let first = preflight.plan.stages.first().map(|stage| stage.id.as_str()).unwrap_or_default();
    let event = hook_event(preflight.state, first, moment);
    check_http(call, &serde_json::json!({ "event": event }), bearer.as_ref())
}

fn command(preflight: &Preflight<'_>, argv: &[String]) -> Command {
    let (environment, base) = (&preflight.options.environment, &preflight.plan.base);
    Command::new(argv, environment, &[], base, Duration::ZERO)
}
