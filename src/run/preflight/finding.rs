use serde::Serialize;

use crate::error::Error;

/// A requirement of the plan that is not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The part of the plan concerned: `traffic (flag use-new in flag.json)`.
    pub about: String,
    pub problem: String,
    /// Advice on what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    pub(super) fn new(about: impl Into<String>, problem: impl Into<String>, hint: &str) -> Self {
        let hint = Some(hint.to_owned());
        Self { about: about.into(), problem: problem.into(), hint }
    }

    pub(super) fn of(about: impl Into<String>, error: &Error) -> Self {
        let (problem, hint) = (error.to_string(), error.hint().map(str::to_owned));
        Self { about: about.into(), problem, hint }
    }
}
