//! Runs hooks, with no secrets but their own.

use std::time::Duration;

use serde_json::json;

use super::context::Context;
use super::hooks::{HookRun, must_succeed};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, RunState};
use crate::plan::file::Hook;
use crate::traffic::action::{Command, Hidden, run_command, send_http};

/// The default time limit of a hook.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Context {
    /// Runs one hook.
    ///
    /// # Errors
    /// `Hook` if it failed and has to succeed.
    pub(super) async fn run_hook(&self, run: &HookRun) -> Result<()> {
        let HookRun { key, moment, hook, .. } = run;
        self.keep(Event::HookStarted { hook: key.clone() }).await?;
        let result = match self.options.is_rehearsal {
            // A rehearsal touches nothing outside the emulator.
            true => Ok(()),
            false => self.perform(hook, moment).await,
        };
        let error = result.as_ref().err().map(ToString::to_string);
        self.record(Event::HookFinished { hook: key.clone(), error })?;
        match must_succeed(hook) {
            true => result.map_err(|error| failed(key, &error)),
            false => Ok(()),
        }
    }

    async fn perform(&self, hook: &Hook, moment: &str) -> Result<()> {
        let timeout = hook.timeout.map_or(TIMEOUT, |span| span.0);
        let event = self.hook_event(moment);
        if let Some(argv) = &hook.run {
            let mut command =
                Command::new(argv, &self.options.environment, &hook.env, &self.plan.base, timeout)
                    .with_stdin(event.to_string());
            for (name, value) in hook_variables(&event) {
                command = command.with_env(&name, value);
            }
            return run_command(&command).await?.success().map(drop);
        }
        if let Some(call) = &hook.http {
            let bearer = match &call.bearer {
                Some(reference) => {
                    Some(Hidden::read(reference, &self.options.environment, &self.plan.base).await?)
                }
                None => None,
            };
            let context = json!({ "event": event });
            return send_http(call, &context, bearer.as_ref(), timeout).await.map(drop);
        }
        Err(Error::invalid("a hook has neither `run` nor `http`"))
    }

    fn hook_event(&self, moment: &str) -> serde_json::Value {
        hook_event(&self.state, self.stage().id.as_str(), moment)
    }
}

/// Builds the JSON document that a hook receives.
pub(super) fn hook_event(state: &RunState, stage: &str, moment: &str) -> serde_json::Value {
    json!({
        "moment": moment,
        "plan": state.plan,
        "run": state.run,
        "phase": state.phase.name(),
        "stage": stage,
        "source": state.source,
        "target": state.target,
        "weight": state.traffic.weight().map(|weight| weight.percent()),
        "rehearsal": state.rehearsal,
    })
}

/// Wraps an error as a hook's failure, since only the hook's author can fix the cause.
fn failed(key: &str, cause: &Error) -> Error {
    let hint = match cause.kind() {
        ErrorKind::Timeout => "see what it waits for, or give it a longer `timeout`",
        ErrorKind::NotFound => {
            "check its command: a name is looked up in PATH, a relative path starts at the plan's folder"
        }
        _ => "see why it fails; with `on_failure: warn` the run goes on without it",
    };
    as_hook(key, &cause.to_string()).with_hint(hint)
}

/// Returns the error of a hook that failed with `cause`.
pub(super) fn as_hook(key: &str, cause: &str) -> Error {
    Error::new(ErrorKind::Hook, format!("a hook of the plan failed: {cause}"))
        .with_context("hook", key)
}

/// Derives the environment variables `VECSHIFT_MOMENT`, `VECSHIFT_STAGE` and so on from the event.
fn hook_variables(event: &serde_json::Value) -> Vec<(String, String)> {
    let Some(fields) = event.as_object() else { return Vec::new() };
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    };
    fields
        .iter()
        .map(|(name, value)| (format!("VECSHIFT_{}", name.to_uppercase()), text(value)))
        .collect()
}
