use serde::Serialize;

use crate::journal::Judged;
use crate::model::{Judgement, Severity, Share, StageId, Verdict};

/// One assertion and what was said of it last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AssertionReport {
    pub stage: StageId,
    /// The canary step, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// The weight of that step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Share>,
    /// The stage's try, from 1.
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

    /// Whether it belongs to the list of failures below the table.
    pub fn is_failure(&self) -> bool {
        self.verdict() != Verdict::Pass
    }

    /// The stage, and the step of a canary: `canary step 2 (25%)`.
    pub fn place_in_run(&self) -> String {
        match (self.step, self.weight) {
            (Some(step), Some(weight)) => format!("{} step {step} ({weight})", self.stage),
            (Some(step), None) => format!("{} step {step}", self.stage),
            (None, _) => self.stage.to_string(),
        }
    }

    /// The measured side of the text: `p95(query), 10m` of `p95(query) < 100ms over 10m`.
    pub fn metric(&self) -> String {
        let text = &self.judgement.text;
        let metric = text.split(['=', '!', '<', '>']).next().unwrap_or(text).trim();
        match self.judgement.window {
            Some(window) => format!("{metric}, {window}"),
            None => metric.to_owned(),
        }
    }

    /// The observed value; `-` where nothing was.
    pub fn observed(&self) -> String {
        self.judgement.observed.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
    }

    /// `plans/x.yaml:41:9`
    pub fn line(&self) -> String {
        let place = &self.judgement.place;
        format!("{}:{}:{}", place.file, place.line, place.column)
    }

    /// The verdict with its symbol; whatever a warning is not, it is shown as a warning.
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
