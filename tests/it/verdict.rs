//! The law of verdicts, seen from outside: whatever samples come in whatever order, no data is never a pass.

use std::time::Duration;

use proptest::prelude::*;
use vecshift::ErrorKind;
use vecshift::assertion::{Judge, Judgement, Measured, Progress, Series, Verdict};
use vecshift::clock::{Timestamp, after};
use vecshift::model::{Operation, Outcome, Sample, Side};
use vecshift::plan::assertion::{NoData, Severity};
use vecshift::plan::{Assertion, Comparison, MetricRef, Place, Threshold};

const START: Timestamp = Timestamp::UNIX_EPOCH;
const LIMIT: Duration = Duration::from_millis(100);

fn assertion(tolerate_failures: u32, min_samples: u64) -> Assertion {
    Assertion {
        id: "p95".into(),
        text: "p95(query) < 100ms over 1m".into(),
        metric: MetricRef { name: "p95".into(), argument: Some("query".into()) },
        comparison: Comparison::Less,
        threshold: Threshold::Seconds(0.1),
        over: Some("1m".parse().unwrap()),
        severity: Severity::Block,
        min_samples: Some(min_samples),
        warmup: None,
        tolerate_failures,
        tolerate_errors: 3,
        pass_after: 1,
        no_data: NoData::Inconclusive,
        every: None,
        place: Place::default(),
    }
}

/// A minute of the step: the queries answered quickly, answered slowly and not answered.
type Minute = (u64, u64, u64);

fn sample(minute: u64, latency: Duration, outcome: Outcome) -> Sample {
    Sample {
        at: after(START, Duration::from_secs(minute * 120)),
        side: Side::Target,
        operation: Operation::Query,
        latency,
        outcome,
        overlaps: Vec::new(),
        is_filtered: false,
        has_sparse: false,
    }
}

/// Judges minutes that are two minutes apart, so that each is measured alone.
fn judge(assertion: &Assertion, minutes: &[Minute]) -> (Judgement, Progress) {
    let mut series = Series::new(START, [assertion]);
    let mut judge = Judge::new(START, [assertion.clone()], false);
    for (minute, (quick, slow, failed)) in minutes.iter().enumerate() {
        let minute = minute as u64;
        let kinds = [
            (*quick, LIMIT / 2, Outcome::Answered),
            (*slow, LIMIT * 2, Outcome::Answered),
            (*failed, LIMIT / 100, Outcome::Failed(ErrorKind::Unavailable)),
        ];
        for (count, latency, outcome) in kinds {
            (0..count).for_each(|_| series.record(&sample(minute, latency, outcome)));
        }
        let now = after(START, Duration::from_secs(minute * 120));
        judge.tick(now, &series, &Measured::default());
    }
    let progress = judge.progress();
    let [judgement] = judge.judgements().try_into().unwrap();
    (judgement, progress)
}

/// Returns whether a minute by itself meets the assertion: enough samples, and 95 of 100 answered quickly.
fn is_good(minute: &Minute, min_samples: u64) -> bool {
    let (quick, slow, failed) = minute;
    let total = quick + slow + failed;
    total >= min_samples && (95 * total).div_ceil(100) <= *quick
}

proptest! {
    #[test]
    fn a_pass_has_seen_a_good_minute(
        minutes in proptest::collection::vec((0..30_u64, 0..4_u64, 0..4_u64), 0..8),
        tolerate_failures in 0..4_u32,
        min_samples in 1..25_u64,
    ) {
        let (judgement, _) = judge(&assertion(tolerate_failures, min_samples), &minutes);
        if judgement.verdict == Verdict::Pass {
            prop_assert!(minutes.iter().any(|minute| is_good(minute, min_samples)));
            prop_assert!(judgement.samples >= min_samples);
            prop_assert!(judgement.observed.is_some());
        }
    }

    #[test]
    fn silence_and_errors_alone_never_pass(
        failed in proptest::collection::vec(0..30_u64, 0..8),
        min_samples in 1..25_u64,
    ) {
        let minutes: Vec<Minute> = failed.into_iter().map(|failed| (0, 0, failed)).collect();
        let (judgement, _) = judge(&assertion(0, min_samples), &minutes);
        prop_assert!(matches!(judgement.verdict, Verdict::Error | Verdict::Inconclusive));
        prop_assert!(judgement.reason.is_some(), "it says why");
    }

    #[test]
    fn one_bad_minute_too_many_fails(
        mut minutes in proptest::collection::vec(Just((20, 0, 0)), 0..8),
        bad in proptest::collection::vec(0..8_usize, 1..5),
        tolerate_failures in 0..4_u32,
    ) {
        for at in &bad {
            minutes.insert((*at).min(minutes.len()), (0, 20, 0));
        }
        let (judgement, progress) = judge(&assertion(tolerate_failures, 10), &minutes);
        let is_too_many = bad.len() > tolerate_failures as usize;
        prop_assert_eq!(judgement.verdict == Verdict::Fail, is_too_many);
        prop_assert_eq!(progress == Progress::Decided(Verdict::Fail), is_too_many);
    }
}
