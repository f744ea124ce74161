//! What judging an assertion came to, as it is kept in the journal and shown in reports.

use serde::{Deserialize, Serialize};

/// The four verdicts, ordered so that the greater one decides: fail, then error, then inconclusive, then pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Measured, and it holds.
    Pass,
    /// Too few samples to tell.
    Inconclusive,
    /// It could not be measured.
    Error,
    /// Measured, and it does not hold.
    Fail,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Error => "error",
            Self::Fail => "fail",
        }
    }
}
