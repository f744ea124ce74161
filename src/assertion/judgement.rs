//! What is said of one assertion, and of all of a stage.

use serde::{Deserialize, Serialize};

use super::compare::threshold_text;
use super::{Observed, Verdict};
use crate::model::Span;
use crate::plan::assertion::Severity;
use crate::plan::{Assertion, Place};

/// What is said of one assertion, with everything a report needs to show why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The assertion's id, unique within its stage.
    pub assertion: String,
    /// The assertion as the plan has it.
    pub text: String,
    pub severity: Severity,
    pub verdict: Verdict,
    /// The value that decided; `None` where none could be measured.
    pub observed: Option<Observed>,
    /// `< 100 ms`.
    pub threshold: String,
    /// How many samples the observed value stands on.
    pub samples: u64,
    /// `None` = all of the stage or step.
    pub window: Option<Span>,
    /// `1 of 2`: failing measurements against those that are tolerated; `None` where all is well or none are.
    pub tolerated: Option<String>,
    /// Why it is not a pass, where the numbers alone do not tell.
    pub reason: Option<String>,
    pub place: Place,
}

impl Judgement {
    /// A judgement that has seen nothing yet.
    pub(super) fn unmeasured(assertion: &Assertion, verdict: Verdict) -> Self {
        Self {
            assertion: assertion.id.clone(),
            text: assertion.text.clone(),
            severity: assertion.severity,
            verdict,
            observed: None,
            threshold: threshold_text(assertion.comparison, &assertion.threshold, None),
            samples: 0,
            window: assertion.over,
            tolerated: None,
            reason: None,
            place: assertion.place.clone(),
        }
    }

    /// Whether this judgement counts for its stage: `strict` makes warnings count, too.
    pub fn is_blocking(&self, strict: bool) -> bool {
        strict || self.severity == Severity::Block
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
