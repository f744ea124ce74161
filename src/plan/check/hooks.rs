//! Checks of hooks, the plan's and those of the stages' rollbacks.

use super::super::codes;
use super::super::diagnostic::Diagnostic;
use super::super::file::Hook;
use super::context::Context;

pub(super) fn check(context: &mut Context<'_>) {
    let file = context.file;
    for (index, hook) in file.hooks.iter().enumerate() {
        let pointer = format!("/hooks/{index}");
        if hook.when.is_none() && !context.is_tainted(&format!("{pointer}/when")) {
            context.report_with(&codes::BAD_HOOK, &pointer, "this hook has no moment", |d| {
                d.help("say when it runs, for example `when: before_run`")
            });
        }
        action(context, &pointer, hook);
    }
    for (index, stage) in file.stages.iter().enumerate() {
        for (number, hook) in stage.common.rollback.iter().enumerate() {
            let pointer = format!("/stages/{index}/rollback/{number}");
            if hook.when.is_some() {
                let message =
                    "a hook under `rollback` runs when its stage is undone, and has no `when`";
                let at = format!("{pointer}/when");
                context.report(&codes::BAD_HOOK, &at, message);
            }
            action(context, &pointer, hook);
        }
    }
}

fn action(context: &mut Context<'_>, pointer: &str, hook: &Hook) {
    let wrong = |key: &str| context.is_tainted(&format!("{pointer}/{key}"));
    if wrong("run") || wrong("http") {
        return;
    }
    match (&hook.run, &hook.http) {
        (None, None) => {
            context.report_with(&codes::ONE_OF, pointer, "this hook does nothing", |d| {
                d.help("give it `run: [program, argument]` or `http: { post: URL }`")
            });
        }
        (Some(_), Some(_)) => {
            let message = "a hook has `run` or `http`, not both";
            let run = context.key_region(&format!("{pointer}/run"));
            let http = context.key_region(&format!("{pointer}/http"));
            context.found.push(
                Diagnostic::new(&codes::ONE_OF, http, message)
                    .related(run, "it has `run` already")
                    .help("write two hooks; they run in the order they are written"),
            );
        }
        (Some(command), None) => {
            super::traffic::command(context, &format!("{pointer}/run"), command)
        }
        (None, Some(call)) => super::traffic::call(context, &format!("{pointer}/http"), call),
    }
}
