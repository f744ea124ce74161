//! What GitHub Actions shows of a run: a step summary, outputs, and annotations on the plan's lines.

use std::fs::OpenOptions;
use std::io::Write;

use super::exit::Exit;
use super::output::complain;
use super::session::Session;
use crate::error::{Error, Result};
use crate::model::Verdict;
use crate::report::{AssertionReport, Report, markdown};

/// GitHub shows ten annotations of a step.
const MOST_ANNOTATIONS: usize = 10;

/// Writes all of it where the process runs in GitHub Actions, and nothing elsewhere.
pub fn tell(session: &Session, report: &Report, exit: Exit) -> Result<()> {
    let surroundings = &session.surroundings;
    if surroundings.get("GITHUB_ACTIONS") != Some("true") {
        return Ok(());
    }
    if let Some(path) = surroundings.get("GITHUB_STEP_SUMMARY") {
        append(path, &markdown(report))?;
    }
    if let Some(path) = surroundings.get("GITHUB_OUTPUT") {
        append(path, &outputs(report, exit))?;
    }
    // Workflow commands are read from both streams; standard output is kept for data.
    annotations(report).iter().for_each(|line| complain(line));
    Ok(())
}

fn append(path: &str, text: &str) -> Result<()> {
    let cannot = |error| Error::io(format!("cannot write {path}"), error);
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(cannot)?;
    file.write_all(text.as_bytes()).map_err(cannot)
}

fn outputs(report: &Report, exit: Exit) -> String {
    let waiting = report.waiting.as_ref().map(|waiting| waiting.what.as_str()).unwrap_or_default();
    let next = report.next.as_ref().map(|next| next.command.as_str()).unwrap_or_default();
    let lines = [
        ("exit-code", exit.code().to_string()),
        ("exit-name", exit.name().to_owned()),
        ("run", report.run.clone()),
        ("digest", report.digest.clone()),
        ("waiting-for", waiting.to_owned()),
        ("next", next.to_owned()),
    ];
    lines.map(|(name, value)| format!("{name}={}\n", value.replace(['\r', '\n'], " "))).concat()
}

/// One line for each failure, worst first, and one that counts the rest.
fn annotations(report: &Report) -> Vec<String> {
    let failures = report.failures();
    let most =
        if failures.len() > MOST_ANNOTATIONS { MOST_ANNOTATIONS - 1 } else { MOST_ANNOTATIONS };
    let mut lines: Vec<_> = failures.iter().take(most).map(|one| annotation(one)).collect();
    if failures.len() > most {
        lines.push(format!(
            "::notice title=vecshift::and {} more; see the step summary",
            failures.len() - most
        ));
    }
    lines
}

fn annotation(one: &AssertionReport) -> String {
    let judgement = &one.judgement;
    let level = match (one.is_warning(), one.verdict()) {
        (false, Verdict::Fail | Verdict::Error) => "error",
        _ => "warning",
    };
    let message = format!(
        "{}: {}: expected {}, observed {} (n {})",
        one.verdict(),
        judgement.text,
        judgement.threshold,
        one.observed(),
        judgement.samples
    );
    format!(
        "::{level} file={},line={},col={},title={}::{}",
        property(&judgement.place.file),
        judgement.place.line,
        judgement.place.column,
        property(&one.place_in_run()),
        escape(&message)
    )
}

/// Escapes as GitHub's toolkit does (`packages/core/src/command.ts`, 2026).
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}
