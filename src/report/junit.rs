//! The report for a CI server: a suite for each stage, a case for each assertion.
//!
//! An assertion that failed is a failure. One that could not be measured, or not enough, is an error: nothing is known
//! of it. A warning is a skipped case with its message; it never fails a build. An assertion that was not reached is
//! skipped, too, so that a report that ends early does not look like one with less to prove.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{AssertionReport, Early, Problem, Report, StageReport, Unreached};
use crate::error::{Error, Result};
use crate::model::Verdict;
use crate::plan::Level;

/// Renders the report as JUnit XML.
///
/// # Errors
/// `Unexpected` if it cannot be written as XML.
pub fn junit(report: &Report) -> Result<String> {
    let mut junit = quick_junit::Report::new(report.plan.as_str());
    for stage in &report.stages {
        junit.add_test_suite(suite(report, stage));
    }
    junit.add_test_suites(error_suite(report));
    as_text(&junit)
}

/// Renders a command without a report as JUnit XML: its problems as errors, every assertion of its plan as skipped.
///
/// # Errors
/// `Unexpected` if it cannot be written as XML.
pub fn early_junit(early: &Early) -> Result<String> {
    let mut junit = quick_junit::Report::new(early.name());
    let name = format!("vecshift {}", early.command);
    let mut suite = TestSuite::new(name.as_str());
    suite.add_test_cases(early.problems.iter().map(|problem| problem_case(&name, problem)));
    junit.add_test_suite(suite);
    for stage in early.unreached.chunk_by(|one, next| one.stage == next.stage) {
        let mut suite = TestSuite::new(stage[0].stage.as_str());
        suite.add_test_cases(stage.iter().map(skipped_case));
        junit.add_test_suite(suite);
    }
    as_text(&junit)
}

fn as_text(junit: &quick_junit::Report) -> Result<String> {
    junit.to_string().map_err(|error| {
        Error::unexpected("the report cannot be written as XML").with_source(error)
    })
}

/// Returns the suite with the error of a hook of the whole run, which belongs to no stage.
fn error_suite(report: &Report) -> Option<TestSuite> {
    let error = report.error.as_ref().filter(|error| error.hook.is_some())?;
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(error.kind.unwrap_or("error")).set_message(error.message.as_str());
    let mut suite = TestSuite::new("hooks");
    let mut case = TestCase::new(error.hook.clone().unwrap_or_default(), status);
    case.set_classname("hooks");
    suite.add_test_case(case);
    Some(suite)
}

fn problem_case(suite: &str, problem: &Problem) -> TestCase {
    let mut status = match problem.level {
        Level::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Level::Warning => TestCaseStatus::skipped(),
    };
    status.set_type(problem.kind.as_str()).set_message(problem.text());
    let name = match problem.line() {
        Some(line) => format!("{} {line}", problem.kind),
        None => problem.kind.clone(),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(suite);
    case
}

fn skipped_case(one: &Unreached) -> TestCase {
    let mut status = TestCaseStatus::skipped();
    status.set_message("not reached");
    let name = match one.step {
        Some(_) => format!("{}: {}", one.place_in_run(), one.named()),
        None => one.named(),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(one.stage.as_str());
    case.add_property(("place", one.line().as_str()));
    case
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
    let left = report.unreached.iter().filter(|one| one.stage == stage.stage);
    suite.add_test_cases(left.map(skipped_case));
    if let Some(case) = stage_case(stage) {
        suite.add_test_case(case);
    }
    suite
}

fn case(one: &AssertionReport) -> TestCase {
    let judgement = &one.judgement;
    let name = match one.step {
        Some(_) => format!("{}: {}", one.place_in_run(), one.named()),
        None => one.named(),
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
    let why: Vec<_> = judgement.reason.clone().into_iter().chain(one.meanwhile()).collect();
    let reason = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
    status
        .set_type(one.verdict().name())
        .set_message(format!("expected {}, actual {}{reason}", judgement.threshold, one.actual()))
        .set_description(one.line());
    status
}

/// Returns the case of a stage that ended in an error, which no assertion shows.
fn stage_case(stage: &StageReport) -> Option<TestCase> {
    let reason =
        stage.reason.as_ref().filter(|_| matches!(stage.status, "error" | "undo failed"))?;
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(stage.status).set_message(reason.as_str());
    let mut case = TestCase::new(format!("{} can be done", stage.stage), status);
    case.set_classname(stage.stage.as_str());
    Some(case)
}
