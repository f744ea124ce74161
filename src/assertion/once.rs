//! Reads measurements against an assertion, and judges an assertion that is measured once.

use super::compare::{holds, threshold_text};
use super::judgement::unmeasured;
use super::tally::{Reading, Seen, Tally, needed};
use super::{Judgement, Measured, MeasuredValue, Observed};
use crate::model::{Meanwhile, Side};
use crate::plan::{Assertion, Threshold};

/// Judges an assertion of a stage that ends with one set of numbers. `source` is read only for thresholds like
/// `1.2x source`.
///
/// Tolerated failures in a row do not apply to a single measurement.
pub fn judge_once(assertion: &Assertion, target: &Measured, source: &Measured) -> Judgement {
    let single =
        Assertion { tolerate_failures: 0, tolerate_errors: 0, pass_after: 1, ..assertion.clone() };
    let mut tally = Tally::default();
    tally.take(read(&single, target.get(&single.metric), source.get(&single.metric)));
    judgement(&single, &tally)
}

/// Compares one measurement with the assertion's threshold.
pub(super) fn read(
    assertion: &Assertion,
    target: Option<&MeasuredValue>,
    source: Option<&MeasuredValue>,
) -> Reading {
    read_both(assertion, target, source).unwrap_or_else(|reading| reading)
}

fn read_both(
    assertion: &Assertion,
    target: Option<&MeasuredValue>,
    source: Option<&MeasuredValue>,
) -> Result<Reading, Reading> {
    let (observed, samples) = side(assertion, Side::Target, target)?;
    let reference = match assertion.threshold {
        Threshold::TimesSource(_) => Some(side(assertion, Side::Source, source)?.0),
        _ => None,
    };
    let holds = holds(observed, assertion.comparison, &assertion.threshold, reference)
        .map_err(|reason| Reading::Unmeasurable { reason })?;
    let threshold = threshold_text(assertion.comparison, &assertion.threshold, reference);
    let source = meanwhile(source);
    let seen = Seen { observed: observed.clone(), samples, threshold, source };
    Ok(if holds { Reading::Passing(seen) } else { Reading::Failing(seen) })
}

/// Returns the source's latency, to hold the target's against. `None` for counts and shares, which need no comparison.
fn meanwhile(source: Option<&MeasuredValue>) -> Option<Meanwhile> {
    match source {
        Some(MeasuredValue::Value { observed, samples })
            if *samples > 0 && matches!(observed, Observed::Seconds(_) | Observed::Unanswered) =>
        {
            Some(Meanwhile { observed: observed.clone(), samples: *samples })
        }
        _ => None,
    }
}

/// Returns the value of one side if enough samples stand behind it, else the reading that says why not.
fn side<'a>(
    assertion: &Assertion,
    side: Side,
    value: Option<&'a MeasuredValue>,
) -> Result<(&'a Observed, u64), Reading> {
    let unmeasurable = |why: &str| {
        let reason = format!("{} of the {}: {why}", assertion.metric, side.name());
        Reading::Unmeasurable { reason }
    };
    match value {
        None => Err(unmeasurable("was not measured")),
        Some(MeasuredValue::NotMeasured { reason }) => Err(unmeasurable(reason)),
        Some(MeasuredValue::Value { samples, .. }) if *samples < needed(assertion) => {
            Err(Reading::Silent { side, samples: *samples })
        }
        Some(MeasuredValue::Value { observed, samples }) => Ok((observed, *samples)),
    }
}

/// Returns the judgement by the readings so far, as if there were no more.
pub(super) fn judgement(assertion: &Assertion, tally: &Tally) -> Judgement {
    let verdict = tally.verdict(assertion);
    let blank = unmeasured(assertion, verdict);
    let seen = tally.decisive(verdict);
    Judgement {
        observed: seen.map(|seen| seen.observed.clone()),
        threshold: seen.map_or(blank.threshold, |seen| seen.threshold.clone()),
        samples: seen.map_or(tally.most_samples(), |seen| seen.samples),
        source: seen.and_then(|seen| seen.source.clone()),
        tolerated: tally.tolerated(assertion),
        reason: tally.reason(assertion, verdict),
        ..blank
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assertion::Verdict;
    use crate::assertion::test_assertion::assertion;

    fn judge(text: &str, metric: &str, observed: Observed, samples: u64) -> Judgement {
        let mut measured = Measured::default();
        measured.set(metric, observed, samples);
        judge_once(&assertion(text), &measured, &Measured::default())
    }

    #[test]
    fn a_number_is_judged_with_all_that_shows_why() {
        let judgement = judge("source.records > 0", "source.records", Observed::count(5000), 1);
        assert_eq!(judgement.verdict, Verdict::Pass);
        assert_eq!(judgement.observed, Some(Observed::Number(5000.0)));
        assert_eq!((judgement.threshold.as_str(), judgement.samples), ("> 0", 1));
        assert_eq!((judgement.reason, judgement.place.line), (None, 3));
    }

    #[test]
    fn nothing_of_nothing_never_passes() {
        let judgement = judge("copy.failed == 0", "copy.failed", Observed::count(0), 0);
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert_eq!(judgement.reason.as_deref(), Some("no samples"));
    }

    #[test]
    fn what_is_no_number_never_passes() {
        for text in ["copy.rate < 1", "copy.rate >= 0", "copy.rate != 7", "copy.rate == 0"] {
            let judgement = judge(text, "copy.rate", Observed::Number(f64::NAN), 9);
            assert_eq!(judgement.verdict, Verdict::Error, "{text}");
        }
    }

    #[test]
    fn what_was_not_measured_is_an_error_with_its_reason() {
        let mut measured = Measured::default();
        measured.set_not_measured("source.reads", "no gateway and no Prometheus is configured");
        let judgement =
            judge_once(&assertion("source.reads == 0"), &measured, &Measured::default());
        assert_eq!(judgement.verdict, Verdict::Error);
        let reason = judgement.reason.unwrap();
        assert!(reason.ends_with("no gateway and no Prometheus is configured"), "{reason}");

        let nothing = Measured::default();
        let judgement = judge_once(&assertion("source.reads == 0"), &nothing, &nothing);
        assert_eq!(judgement.verdict, Verdict::Error);
    }

    #[test]
    fn a_single_failure_is_not_tolerated() {
        let tolerant = Assertion { tolerate_failures: 2, ..assertion("missing == 0") };
        let mut measured = Measured::default();
        measured.set("missing", Observed::count(1), 5000);
        let judgement = judge_once(&tolerant, &measured, &Measured::default());
        assert_eq!(judgement.verdict, Verdict::Fail);
    }

    #[test]
    fn the_source_is_the_other_measurement() {
        let assertion = assertion("p95(query) <= 1.2x source");
        let side = |seconds, samples| {
            let mut measured = Measured::default();
            measured.set("p95(query)", Observed::Seconds(seconds), samples);
            measured
        };
        let verdict = |source| judge_once(&assertion, &side(0.11, 500), &source).verdict;
        assert_eq!(verdict(side(0.1, 500)), Verdict::Pass);
        assert_eq!(verdict(side(0.09, 500)), Verdict::Fail);
        assert_eq!(verdict(side(0.1, 0)), Verdict::Error);
        assert_eq!(verdict(Measured::default()), Verdict::Error);
    }
}
