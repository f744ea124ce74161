//! Reading a measurement against an assertion, and judging where there is only one.

use super::compare::{holds, threshold_text};
use super::judgement::unmeasured;
use super::tally::{Reading, Seen, Tally, needed};
use super::{Judgement, Measured, MeasuredValue, Observed};
use crate::model::Side;
use crate::plan::{Assertion, Threshold};

/// Judges an assertion of a stage that ends with one set of numbers; `source` is only read for `x source`.
///
/// What is tolerated in a row of measurements does not apply to a single one.
pub fn judge_once(assertion: &Assertion, target: &Measured, source: &Measured) -> Judgement {
    let single =
        Assertion { tolerate_failures: 0, tolerate_errors: 0, pass_after: 1, ..assertion.clone() };
    let mut tally = Tally::default();
    tally.take(read(&single, target.get(&single.metric), source.get(&single.metric)));
    judgement(&single, &tally)
}

/// Compares one measurement.
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
    let seen = Seen { observed: observed.clone(), samples, threshold };
    Ok(if holds { Reading::Passing(seen) } else { Reading::Failing(seen) })
}

/// The value of one side with enough samples behind it, else the reading that it is not.
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

/// What the readings so far say, if there were no more.
pub(super) fn judgement(assertion: &Assertion, tally: &Tally) -> Judgement {
    let verdict = tally.verdict(assertion);
    let blank = unmeasured(assertion, verdict);
    let seen = tally.telling(verdict);
    Judgement {
        observed: seen.map(|seen| seen.observed.clone()),
        threshold: seen.map_or(blank.threshold, |seen| seen.threshold.clone()),
        samples: seen.map_or(tally.most_samples(), |seen| seen.samples),
        tolerated: tally.tolerated(assertion),
        reason: tally.reason(assertion, verdict),
        ..blank
    }
}
