//! Output of a command in GitHub Actions: a step summary, outputs, and annotations on the plan's lines.

use super::ended::Ended;
use super::environment::Surroundings;
use super::output::Summary;
use crate::model::{Place, Verdict};
use crate::plan::{Colour, Level};
use crate::report::{AssertionReport, Problem, Report, Waiting};
use crate::text::markdown::{block, plain};

/// The most annotations that GitHub shows for a step.
const MOST_ANNOTATIONS: usize = 10;
/// The largest step summary that GitHub accepts, in bytes (docs.github.com, "Workflow commands for GitHub Actions",
/// 2026-11).
const MOST_SUMMARY: usize = 1024 * 1024;

/// A message attached to a line of a file, or to the whole step.
struct Annotation {
    level: &'static str,
    place: Option<Place>,
    title: String,
    message: String,
}

/// Renders the step summary: the report, or else the command's own summary, or else why it did nothing. `None` for
/// commands that do not concern one plan.
pub fn summary(ended: &Ended) -> Option<String> {
    const OF_A_PLAN: [&str; 7] =
        ["validate", "plan", "rehearse", "run", "rollback", "audit", "check"];
    if !OF_A_PLAN.contains(&ended.command) {
        return None;
    }
    let text = match &ended.account.summary {
        Some(Summary::Markdown(text)) => text.clone(),
        Some(Summary::Text(text)) => {
            let plan = ended.read.map(|read| read.plan.name.as_str()).unwrap_or_default();
            let warnings = ended.read.map(|read| read.warnings.render(Colour::Never));
            let text = format!("{}{text}", warnings.unwrap_or_default());
            format!("# vecshift {}: {}\n\n{}\n", ended.command, plain(plan), block(&text))
        }
        None => ended.markdown(),
    };
    Some(cut(text))
}

fn cut(mut text: String) -> String {
    const MORE: &str = "\n\n… cut off: GitHub takes no longer summary\n";
    if text.len() > MOST_SUMMARY {
        let mut end = MOST_SUMMARY - MORE.len();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(MORE);
    }
    text
}

/// Formats the outputs of the step, one `name=value` per line. A run's outputs are empty if there is no run.
pub fn outputs(ended: &Ended) -> String {
    let report = ended.account.report.as_ref();
    let plan = ended.read.map(|read| &read.plan);
    let of = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let digest = report
        .map(|report| report.digest.as_str())
        .or_else(|| plan.map(|plan| plan.digest.as_str()));
    let waiting = report.and_then(|report| report.waiting.as_ref());
    let next = report.and_then(|report| report.next.as_ref());
    let next_at = waiting.and_then(Waiting::next_at).map(|at| at.to_string());
    let lines = [
        ("exit-code", ended.exit.code().to_string()),
        ("exit-name", ended.exit.name().to_owned()),
        ("plan", of(plan.map(|plan| plan.name.as_str()))),
        ("run", of(report.map(|report| report.run.as_str()))),
        ("digest", of(digest)),
        ("waiting-for", of(waiting.map(|waiting| waiting.what.as_str()))),
        ("next-at", of(next_at.as_deref())),
        ("next", of(next.map(|next| next.command.as_str()))),
    ];
    lines.map(|(name, value)| format!("{name}={}\n", value.replace(['\r', '\n'], " "))).concat()
}

/// Formats a line for each problem and failure, worst first, and one that counts the rest.
pub fn annotations(ended: &Ended, surroundings: &Surroundings) -> Vec<String> {
    let mut all: Vec<_> = ended.problems.iter().map(of_problem).collect();
    if let Some(report) = &ended.account.report {
        all.extend(of_error(report));
        all.extend(report.failures().into_iter().map(of_assertion));
    }
    // If the plan has errors, its warnings are among the problems already.
    if let Some(read) = ended.read {
        all.extend(
            read.warnings.iter().map(|warning| of_problem(&Problem::of_diagnostic(warning))),
        );
    }
    // The sort is stable, so equals keep their order.
    all.sort_by_key(|one| one.level != "error");
    let plan = ended.read.map(|read| read.plan.path.display().to_string());
    let most = if all.len() > MOST_ANNOTATIONS { MOST_ANNOTATIONS - 1 } else { MOST_ANNOTATIONS };
    let mut lines: Vec<_> =
        all.iter().take(most).map(|one| one.line(plan.as_deref(), surroundings)).collect();
    if all.len() > most {
        lines.push(format!(
            "::notice title=vecshift::and {} more; see the step summary",
            all.len() - most
        ));
    }
    lines
}

fn of_problem(problem: &Problem) -> Annotation {
    Annotation {
        level: if problem.level == Level::Error { "error" } else { "warning" },
        place: problem.place.clone(),
        title: problem.kind.clone(),
        message: problem.text(),
    }
}

/// Returns the error that stopped a run. An assertion that could not be judged is reported on its own.
fn of_error(report: &Report) -> Option<Annotation> {
    let error = report.error.as_ref()?;
    Some(Annotation {
        level: "error",
        place: None,
        title: error.kind.unwrap_or("error").to_owned(),
        message: report.reason.clone().unwrap_or_else(|| error.message.clone()),
    })
}

fn of_assertion(one: &AssertionReport) -> Annotation {
    let judgement = &one.judgement;
    let level = match (one.is_warning(), one.verdict()) {
        (false, Verdict::Fail | Verdict::Error) => "error",
        _ => "warning",
    };
    let message = format!(
        "{}: {}: expected {}, observed {} (n {})",
        one.verdict(),
        one.named(),
        judgement.threshold,
        one.observed(),
        judgement.samples
    );
    Annotation { level, place: Some(judgement.place.clone()), title: one.place_in_run(), message }
}

impl Annotation {
    fn line(&self, plan: Option<&str>, surroundings: &Surroundings) -> String {
        let Self { level, place, title, message } = self;
        let at = match (place, plan) {
            (Some(place), _) => format!(
                "file={},line={},col={},",
                property(&surroundings.in_workspace(&place.file)),
                place.line,
                place.column
            ),
            (None, Some(plan)) => format!("file={},", property(&surroundings.in_workspace(plan))),
            (None, None) => String::new(),
        };
        format!("::{level} {at}title={}::{}", property(title), escape(message))
    }
}

/// Escapes as GitHub's toolkit does (`packages/core/src/command.ts`, 2026).
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}
