//! Runs hooks: each at most once for its moment, with its result in the journal and no secrets but its own.

use std::time::Duration;

use serde_json::json;

use super::context::Context;
use super::decide::hook_key;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, HookState, RunState};
use crate::plan::file::{Hook, HookFailure, HookWhen};
use crate::traffic::action::{Command, Hidden, run_command, send_http};

/// The default time limit of a hook.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Context {
    /// Runs the hooks of a moment that have not finished yet. `of` names the stage or step they run for.
    ///
    /// # Errors
    /// `Hook` for the first failure of a hook whose `on_failure` is `fail`. Rollback hooks never cause an error.
    pub(super) async fn run_hooks(&self, when: HookWhen, of: Option<&str>) -> Result<()> {
        let hooks: Vec<Hook> = self.plan.hooks.clone();
        let mut first = None;
        for (index, hook) in hooks.iter().enumerate().filter(|(_, hook)| hook.when == Some(when)) {
            let key = hook_key(when, index, of);
            if let Err(error) = self.run_hook(hook, &key, when.name()).await {
                first.get_or_insert(error);
                if !collects(when) {
                    break;
                }
            }
        }
        match first {
            Some(error) if !collects(when) => Err(error),
            _ => Ok(()),
        }
    }

    /// Runs all rollback hooks of a stage and returns the failures.
    pub(super) async fn run_rollback_hooks(&self, hooks: &[Hook]) -> Vec<String> {
        let mut failed = Vec::new();
        for (index, hook) in hooks.iter().enumerate() {
            let key = format!("rollback#{}@{}", index + 1, self.stage().id);
            if let Err(error) = self.run_hook(hook, &key, "rollback").await {
                failed.push(error.to_string());
            }
        }
        failed
    }

    async fn run_hook(&self, hook: &Hook, key: &str, moment: &str) -> Result<()> {
        let ended =
            self.recorder.with_state(|state| matches!(state.hooks.get(key), Some(HookState::Done)));
        if ended {
            return Ok(());
        }
        self.record(Event::HookStarted { hook: key.to_owned() })?;
        let result = match self.options.is_rehearsal {
            // A rehearsal touches nothing outside the emulator.
            true => Ok(()),
            false => self.perform(hook, moment).await,
        };
        let error = result.as_ref().err().map(ToString::to_string);
        self.record(Event::HookFinished { hook: key.to_owned(), error })?;
        match hook.on_failure.unwrap_or_default() {
            HookFailure::Fail => result.map_err(|error| failed(key, &error)),
            HookFailure::Warn => Ok(()),
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
        self.recorder.with_state(|state| hook_event(state, self.stage().id.as_str(), moment))
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
    Error::new(ErrorKind::Hook, format!("a hook of the plan failed: {cause}"))
        .with_context("hook", key)
        .with_hint(hint)
}

/// Returns whether the remaining hooks of this moment run after one has failed.
fn collects(when: HookWhen) -> bool {
    matches!(
        when,
        HookWhen::BeforeRollback
            | HookWhen::AfterRollback
            | HookWhen::AfterRun
            | HookWhen::Succeeded
            | HookWhen::Failed
            | HookWhen::Paused
    )
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
