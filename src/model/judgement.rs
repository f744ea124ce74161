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

/// Whether a failed assertion stops the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A failure fails the stage.
    #[default]
    Block,
    /// Shown, and never changes the exit code (unless `--strict`).
    Warn,
}

/// The judgement of one assertion, with everything a report needs to show why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The assertion's id, unique within its stage.
    pub assertion: String,
    /// The assertion as the plan has it.
    pub text: String,
    pub severity: Severity,
    pub verdict: Verdict,
    /// The value that decided; `None` where none could be measured.
    pub observed: Option<Observed>,
    /// `< 100 ms`.
    pub threshold: String,
    /// How many samples the observed value stands on.
    pub samples: u64,
    /// The source's value in the same window, where both sides were measured: whether a slow target is
    /// slower than what it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Meanwhile>,
    /// The window it was measured over; `None` for all of the stage or step.
    pub window: Option<Span>,
    /// `1 of 2`: failing measurements against those that are tolerated; `None` where all is well or none are.
    pub tolerated: Option<String>,
    /// Why it is not a pass, where the numbers alone do not show it.
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
    /// Whether this judgement counts for its stage: `strict` makes warnings count, too.
    pub fn is_blocking(&self, strict: bool) -> bool {
        strict || self.severity == Severity::Block
    }
}
