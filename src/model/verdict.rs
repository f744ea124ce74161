use std::fmt;

use serde::{Deserialize, Serialize};

/// Finding on an assertion, a step or a stage; ordered from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// At least one measurement with enough samples met the threshold, and not too many missed it.
    Pass,
    /// Too few samples to say.
    Inconclusive,
    /// The metric could not be measured.
    Error,
    /// The threshold was missed more often than is tolerated.
    Fail,
}

impl Verdict {
    /// Returns the worse of both: fail, then error, then inconclusive, then pass.
    pub fn worst(self, other: Self) -> Self {
        self.max(other)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Error => "error",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
