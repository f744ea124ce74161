use jiff::Timestamp;
use serde::Serialize;

use super::words::duration;
use super::{AssertionReport, Ending, Rollback, StageReport, StepReport, TrafficReport, Waiting};
use crate::clock::until;
use crate::model::{Share, StageId};

/// The version of the report's JSON; fields are only ever added.
pub const REPORT_FORMAT: u32 = 1;

/// A run, as its journal tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: u32,
    pub plan: String,
    /// The plan's file, as the run was given it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    pub run: String,
    pub digest: String,
    /// The program's version that began it.
    pub program: String,
    pub source: String,
    pub target: String,
    /// It was held against the emulator: nothing real was touched.
    pub rehearsal: bool,
    /// Waits a rehearsal shortened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shortened: Vec<Shortened>,
    pub ending: Ending,
    /// Why it ended so, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub started: Option<Timestamp>,
    /// The last event.
    pub last: Option<Timestamp>,
    /// Who ran it, in order.
    pub holders: Vec<String>,
    pub stages: Vec<StageReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepReport>,
    pub assertions: Vec<AssertionReport>,
    /// The share of traffic the target has; `None` where it was never moved or nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Share>,
    /// The same with what is not known; `None` where it was never moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    pub rollback: Rollback,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
}

/// A wait of the plan that took less in a rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shortened {
    pub stage: StageId,
    pub what: String,
    /// What the plan asks for.
    pub seconds: f64,
}

/// Somebody released a gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Approval {
    /// `canary step 3`
    pub gate: String,
    pub by: String,
    pub at: Timestamp,
}

/// A hook that was run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HookReport {
    pub hook: String,
    /// `None` = it succeeded, or it was cut off where `finished` is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub finished: bool,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Next {
    pub why: String,
    pub command: String,
}

impl Report {
    /// Everything that did not pass, worst first: blocking before warning, fail before error before inconclusive.
    pub fn failures(&self) -> Vec<&AssertionReport> {
        let mut failures: Vec<_> = self.assertions.iter().filter(|one| one.is_failure()).collect();
        failures.sort_by_key(|one| (one.is_warning(), std::cmp::Reverse(one.verdict())));
        failures
    }

    /// How long it has taken, by the run's clock.
    pub fn took(&self) -> String {
        match (self.started, self.last) {
            (Some(started), Some(last)) => duration(until(started, last)),
            _ => "no time".to_owned(),
        }
    }

    /// `✗ Rolled back: canary failed: …`
    pub fn headline(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{} {}{reason}", self.ending.symbol(), self.ending.title())
    }

    /// The paragraph a rehearsal begins with; `None` for a real run.
    pub fn rehearsal_note(&self) -> Option<String> {
        if !self.rehearsal {
            return None;
        }
        let waits = match self.shortened.as_slice() {
            [] => "No wait was long enough to be shortened.".to_owned(),
            waits => {
                let list: Vec<_> = waits.iter().map(Shortened::words).collect();
                format!("Waits were shortened: {}.", list.join(", "))
            }
        };
        Some(format!(
            "REHEARSAL: emulator, clock scaled. Nothing real was touched; approvals and confirmations were given \
             by the rehearsal. {waits} Latencies are real, against the emulator; dates and durations are the \
             rehearsal's."
        ))
    }
}

impl Shortened {
    fn words(&self) -> String {
        let span = std::time::Duration::try_from_secs_f64(self.seconds).unwrap_or_default();
        format!("{} {} ({})", self.stage, self.what, duration(span))
    }
}
