//! Turns what a stage measured into a verdict.

use super::view::View;
use crate::assertion::{Measured, judge_once, stage_verdict};
use crate::journal::{Event, Judged, StageState};
use crate::model::{Judgement, Side, Verdict};
use crate::plan::Assertion;

/// Judges every assertion of a stage once, by what was measured since it started.
pub(super) fn judge(view: View<'_>) -> Vec<Event> {
    let side = |side| view.stage().observed.get(&side).map(Measured::of_named).unwrap_or_default();
    let (target, source) = (side(Side::Target), side(Side::Source));
    let asked = view.asked();
    let judge = |assertion: &Assertion| judge_once(assertion, &target, &source);
    let mut judgements: Vec<Judgement> = asked.assertions.iter().map(judge).collect();
    judgements.extend(asked.implied().iter().map(judge).filter(is_told));
    let mut events = judged(view.stage(), &judgements, None);
    let (stage, strict) = (view.stage().id.clone(), view.terms.strict);
    let (verdict, reason) = combine(&judgements, strict);
    events.push(Event::StageJudged { stage, verdict, reason });
    events
}

/// What a plan implies is only worth a line where it does not hold. Of an index without records there is nothing to judge.
fn is_told(judgement: &Judgement) -> bool {
    matches!(judgement.verdict, Verdict::Fail | Verdict::Error)
}

/// Returns the events of judgements, of a step of a canary or of the whole stage.
pub(super) fn judged(
    state: &StageState,
    judgements: &[Judgement],
    step: Option<usize>,
) -> Vec<Event> {
    let judged = |judgement: &Judgement| {
        let (stage, attempt) = (state.id.clone(), state.attempt);
        Event::Judged(Judged { stage, step, attempt, judgement: judgement.clone() })
    };
    judgements.iter().map(judged).collect()
}

/// Combines judgements into one verdict, with the deciding assertion in one line. A stage without a blocking assertion
/// passes because its work is done.
pub(super) fn combine(judgements: &[Judgement], strict: bool) -> (Verdict, String) {
    let verdict = stage_verdict(judgements, strict).unwrap_or(Verdict::Pass);
    let decisive = judgements
        .iter()
        .find(|judgement| judgement.is_blocking(strict) && judgement.verdict == verdict);
    (verdict, decisive.map(describe).unwrap_or_default())
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
