//! The report for a CI server: a suite for each stage, a case for each assertion.
//!
//! An assertion that failed is a failure. One that could not be measured, or not enough, is an error: nothing
//! is known of it. A warning is skipped with what it would have said; it never fails a build.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{AssertionReport, Report, StageReport};
use crate::error::{Error, Result};
use crate::model::Verdict;

/// The report as JUnit XML.
///
/// # Errors
/// `Unexpected` where it cannot be written as XML.
pub fn junit(report: &Report) -> Result<String> {
    let mut junit = quick_junit::Report::new(report.plan.as_str());
    for stage in &report.stages {
        junit.add_test_suite(suite(report, stage));
    }
    junit.to_string().map_err(|error| {
        Error::unexpected("the report cannot be written as XML").with_source(error)
    })
}

fn suite(report: &Report, stage: &StageReport) -> TestSuite {
    let mut suite = TestSuite::new(stage.stage.as_str());
    if let Some(took) = stage.time() {
        suite.set_time(took);
    }
    let properties = [
        ("run", report.run.as_str()),
        ("digest", report.digest.as_str()),
        ("rehearsal", if report.rehearsal { "true" } else { "false" }),
        ("status", stage.status),
    ];
    for property in properties {
        suite.add_property(property);
    }
    let mine = report.assertions.iter().filter(|one| one.stage == stage.stage);
    suite.add_test_cases(mine.map(case));
    if let Some(case) = stage_case(stage) {
        suite.add_test_case(case);
    }
    suite
}

fn case(one: &AssertionReport) -> TestCase {
    let judgement = &one.judgement;
    let name = match one.step {
        Some(_) => format!("{}: {}", one.place_in_run(), judgement.text),
        None => judgement.text.clone(),
    };
    let mut case = TestCase::new(name, status(one));
    case.set_classname(one.stage.as_str());
    case.add_property(("place", one.line().as_str()));
    case.set_system_out(format!(
        "{}: expected {}, actual {}",
        one.verdict_words(),
        judgement.threshold,
        one.actual()
    ));
    case
}

fn status(one: &AssertionReport) -> TestCaseStatus {
    let mut status = match one.verdict() {
        Verdict::Pass => TestCaseStatus::success(),
        _ if one.is_warning() => TestCaseStatus::skipped(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Error | Verdict::Inconclusive => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    let judgement = &one.judgement;
    let told: Vec<_> = judgement.reason.clone().into_iter().chain(one.meanwhile()).collect();
    let reason = if told.is_empty() { String::new() } else { format!(" ({})", told.join("; ")) };
    status
        .set_type(one.verdict().name())
        .set_message(format!("expected {}, actual {}{reason}", judgement.threshold, one.actual()))
        .set_description(one.line());
    status
}

/// A stage that ended in an error has a case of its own: no assertion tells of it.
fn stage_case(stage: &StageReport) -> Option<TestCase> {
    let reason =
        stage.reason.as_ref().filter(|_| matches!(stage.status, "error" | "undo failed"))?;
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(stage.status).set_message(reason.as_str());
    let mut case = TestCase::new(format!("{} can be done", stage.stage), status);
    case.set_classname(stage.stage.as_str());
    Some(case)
}
