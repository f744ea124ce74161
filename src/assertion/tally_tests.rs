//! Every order of measurements, tried at random: no data, errors and silences never pass.

use proptest::prelude::*;

use super::*;
use crate::assertion::test_assertion::assertion;

fn seen(value: f64) -> Seen {
    Seen { observed: Observed::Share(value), samples: 10, threshold: "< 1 %".into(), source: None }
}

fn passing() -> Reading {
    Reading::Passing(seen(0.001))
}

fn failing() -> Reading {
    Reading::Failing(seen(0.5))
}

fn error() -> Reading {
    Reading::Unmeasurable { reason: "unavailable".into() }
}

fn silent(samples: u64) -> Reading {
    Reading::Silent { side: Side::Target, samples }
}

fn tally(readings: impl IntoIterator<Item = Reading>) -> Tally {
    let mut tally = Tally::default();
    readings.into_iter().for_each(|reading| tally.take(reading));
    tally
}

fn without_pass() -> impl Strategy<Value = Reading> {
    prop_oneof![
        Just(failing()),
        Just(error()),
        (0..50_u64).prop_map(silent),
        Just(Reading::Silent { side: Side::Source, samples: 0 }),
    ]
}

fn any_reading() -> impl Strategy<Value = Reading> {
    prop_oneof![without_pass(), Just(passing())]
}

prop_compose! {
    fn any_assertion()(
        tolerate_failures in 0..4_u32,
        tolerate_errors in 0..4_u32,
        pass_after in 0..4_u32,
        is_strict in any::<bool>(),
    ) -> Assertion {
        let no_data = if is_strict { NoData::Fail } else { NoData::Inconclusive };
        Assertion { tolerate_failures, tolerate_errors, pass_after, no_data, ..assertion("error_rate < 1%") }
    }
}

proptest! {
    #[test]
    fn nothing_passes_without_a_passing_measurement(
        assertion in any_assertion(),
        readings in proptest::collection::vec(without_pass(), 0..40),
    ) {
        prop_assert_ne!(tally(readings).verdict(&assertion), Verdict::Pass);
    }

    #[test]
    fn more_failures_than_tolerated_fail_in_any_order(
        assertion in any_assertion(),
        readings in proptest::collection::vec(any_reading(), 0..40),
    ) {
        let failures = readings.iter().filter(|reading| matches!(reading, Reading::Failing(_))).count();
        let verdict = tally(readings).verdict(&assertion);
        if failures > assertion.tolerate_failures as usize {
            prop_assert_eq!(verdict, Verdict::Fail);
        } else if verdict == Verdict::Fail {
            prop_assert_eq!(assertion.no_data, NoData::Fail);
        }
    }

    #[test]
    fn another_failure_or_error_never_betters_a_verdict(
        assertion in any_assertion(),
        readings in proptest::collection::vec(any_reading(), 1..40),
        is_failure in any::<bool>(),
    ) {
        // `no_data: fail` applies only if there is no sample at all; one measurement lifts it.
        let mut tally = tally(readings);
        prop_assume!(!tally.is_empty());
        let before = tally.verdict(&assertion);
        tally.take(if is_failure { failing() } else { error() });
        prop_assert!(tally.verdict(&assertion) >= before);
    }

    #[test]
    fn what_is_decided_stays_decided(
        assertion in any_assertion(),
        readings in proptest::collection::vec(any_reading(), 0..40),
        later in proptest::collection::vec(any_reading(), 0..40),
    ) {
        let mut tally = tally(readings);
        if let Some(decided) = tally.decided(&assertion) {
            later.into_iter().for_each(|reading| tally.take(reading));
            prop_assert!(tally.decided(&assertion) >= Some(decided));
        }
    }

    #[test]
    fn a_tally_is_data(readings in proptest::collection::vec(any_reading(), 0..20)) {
        let tally = tally(readings);
        let text = serde_json::to_string(&tally).unwrap();
        prop_assert_eq!(serde_json::from_str::<Tally>(&text).unwrap(), tally);
    }
}

#[test]
fn the_third_failure_fails_where_two_are_tolerated() {
    let assertion = Assertion { tolerate_failures: 2, ..assertion("error_rate < 1%") };
    let mut tally = tally([passing(), failing(), failing()]);
    assert_eq!(tally.verdict(&assertion), Verdict::Pass);
    assert_eq!(tally.tolerated(&assertion).as_deref(), Some("2 of 2"));
    tally.take(failing());
    assert_eq!(tally.verdict(&assertion), Verdict::Fail);
    assert_eq!(tally.tolerated(&assertion).as_deref(), Some("3 of 2"));
}

#[test]
fn passes_in_a_row_are_broken_by_failures_and_errors_and_not_by_silence() {
    let assertion = Assertion {
        pass_after: 2,
        tolerate_failures: 5,
        tolerate_errors: 5,
        ..assertion("error_rate < 1%")
    };
    let verdict = |readings: [Reading; 3]| tally(readings).verdict(&assertion);
    assert_eq!(verdict([passing(), failing(), passing()]), Verdict::Inconclusive);
    assert_eq!(verdict([passing(), error(), passing()]), Verdict::Inconclusive);
    assert_eq!(verdict([passing(), silent(3), passing()]), Verdict::Pass);
}

#[test]
fn no_data_says_so() {
    let plain = assertion("error_rate < 1%");
    let reason = |tally: &Tally| tally.reason(&plain, tally.verdict(&plain));
    assert_eq!(reason(&tally([])).as_deref(), Some("nothing was measured"));
    assert_eq!(reason(&tally([silent(0)])).as_deref(), Some("no samples"));
    let strict = Assertion { no_data: NoData::Fail, min_samples: Some(200), ..plain.clone() };
    assert_eq!(tally([silent(0)]).verdict(&strict), Verdict::Fail);
    assert_eq!(tally([silent(17)]).verdict(&strict), Verdict::Inconclusive);
    let reason = tally([silent(17)]).reason(&strict, Verdict::Inconclusive);
    assert_eq!(reason.as_deref(), Some("17 of 200 samples"));
}

#[test]
fn a_source_without_samples_is_an_error() {
    let assertion = assertion("p95(query) <= 1.2x source");
    let tally = tally([Reading::Silent { side: Side::Source, samples: 0 }]);
    assert_eq!(tally.verdict(&assertion), Verdict::Error);
}

#[test]
fn the_worst_verdict_wins() {
    use Verdict::{Error, Fail, Inconclusive, Pass};
    let order = [Fail, Error, Inconclusive, Pass];
    for (rank, worse) in order.iter().enumerate() {
        for better in &order[rank..] {
            assert_eq!(worse.worst(*better), *worse);
            assert_eq!(better.worst(*worse), *worse);
        }
    }
}
