//! Turns what a stage measured into a verdict.

use super::context::Context;
use crate::assertion::{Measured, judge_once, stage_verdict};
use crate::error::Result;
use crate::journal::{Event, Judged};
use crate::model::{Judgement, Verdict};

/// The combined judgement of a stage's assertions.
pub(super) struct Judgements {
    pub verdict: Verdict,
    /// The deciding assertions, in one line.
    pub reason: String,
}

impl Context {
    /// Judges every assertion of the stage once and records each judgement.
    pub(super) fn judge(&self, measured: &Measured, source: &Measured) -> Result<Judgements> {
        let assertions = &self.stage().assertions;
        let judgements: Vec<Judgement> =
            assertions.iter().map(|assertion| judge_once(assertion, measured, source)).collect();
        self.record_judgements(&judgements, None)?;
        Ok(self.combine(&judgements))
    }

    pub(super) fn record_judgements(
        &self,
        judgements: &[Judgement],
        step: Option<usize>,
    ) -> Result<()> {
        let attempt = self.state()?.attempt;
        for judgement in judgements {
            let judged = Judged { stage: self.id(), step, attempt, judgement: judgement.clone() };
            self.record(Event::Judged(judged))?;
        }
        Ok(())
    }

    /// Combines judgements into one verdict. A stage without a blocking assertion passes because its work is done.
    pub(super) fn combine(&self, judgements: &[Judgement]) -> Judgements {
        let strict = self.options.strict;
        let verdict = stage_verdict(judgements, strict).unwrap_or(Verdict::Pass);
        let decisive = judgements
            .iter()
            .find(|judgement| judgement.is_blocking(strict) && judgement.verdict == verdict);
        let reason = decisive.map(describe).unwrap_or_default();
        Judgements { verdict, reason }
    }
}

/// Formats a judgement as `p95(query) < 100ms: observed 182 ms, n 400`.
fn describe(judgement: &Judgement) -> String {
    let mut text = judgement.text.clone();
    if let Some(observed) = &judgement.observed {
        text.push_str(&format!(": observed {observed}, n {}", judgement.samples));
    }
    if let Some(reason) = &judgement.reason {
        text.push_str(&format!(": {reason}"));
    }
    text
}
