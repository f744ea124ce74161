use std::time::Duration;

use super::*;
use crate::assertion::Observed;
use crate::assertion::test_assertion::assertion;
use crate::error::ErrorKind;
use crate::model::{Operation, Outcome, Sample};
use crate::plan::assertion::Severity;

const START: Timestamp = Timestamp::UNIX_EPOCH;

/// A step whose time is moved by hand, one tick a minute.
struct Step {
    judge: Judge,
    series: Series,
    minute: u64,
}

impl Step {
    fn new(assertions: impl IntoIterator<Item = Assertion>) -> Self {
        let assertions: Vec<Assertion> = assertions.into_iter().collect();
        let series = Series::new(START, &assertions);
        Self { judge: Judge::new(START, assertions, false), series, minute: 0 }
    }

    fn sample(&mut self, side: Side, millis: u64, outcome: Outcome) {
        self.series.record(&Sample {
            at: after(START, Duration::from_secs(self.minute * 60)),
            side,
            operation: Operation::Query,
            latency: Duration::from_millis(millis),
            outcome,
            overlaps: Vec::new(),
            is_filtered: false,
            has_sparse: false,
        });
    }

    /// Plays a minute in which the target answers `count` queries in `millis` ms each.
    fn minute(&mut self, count: u64, millis: u64) -> Progress {
        self.minute += 1;
        (0..count).for_each(|_| self.sample(Side::Target, millis, Outcome::Answered));
        self.tick()
    }

    fn tick(&mut self) -> Progress {
        let now = after(START, Duration::from_secs(self.minute * 60));
        self.judge.tick(now, &self.series, &Measured::default())
    }

    fn only(&self) -> Judgement {
        let [judgement] = self.judge.judgements().try_into().unwrap();
        judgement
    }
}

#[test]
fn a_quick_target_passes() {
    let mut step = Step::new([assertion("p95(query) < 100ms over 2m")]);
    assert_eq!(step.minute(50, 20), Progress::Ongoing);
    let judgement = step.only();
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert_eq!(judgement.observed.unwrap().to_string(), "20 ms");
    assert_eq!(judgement.threshold, "< 100 ms");
    assert_eq!((judgement.samples, judgement.reason), (50, None));
}

#[test]
fn an_idle_step_is_inconclusive_and_says_what_is_missing() {
    let idle = Assertion { min_samples: Some(200), ..assertion("p95(query) < 100ms over 90s") };
    let mut step = Step::new([idle]);
    for _ in 0..10 {
        assert_eq!(step.minute(3, 20), Progress::Ongoing);
    }
    let judgement = step.only();
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert_eq!(judgement.observed, None);
    assert_eq!(judgement.reason.as_deref(), Some("6 of 200 samples"));
}

#[test]
fn a_slow_target_fails_when_more_is_not_tolerated() {
    let tolerant = Assertion { tolerate_failures: 2, ..assertion("p95(query) < 100ms over 1m") };
    let mut step = Step::new([tolerant]);
    step.minute(50, 20);
    assert_eq!(step.minute(50, 300), Progress::Ongoing);
    assert_eq!(step.minute(50, 300), Progress::Ongoing);
    assert_eq!(step.only().tolerated.as_deref(), Some("2 of 2"));
    assert_eq!(step.minute(50, 300), Progress::Decided(Verdict::Fail));
    assert_eq!(step.minute(50, 20), Progress::Decided(Verdict::Fail), "there is no way back");
    assert_eq!(step.judge.verdict(), Some(Verdict::Fail));
}

#[test]
fn a_target_that_answers_nothing_is_an_error_and_never_a_pass() {
    let mut step = Step::new([assertion("p95(query) < 100ms over 2m")]);
    step.minute = 1;
    step.sample(Side::Target, 1, Outcome::Failed(ErrorKind::Timeout));
    assert_eq!(step.tick(), Progress::Decided(Verdict::Error));
    let reason = step.only().reason.unwrap();
    assert!(reason.contains("timeout"), "{reason}");
}

#[test]
fn an_error_can_still_become_a_failure() {
    let mut step =
        Step::new([assertion("p95(query) < 100ms over 1m"), assertion("error_rate < 1% over 1m")]);
    step.minute = 1;
    step.sample(Side::Target, 1, Outcome::Failed(ErrorKind::Timeout));
    assert_eq!(step.tick(), Progress::Decided(Verdict::Fail));
}

#[test]
fn the_source_is_measured_in_the_same_window() {
    let mut step = Step::new([assertion("p95(query) <= 1.2x source over 1m")]);
    step.minute = 1;
    step.sample(Side::Source, 100, Outcome::Answered);
    step.sample(Side::Target, 115, Outcome::Answered);
    assert_eq!(step.tick(), Progress::Ongoing);
    let judgement = step.only();
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert_eq!(judgement.threshold, "<= 1.2x source (120 ms)");
    step.minute += 5;
    step.sample(Side::Source, 50, Outcome::Answered);
    step.sample(Side::Target, 115, Outcome::Answered);
    assert_eq!(step.tick(), Progress::Decided(Verdict::Fail));
}

#[test]
fn a_source_that_was_never_asked_is_an_error_in_the_end() {
    let mut step = Step::new([assertion("p95(query) <= 1.2x source over 1m")]);
    assert_eq!(step.minute(50, 20), Progress::Ongoing);
    let judgement = step.only();
    assert_eq!(judgement.verdict, Verdict::Error);
    assert_eq!(judgement.reason.as_deref(), Some("the source had too few samples"));
}

#[test]
fn warnings_are_shown_and_do_not_stop_a_step_unless_strict() {
    let warning = || Assertion { severity: Severity::Warn, ..assertion("max(query) < 10ms") };
    let mut step = Step::new([warning(), assertion("error_rate < 1%")]);
    assert_eq!(step.minute(10, 50), Progress::Ongoing);
    assert_eq!(step.judge.judgements()[0].verdict, Verdict::Fail);
    assert_eq!(step.judge.verdict(), Some(Verdict::Pass));

    let mut strict = Step::new([warning()]);
    strict.judge = Judge::new(START, [warning()], true);
    assert_eq!(strict.minute(10, 50), Progress::Decided(Verdict::Fail));
    assert_eq!(Step::new([warning()]).judge.verdict(), None, "nothing that blocks was asked");
}

#[test]
fn measurements_keep_their_distance() {
    let seldom = Assertion {
        every: Some("5m".parse().unwrap()),
        tolerate_failures: 1,
        ..assertion("max(query) < 10ms over 1m")
    };
    let mut step = Step::new([seldom]);
    for _ in 1..=5 {
        assert_eq!(step.minute(10, 50), Progress::Ongoing);
    }
    assert_eq!(step.minute(10, 50), Progress::Decided(Verdict::Fail));
}

#[test]
fn what_samples_do_not_show_comes_from_the_caller() {
    let mut step = Step::new([assertion("weight == 25%")]);
    let mut extra = Measured::default();
    extra.set("weight", Observed::Share(0.25), 1);
    assert_eq!(step.judge.tick(START, &step.series, &extra), Progress::Ongoing);
    assert_eq!(step.only().verdict, Verdict::Pass);
}

#[test]
fn a_judge_goes_on_where_it_was_written_down() {
    let tolerant = Assertion { tolerate_failures: 1, ..assertion("p95(query) < 100ms over 1m") };
    let mut step = Step::new([tolerant]);
    step.minute(50, 300);
    let text = serde_json::to_string(&step.judge.readings()).unwrap();
    let assertion = step.judge.watched[0].assertion.clone();
    step.judge = Judge::new(START, [assertion], false).resume(serde_json::from_str(&text).unwrap());
    assert_eq!(step.minute(50, 300), Progress::Decided(Verdict::Fail));
    let judgement = step.only();
    let text = serde_json::to_string(&judgement).unwrap();
    assert_eq!(serde_json::from_str::<Judgement>(&text).unwrap(), judgement);
}

#[test]
fn what_takes_a_look_is_judged_by_the_looks_alone() {
    let mut step = Step::new([assertion("source.changed == 0")]);
    assert_eq!(step.minute(10, 5), Progress::Ongoing);
    assert_eq!(step.only().verdict, Verdict::Inconclusive);
    let look = |step: &mut Step, changed| {
        let mut looked = Measured::default();
        looked.set("source.changed", Observed::count(changed), 60);
        let now = after(START, Duration::from_secs(step.minute * 60));
        step.judge.tick(now, &step.series, &looked)
    };
    assert_eq!(look(&mut step, 0), Progress::Ongoing);
    assert_eq!(step.minute(10, 5), Progress::Ongoing);
    assert_eq!((step.only().verdict, step.only().samples), (Verdict::Pass, 60));
    assert_eq!(look(&mut step, 2), Progress::Decided(Verdict::Fail));
}

#[test]
fn a_look_is_due_as_often_as_its_assertion_says() {
    let every = Some("10m".parse().unwrap());
    let often = Assertion { every, ..assertion("source.changed == 0") };
    let at = |minutes: u64| after(START, Duration::from_secs(minutes * 60));
    let mut judge = Judge::new(START, [often], false);
    assert!(judge.wants("source.changed", at(1)) && !judge.wants("weight", at(1)));
    let mut looked = Measured::default();
    looked.set("source.changed", Observed::count(0), 60);
    judge.tick(at(1), &Series::new(START, &[]), &looked);
    assert!(!judge.wants("source.changed", at(10)));
    assert!(judge.wants("source.changed", at(11)));
    let once = Judge::new(START, [assertion("source.changed == 0")], false);
    assert!(!once.wants("source.changed", at(1)), "at the end alone");
}
