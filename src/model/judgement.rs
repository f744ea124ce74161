//! The judgement of one assertion, with its place and severity: what the journal keeps and reports show.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Observed, Span, Verdict};

/// A place in a plan file; lines and columns count from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub file: String,
    pub line: u32,
    pub column: u32,
}

/// The effect of a failed assertion on the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A failure fails the stage.
    #[default]
    Block,
    /// Shown, but never changes the exit code (unless `--strict`).
    Warn,
}

/// The judgement of one assertion, with everything a report needs to show why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The assertion's id, unique within its stage.
    pub assertion: String,
    /// The assertion as written in the plan.
    pub text: String,
    pub severity: Severity,
    pub verdict: Verdict,
    /// The value that decided; `None` if none could be measured.
    pub observed: Option<Observed>,
    /// The threshold as reports show it: `< 100 ms`.
    pub threshold: String,
    /// Number of samples behind the observed value.
    pub samples: u64,
    /// The source's value in the same window, if both sides were measured: it shows whether a slow target is slower
    /// than what it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Meanwhile>,
    /// The window it was measured over; `None` for the whole stage or step.
    pub window: Option<Span>,
    /// Failing measurements out of those that are tolerated, such as `1 of 2`; `None` if none failed or none are
    /// tolerated.
    pub tolerated: Option<String>,
    /// Reason why it is not a pass, if the numbers alone do not show it.
    pub reason: Option<String>,
    pub place: Place,
}

/// A value of the other side, for comparison only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meanwhile {
    pub observed: Observed,
    pub samples: u64,
}

impl Judgement {
    /// Returns whether this judgement counts for its stage; `strict` makes warnings count too.
    pub fn is_blocking(&self, strict: bool) -> bool {
        strict || self.severity == Severity::Block
    }
}
