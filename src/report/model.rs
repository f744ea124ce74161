use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::words::{asker, duration, files_of};
use super::{
    AssertionReport, Ending, ErasureReport, LatencyReport, NamespaceReport, RecordsAt, Rollback,
    StageReport, StepReport, Stretch, TrafficReport, Unreached, Waiting, WeightAt,
};
use crate::clock::until;
use crate::error::ErrorKind;
use crate::journal::Stopped;
use crate::model::{Identity, MeasuredValue, Share, Side, StageId};
use crate::text::{REMARK, named_in};

/// The version of the report's JSON; fields are only ever added.
pub const REPORT_FORMAT: u32 = 1;

/// A run, as its journal has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: u32,
    pub plan: String,
    /// The plan's file, as given to the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    pub run: String,
    pub digest: String,
    /// Version of the program that began the run.
    pub program: String,
    pub source: String,
    pub target: String,
    /// True if it ran against the emulator, so that nothing real was touched.
    pub rehearsal: bool,
    /// Waits a rehearsal shortened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shortened: Vec<Shortened>,
    pub ending: Ending,
    /// Reason why it ended so, if that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The error that stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReport>,
    pub started: Option<Timestamp>,
    /// Time of the last event.
    pub last: Option<Timestamp>,
    /// The processes that ran it, in order.
    pub holders: Vec<String>,
    pub stages: Vec<StageReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepReport>,
    pub assertions: Vec<AssertionReport>,
    /// Assertions of the plan that were not judged, if the plan is at hand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreached: Vec<Unreached>,
    /// How each stage spent its time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Stretch>,
    /// Records that the target had acknowledged in the course of time, thinned out to what a chart can show.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<RecordsAt>,
    /// The weight in the course of time, thinned out in the same way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<WeightAt>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub latencies: Vec<LatencyReport>,
    /// Estimated costs by the names of their metrics.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub costs: BTreeMap<String, MeasuredValue>,
    /// Both sides as the run found or made them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub identities: BTreeMap<Side, Identity>,
    /// The namespaces of all copies. Not in JSON, which would have tens of thousands in every answer: machines read the
    /// file that each copy leaves.
    #[serde(skip)]
    pub namespaces: Vec<NamespaceReport>,
    /// The share of traffic the target has; `None` if it was never moved or is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Share>,
    /// The traffic, including what is not known of it; `None` if it was never moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// Requests from elsewhere that did not fit the run, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// What was deleted on behalf of somebody while the run was open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erasures: Vec<ErasureReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    pub rollback: Rollback,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
}

/// An error that stopped a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorReport {
    /// The kind, as `error.kind` of the command that met it; `None` if the journal is of an older version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The hook of the whole run that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
}

impl ErrorReport {
    pub(super) fn of(stopped: &Stopped) -> Self {
        let trouble = &stopped.trouble;
        Self {
            kind: trouble.kind.map(ErrorKind::name),
            message: stopped.reason.clone(),
            hint: trouble.hint.clone(),
            hook: trouble.hook.clone(),
        }
    }
}

/// A wait of the plan that took less in a rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shortened {
    pub stage: StageId,
    pub what: String,
    /// Length that the plan asks for.
    pub seconds: f64,
}

/// The release of a gate by somebody.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Approval {
    /// The gate: `canary step 3`.
    pub gate: String,
    pub by: String,
    /// What the token of the CI job says that approved, which nobody has verified.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, String>,
    pub at: Timestamp,
}

impl Approval {
    /// Returns who approved, with the job's own word for who it is.
    pub fn asker(&self) -> String {
        asker(&self.by, &self.claims)
    }
}

/// A hook that was run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HookReport {
    pub hook: String,
    /// Reason why it failed; `None` if it succeeded, or was cut off and `finished` is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub finished: bool,
}

/// Advice on what to do now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Next {
    pub why: String,
    pub command: String,
}

impl Report {
    /// Returns everything that did not pass, worst first: blocking before warning, fail before error before
    /// inconclusive.
    pub fn failures(&self) -> Vec<&AssertionReport> {
        let mut failures: Vec<_> = self.assertions.iter().filter(|one| one.is_failure()).collect();
        failures.sort_by_key(|one| (one.is_warning(), std::cmp::Reverse(one.verdict())));
        failures
    }

    /// Returns the folder of the files that it left.
    pub fn files(&self) -> Option<&str> {
        let mut artifacts = self.stages.iter().flat_map(|stage| &stage.artifacts);
        artifacts.find_map(|one| files_of(&one.path, &self.run)).map(|(folder, _)| folder)
    }

    /// Returns how long it has taken, by the run's clock.
    pub fn took(&self) -> String {
        match (self.started, self.last) {
            (Some(started), Some(last)) => duration(until(started, last)),
            _ => "no time".to_owned(),
        }
    }

    /// Returns the first line: `✗ Rolled back: canary failed: …`.
    pub fn headline(&self) -> String {
        if let Some(waiting) = &self.waiting {
            return format!("{} {}", self.ending.symbol(), waiting.headline(&self.stages));
        }
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{} {}{reason}", self.ending.symbol(), self.ending.title())
    }

    /// Returns the process that started it, and the one that acts now if that is another:
    /// `ada@desk (process 7), now grace@hut (process 9)`.
    pub fn by(&self) -> String {
        // A name, a machine and a page.
        let shown = |holder: &str| named_in(holder, 2 * REMARK).into_owned();
        match (self.holders.first(), self.holders.last()) {
            (Some(first), Some(last)) if first != last => {
                let times = match self.holders.len() - 1 {
                    1 => String::new(),
                    others => format!(", taken up {others} times"),
                };
                format!("{}; now {}{times}", shown(first), shown(last))
            }
            (Some(only), _) => shown(only),
            (None, _) => "-".to_owned(),
        }
    }

    /// Returns the paragraph a rehearsal begins with; `None` for a real run.
    pub fn rehearsal_note(&self) -> Option<String> {
        if !self.rehearsal {
            return None;
        }
        let mut stages: Vec<(&StageId, f64)> = Vec::new();
        for wait in &self.shortened {
            match stages.iter_mut().find(|(stage, _)| *stage == &wait.stage) {
                Some((_, seconds)) => *seconds += wait.seconds,
                None => stages.push((&wait.stage, wait.seconds)),
            }
        }
        let waits: Vec<_> = stages
            .into_iter()
            .map(|(stage, seconds)| {
                let span = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
                format!("{stage} {}", duration(span))
            })
            .collect();
        let waits = match waits.is_empty() {
            true => String::new(),
            false => format!(" Waits were skipped: {}.", waits.join(", ")),
        };
        Some(format!(
            "REHEARSAL: emulator, clock scaled; nothing real was touched, and the rehearsal gave the approvals.\
             {waits} Latencies are real, against the emulator."
        ))
    }
}
