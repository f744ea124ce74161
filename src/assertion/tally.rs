//! Tally of one assertion's measurements: a pure count, so that every order of them can be tried.

use serde::{Deserialize, Serialize};

use super::{Observed, Verdict};
use crate::model::{Meanwhile, Side};
use crate::plan::Assertion;
use crate::plan::assertion::NoData;

/// One measurement of one assertion, already compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reading {
    Passing(Seen),
    Failing(Seen),
    /// A measurement that could not be taken.
    Unmeasurable {
        reason: String,
    },
    /// There were too few samples to take it.
    Silent {
        side: Side,
        samples: u64,
    },
}

/// The value of a measurement and what it was compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub observed: Observed,
    pub samples: u64,
    pub threshold: String,
    /// The source's value, if it says something about the target's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Meanwhile>,
}

/// The tally of one assertion's readings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    passing: u64,
    /// Passing readings since the last one that failed or could not be taken; a reading without enough samples does
    /// not reset it.
    streak: u64,
    longest_streak: u64,
    failing: u64,
    errors: u64,
    /// Readings for which the target had too few samples.
    silences: u64,
    /// Readings for which only the source had too few samples.
    source_silences: u64,
    /// The most samples of any reading that had too few.
    most_samples: u64,
    last_passing: Option<Seen>,
    last_failing: Option<Seen>,
    last_error: Option<String>,
}

impl Tally {
    pub fn take(&mut self, reading: Reading) {
        match reading {
            Reading::Passing(seen) => {
                self.passing += 1;
                self.streak += 1;
                self.longest_streak = self.longest_streak.max(self.streak);
                self.last_passing = Some(seen);
            }
            Reading::Failing(seen) => {
                self.failing += 1;
                self.streak = 0;
                self.last_failing = Some(seen);
            }
            Reading::Unmeasurable { reason } => {
                self.errors += 1;
                self.streak = 0;
                self.last_error = Some(reason);
            }
            Reading::Silent { side: Side::Target, samples } => {
                self.silences += 1;
                self.most_samples = self.most_samples.max(samples);
            }
            Reading::Silent { side: Side::Source, .. } => self.source_silences += 1,
        }
    }

    /// Returns a verdict that no later reading can improve.
    pub fn decided(&self, assertion: &Assertion) -> Option<Verdict> {
        if self.failing > u64::from(assertion.tolerate_failures) {
            Some(Verdict::Fail)
        } else if self.errors > u64::from(assertion.tolerate_errors) {
            Some(Verdict::Error)
        } else {
            None
        }
    }

    /// Returns the verdict if nothing more is measured.
    pub fn verdict(&self, assertion: &Assertion) -> Verdict {
        if let Some(decided) = self.decided(assertion) {
            return decided;
        }
        let needed = u64::from(assertion.pass_after.max(1));
        if self.longest_streak >= needed {
            Verdict::Pass
        } else if self.passing == 0 && self.errors + self.source_silences > 0 {
            Verdict::Error
        } else if self.is_empty() && assertion.no_data == NoData::Fail {
            Verdict::Fail
        } else {
            Verdict::Inconclusive
        }
    }

    /// Returns whether there was not a single sample.
    fn is_empty(&self) -> bool {
        let read = self.passing + self.failing + self.errors + self.source_silences;
        read == 0 && self.most_samples == 0
    }

    /// Returns the most samples of any reading that had too few.
    pub fn most_samples(&self) -> u64 {
        self.most_samples
    }

    /// Returns the reading that shows why the verdict is what it is.
    pub fn decisive(&self, verdict: Verdict) -> Option<&Seen> {
        match verdict {
            Verdict::Pass => self.last_passing.as_ref(),
            _ => self.last_failing.as_ref().or(self.last_passing.as_ref()),
        }
    }

    /// Returns failing readings out of those tolerated, such as `1 of 2`; `None` if there were none and none are
    /// tolerated.
    pub fn tolerated(&self, assertion: &Assertion) -> Option<String> {
        (self.failing > 0 && assertion.tolerate_failures > 0)
            .then(|| format!("{} of {}", self.failing, assertion.tolerate_failures))
    }

    pub fn reason(&self, assertion: &Assertion, verdict: Verdict) -> Option<String> {
        match verdict {
            Verdict::Pass => None,
            Verdict::Error => Some(
                self.last_error.clone().unwrap_or_else(|| "the source had too few samples".into()),
            ),
            Verdict::Fail if self.is_empty() => Some("no data, and `no_data: fail`".into()),
            Verdict::Fail => None,
            Verdict::Inconclusive if self.passing > 0 => Some(format!(
                "{} passing in a row, {} needed",
                self.longest_streak, assertion.pass_after
            )),
            Verdict::Inconclusive if self.failing > 0 => Some("no passing measurement".into()),
            Verdict::Inconclusive if self.silences == 0 => Some("nothing was measured".into()),
            Verdict::Inconclusive => Some(too_few(self.most_samples, needed(assertion))),
        }
    }
}

/// Returns the number of samples a measurement needs; at least one.
pub(super) fn needed(assertion: &Assertion) -> u64 {
    assertion.min_samples.unwrap_or(1).max(1)
}

fn too_few(samples: u64, needed: u64) -> String {
    match samples {
        0 => "no samples".into(),
        _ => format!("{samples} of {needed} samples"),
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
