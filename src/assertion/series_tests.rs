use super::*;
use crate::assertion::test_assertion::assertion;
use crate::assertion::{Observed, metric_ref};
use crate::error::ErrorKind;
use crate::model::{Operation, Outcome, Overlap};

const START: Timestamp = Timestamp::UNIX_EPOCH;

fn at(seconds: u64) -> Timestamp {
    after(START, Duration::from_secs(seconds))
}

fn answered(seconds: u64, millis: u64) -> Sample {
    Sample {
        at: at(seconds),
        side: Side::Target,
        operation: Operation::Query,
        latency: Duration::from_millis(millis),
        outcome: Outcome::Answered,
        overlaps: Vec::new(),
        is_filtered: false,
        has_sparse: false,
    }
}

fn failed(seconds: u64) -> Sample {
    Sample { outcome: Outcome::Failed(ErrorKind::Unavailable), ..answered(seconds, 1) }
}

fn series(samples: impl IntoIterator<Item = Sample>) -> Series {
    let mut series = Series::new(START, []);
    samples.into_iter().for_each(|sample| series.record(&sample));
    series
}

fn total(series: &Series, metric: &str) -> (Observed, u64) {
    match series.total(Side::Target, &metric_ref(metric)) {
        MeasuredValue::Value { observed, samples } => (observed, samples),
        other => panic!("{metric}: {other:?}"),
    }
}

fn millis(series: &Series, metric: &str) -> f64 {
    total(series, metric).0.number().unwrap() * 1e3
}

fn assert_near(value: f64, expected: f64) {
    assert!((value / expected - 1.0).abs() <= 0.001, "{value} is not within 0.1 % of {expected}");
}

#[test]
fn percentiles_are_nearest_ranks() {
    let series = series((1..=100).map(|millis| answered(1, millis)));
    for (metric, expected) in
        [("p50(query)", 50.0), ("p95(query)", 95.0), ("p99(query)", 99.0), ("max(query)", 100.0)]
    {
        assert_near(millis(&series, metric), expected);
    }
    assert_eq!(total(&series, "p95(query)").1, 100);
}

#[test]
fn the_nearest_rank_of_few_is_one_of_them() {
    let series = series([10, 20, 30].map(|millis| answered(1, millis)));
    assert_near(millis(&series, "p50(query)"), 20.0);
    assert_near(millis(&series, "p95(query)"), 30.0);
    assert_near(millis(&series, "p1(query)"), 10.0);
}

#[test]
fn failed_queries_rank_behind_every_answered_one() {
    let answers = (1..=95).map(|millis| answered(1, millis));
    let series = series(answers.chain((0..5).map(|_| failed(1))));
    assert_near(millis(&series, "p95(query)"), 95.0);
    assert_eq!(total(&series, "p96(query)"), (Observed::Unanswered, 100));
    assert_eq!(total(&series, "max(query)"), (Observed::Unanswered, 100));
    assert_eq!(total(&series, "error_rate"), (Observed::Share(0.05), 100));
}

#[test]
fn no_latency_is_measured_where_nothing_was_answered() {
    let series = series((0..3).map(|_| failed(1)));
    let value = series.total(Side::Target, &metric_ref("p95(query)"));
    let reason = "none of 3 was answered, the last one: unavailable".into();
    assert_eq!(value, MeasuredValue::NotMeasured { reason });
    assert_eq!(total(&series, "error_rate"), (Observed::Share(1.0), 3));
}

#[test]
fn nothing_has_no_samples_and_no_number() {
    let series = series([]);
    for metric in ["p95(query)", "cold(query)", "error_rate", "overlap@10", "requests"] {
        assert_eq!(total(&series, metric).1, 0, "{metric}");
    }
}

#[test]
fn overlaps_are_means_of_the_queries_that_have_one() {
    let with = |share, is_filtered| Sample {
        overlaps: vec![Overlap { k: 10, share }],
        is_filtered,
        ..answered(1, 5)
    };
    let series = series([with(1.0, false), with(0.5, true), answered(1, 5)]);
    assert_eq!(total(&series, "overlap@10"), (Observed::Share(0.75), 2));
    assert_eq!(total(&series, "filtered_overlap@10"), (Observed::Share(0.5), 1));
    assert_eq!(total(&series, "overlap@5").1, 0);
}

#[test]
fn cold_queries_and_fetches_are_kept_apart() {
    let of = |operation, millis| Sample { operation, ..answered(1, millis) };
    let series = series([
        of(Operation::ColdQuery, 400),
        of(Operation::ColdQuery, 300),
        of(Operation::Query, 20),
        of(Operation::Fetch, 7),
    ]);
    assert_near(millis(&series, "cold(query)"), 400.0);
    assert_near(millis(&series, "p95(query)"), 20.0);
    assert_near(millis(&series, "p95(fetch)"), 7.0);
    assert_eq!(total(&series, "requests"), (Observed::Number(1.0), 1));
}

#[test]
fn the_sides_are_kept_apart() {
    let series = series([answered(1, 20), Sample { side: Side::Source, ..answered(1, 80) }]);
    assert_near(millis(&series, "p95(query)"), 20.0);
    let source = series.total(Side::Source, &metric_ref("p95(query)"));
    let MeasuredValue::Value { observed, samples: 1 } = source else { panic!("{source:?}") };
    assert_near(observed.number().unwrap(), 0.08);
}

#[test]
fn a_window_forgets_and_never_reaches_too_far_back() {
    let assertion = assertion("error_rate < 1% over 10m");
    let mut series = Series::new(START, [&assertion]);
    for second in 0..3600 {
        series.record(&if second < 1800 { failed(second) } else { answered(second, 5) });
    }
    let rate = |now| match series.measure(&assertion, Side::Target, at(now)) {
        MeasuredValue::Value { observed, samples } => (observed.number().unwrap(), samples),
        other => panic!("{other:?}"),
    };
    let (share, samples) = rate(3599);
    assert_eq!(share, 0.0);
    assert!((590..=600).contains(&samples), "{samples}");
    assert_eq!(rate(3600 + 600).1, 0, "all of it is too old by then");
}

#[test]
fn memory_does_not_grow_with_time() {
    let assertion = assertion("p95(query) < 1s over 10m");
    let mut series = Series::new(START, [&assertion]);
    for second in (0..7 * 86_400).step_by(7) {
        series.record(&answered(second, 5));
        assert!(series.views[0].parts.len() <= PARTS as usize + 1);
    }
}

#[test]
fn a_warmup_is_not_measured() {
    let cold = Assertion { warmup: Some("1m".parse().unwrap()), ..assertion("max(query) < 100ms") };
    let mut series = Series::new(START, [&cold]);
    series.record(&answered(30, 5000));
    series.record(&answered(61, 20));
    let value = series.measure(&cold, Side::Target, at(70));
    let MeasuredValue::Value { observed, samples: 1 } = value else { panic!("{value:?}") };
    assert_near(observed.number().unwrap(), 0.02);
}

#[test]
fn what_samples_do_not_show_is_not_measured() {
    for metric in ["copy.failed", "p95(insert)", "pninety(query)", "p0(query)", "p100(query)"] {
        let value = series([answered(1, 5)]).total(Side::Target, &metric_ref(metric));
        assert!(matches!(value, MeasuredValue::NotMeasured { .. }), "{metric}: {value:?}");
    }
}
