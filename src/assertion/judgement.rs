//! What is said of all assertions of a stage.

use super::compare::threshold_text;
use crate::model::{Judgement, Verdict};
use crate::plan::Assertion;

/// A judgement that has seen nothing yet.
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

/// The verdict of a stage: the worst of the judgements that block. `None` where nothing that blocks was asked,
/// which is for the caller to name; it is not a pass.
pub fn stage_verdict(judgements: &[Judgement], strict: bool) -> Option<Verdict> {
    judgements
        .iter()
        .filter(|judgement| judgement.is_blocking(strict))
        .map(|judgement| judgement.verdict)
        .reduce(Verdict::worst)
}
