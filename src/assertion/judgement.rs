//! Judgements of all the assertions of a stage.

use super::compare::threshold_text;
use crate::model::{Judgement, Verdict};
use crate::plan::Assertion;

/// A judgement for an assertion that was not measured.
pub(super) fn unmeasured(assertion: &Assertion, verdict: Verdict) -> Judgement {
    Judgement {
        assertion: assertion.id.clone(),
        text: assertion.text.clone(),
        severity: assertion.severity,
        verdict,
        observed: None,
        threshold: threshold_text(assertion.comparison, &assertion.threshold, None),
        samples: 0,
        source: None,
        window: assertion.over,
        tolerated: None,
        reason: None,
        place: assertion.place.clone(),
    }
}

/// Returns the verdict of a stage: the worst of its blocking judgements. `None` if there is no blocking judgement;
/// that is not a pass, and the caller decides what to call it.
pub fn stage_verdict(judgements: &[Judgement], strict: bool) -> Option<Verdict> {
    judgements
        .iter()
        .filter(|judgement| judgement.is_blocking(strict))
        .map(|judgement| judgement.verdict)
        .reduce(Verdict::worst)
}
