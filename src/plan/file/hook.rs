//! Commands and requests at certain moments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Span;

/// A command or a request at a moment of the run: `run` or `http`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// The moment; a hook under a stage's `rollback` needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<HookWhen>,
    /// The command and its arguments; no shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Vec<String>>,
    /// A request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpCall>,
    /// The longest it may take; default `60s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// The effect of a failure; default `fail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<HookFailure>,
    /// Environment variables the command inherits beside `PATH`; secrets only if named here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
}

/// A moment of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookWhen {
    BeforeRun,
    AfterRun,
    BeforeStage,
    AfterStage,
    BeforeStep,
    AfterStep,
    Paused,
    Failed,
    BeforeRollback,
    AfterRollback,
    Succeeded,
}

impl HookWhen {
    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeRun => "before_run",
            Self::AfterRun => "after_run",
            Self::BeforeStage => "before_stage",
            Self::AfterStage => "after_stage",
            Self::BeforeStep => "before_step",
            Self::AfterStep => "after_step",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::BeforeRollback => "before_rollback",
            Self::AfterRollback => "after_rollback",
            Self::Succeeded => "succeeded",
        }
    }
}

/// The effect of a failed hook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookFailure {
    /// The run stops.
    #[default]
    Fail,
    /// The run goes on, and the failure is shown.
    Warn,
}

/// A request: exactly one of the methods, its value the address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCall {
    /// Sends GET to this address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<String>,
    /// Sends POST to this address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<String>,
    /// Sends PUT to this address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put: Option<String>,
    /// Sends PATCH to this address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// A template of the body; a hook's knows `event`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// A secret sent as `Authorization: Bearer …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<super::Secret>,
}

/// The method and address of an [`HttpCall`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpMethodUrl<'a> {
    pub method: &'static str,
    pub url: &'a str,
}

impl HttpCall {
    /// Returns the one method that is given; `None` if there is none or more than one.
    pub fn method(&self) -> Option<HttpMethodUrl<'_>> {
        let all =
            [("GET", &self.get), ("POST", &self.post), ("PUT", &self.put), ("PATCH", &self.patch)];
        let mut given = all
            .into_iter()
            .filter_map(|(method, url)| url.as_deref().map(|url| HttpMethodUrl { method, url }));
        let first = given.next();
        if given.next().is_some() { None } else { first }
    }
}
