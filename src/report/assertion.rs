use serde::Serialize;

use crate::journal::Judged;
use crate::model::{Judgement, Severity, Share, StageId, Verdict, duration};

/// One assertion and its last judgement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AssertionReport {
    pub stage: StageId,
    /// The canary step, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// The weight of that step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Share>,
    /// Attempt of the stage, from 1.
    pub attempt: u32,
    #[serde(flatten)]
    pub judgement: Judgement,
}

impl AssertionReport {
    pub(super) fn new(judged: &Judged, weight: Option<Share>) -> Self {
        Self {
            stage: judged.stage.clone(),
            step: judged.step.map(|step| step + 1),
            weight,
            attempt: judged.attempt,
            judgement: judged.judgement.clone(),
        }
    }

    pub fn verdict(&self) -> Verdict {
        self.judgement.verdict
    }

    pub fn is_warning(&self) -> bool {
        self.judgement.severity == Severity::Warn
    }

    /// Returns whether it belongs to the list of failures below the table.
    pub fn is_failure(&self) -> bool {
        self.verdict() != Verdict::Pass
    }

    /// Returns the stage, and the step of a canary: `canary step 2 (25%)`.
    pub fn place_in_run(&self) -> String {
        place_in_run(&self.stage, self.step, self.weight)
    }

    /// Returns the text, behind its id if the plan gives one: `fast-enough: p95(query) < 100ms`.
    pub fn named(&self) -> String {
        named(&self.judgement.assertion, &self.judgement.text)
    }

    /// Returns the measured side of the text, behind its id: `p95(query), 10 min` for `p95(query) < 100ms over 10m`.
    pub fn metric(&self) -> String {
        let text = &self.judgement.text;
        let metric = text.split(['=', '!', '<', '>']).next().unwrap_or(text).trim();
        let metric = match self.judgement.window {
            Some(window) => format!("{metric}, {}", duration(window.0)),
            None => metric.to_owned(),
        };
        // An assertion without an id of its own goes by its text.
        match self.judgement.assertion == *text {
            true => metric,
            false => format!("{}: {metric}", self.judgement.assertion),
        }
    }

    /// Returns the observed value; `-` if there is none.
    pub fn observed(&self) -> String {
        self.judgement.observed.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
    }

    /// Returns the place in the plan: `plans/x.yaml:41:9`.
    pub fn line(&self) -> String {
        let place = &self.judgement.place;
        format!("{}:{}:{}", place.file, place.line, place.column)
    }

    /// Returns the verdict with its symbol; a warning that did not pass is shown as a warning, whatever the verdict.
    pub fn verdict_words(&self) -> &'static str {
        match (self.verdict(), self.is_warning()) {
            (Verdict::Pass, _) => "✓ pass",
            (_, true) => "~ warn",
            (Verdict::Fail, false) => "✗ fail",
            (Verdict::Error, false) => "! error",
            (Verdict::Inconclusive, false) => "? inconclusive",
        }
    }
}

/// Returns the text of an assertion, behind its id if the plan gives one.
pub(super) fn named(id: &str, text: &str) -> String {
    if id == text { text.to_owned() } else { format!("{id}: {text}") }
}

pub(super) fn place_in_run(stage: &StageId, step: Option<usize>, weight: Option<Share>) -> String {
    match (step, weight) {
        (Some(step), Some(weight)) => format!("{stage} step {step} ({weight})"),
        (Some(step), None) => format!("{stage} step {step}"),
        (None, _) => stage.to_string(),
    }
}
