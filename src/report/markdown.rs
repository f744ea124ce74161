//! The report for a change ticket: GitHub-flavoured Markdown.

use super::table::sentences;
use super::words::{count, duration, time};
use super::{AssertionReport, Early, Report, StepReport};
use crate::text::markdown::{block, code, grid, plain, prose};

/// Renders the report as Markdown, with a line feed at its end.
pub fn markdown(report: &Report) -> String {
    let mut blocks = vec![format!("# Migration report: {}", plain(&report.plan))];
    blocks.extend(report.rehearsal_note().map(|note| format!("> **Note:** {note}")));
    blocks.push(format!("**{}**", prose(&report.headline())));
    blocks.push(facts(report));
    blocks.push(format!("## Stages\n\n{}", stages(report)));
    if !report.steps.is_empty() {
        blocks.push(format!("## Traffic\n\n{}", steps(&report.steps)));
    }
    if !report.assertions.is_empty() {
        blocks.push(format!("## Assertions\n\n{}", assertions(report)));
    }
    blocks.extend(failures(report));
    blocks.extend(story(report));
    blocks.push(format!("## Rollback and next step\n\n{}", ending(report)));
    blocks.join("\n\n") + "\n"
}

/// Renders a command without a report as Markdown: what stopped it, and how much of the plan was not reached.
pub fn early_markdown(early: &Early) -> String {
    let mut blocks = vec![format!("# vecshift {}: {}", early.command, early.name())];
    let line = |problem: &super::Problem| {
        let place = problem.line().map(|line| format!("{line}: ")).unwrap_or_default();
        let hint = problem.hint.as_ref().map(|hint| format!("\n  what to do: {hint}"));
        let (level, kind) = (problem.level.name(), &problem.kind);
        format!("{level}[{kind}]: {place}{}{}", problem.message, hint.unwrap_or_default())
    };
    let lines: Vec<_> = early.problems.iter().map(line).collect();
    blocks.push(match lines.is_empty() {
        true => "Nothing was run.".to_owned(),
        false => "**! There is no report.**".to_owned(),
    });
    if !lines.is_empty() {
        // Messages have lines and code of their own.
        blocks.push(block(&lines.join("\n")));
    }
    if !early.unreached.is_empty() {
        let count = super::words::plural(early.unreached.len() as u64, "assertion");
        blocks.push(format!("{count} of the plan not reached."));
    }
    blocks.join("\n\n") + "\n"
}

fn facts(report: &Report) -> String {
    let span = |at: Option<jiff::Timestamp>| at.map_or_else(|| "-".to_owned(), time);
    let file = report.file.as_ref().map(|file| format!(" ({})", code(file))).unwrap_or_default();
    let rows = [
        ("plan", format!("{}{file}", plain(&report.plan))),
        ("digest", code(&report.digest)),
        ("run", format!("{}, vecshift {}", code(&report.run), plain(&report.program))),
        ("from, to", format!("{} → {}", plain(&report.source), plain(&report.target))),
        ("began", span(report.started)),
        ("last event", span(report.last)),
        ("took", report.took()),
        ("run by", plain(&report.by())),
    ];
    let files = report.files().map(|files| ("files", code(files)));
    let rows = rows.into_iter().chain(files);
    grid(&["", ""], rows.map(|(name, value)| vec![name.to_owned(), value]))
}

fn stages(report: &Report) -> String {
    let row = |(index, stage): (usize, &super::StageReport)| {
        vec![
            (index + 1).to_string(),
            plain(stage.stage.as_str()),
            stage.status_words(),
            stage.tries().unwrap_or_default(),
            stage.time().map_or_else(|| "-".to_owned(), duration),
            stage.copy.as_ref().map(|copy| copy.words()).unwrap_or_default(),
        ]
    };
    let header = ["#", "stage", "status", "again", "time", "records"];
    grid(&header, report.stages.iter().enumerate().map(row))
}

fn steps(steps: &[StepReport]) -> String {
    let row = |step: &StepReport| {
        vec![
            plain(step.stage.as_str()),
            step.step.to_string(),
            step.requested.to_string(),
            step.actual
                .map_or_else(|| "cannot be read back".to_owned(), |actual| actual.to_string()),
            step.bake().map_or_else(|| "-".to_owned(), duration),
            step.status_words(),
        ]
    };
    let header = ["stage", "step", "requested", "actual", "bake", "status"];
    grid(&header, steps.iter().map(row))
}

fn assertions(report: &Report) -> String {
    let row = |one: &AssertionReport| {
        vec![
            plain(&one.place_in_run()),
            named(one),
            plain(&one.judgement.threshold),
            plain(&one.observed()),
            count(one.judgement.samples),
            plain(one.verdict_words()),
        ]
    };
    let header = ["stage", "assertion", "threshold", "observed", "n", "verdict"];
    grid(&header, report.assertions.iter().map(row))
}

/// Returns the text as code, behind its id if it was given one.
fn named(one: &AssertionReport) -> String {
    let judgement = &one.judgement;
    let text = code(&judgement.text);
    match judgement.assertion == judgement.text {
        true => text,
        false => format!("{}: {text}", plain(&judgement.assertion)),
    }
}

fn failures(report: &Report) -> Option<String> {
    let failures = report.failures();
    let item = |one: &&AssertionReport| {
        let judgement = &one.judgement;
        let because =
            judgement.reason.as_ref().map(|reason| format!("\n  - because: {}", prose(reason)));
        let meanwhile = one
            .meanwhile()
            .map(|meanwhile| format!("\n  - meanwhile: {}", prose(&meanwhile)))
            .unwrap_or_default();
        format!(
            "- **{}** {}: {}\n  - asked in {}\n  - expected: {}\n  - actual: {}{}{meanwhile}",
            plain(one.verdict_words()),
            plain(&one.place_in_run()),
            named(one),
            code(&one.line()),
            plain(&judgement.threshold),
            plain(&one.actual()),
            because.unwrap_or_default(),
        )
    };
    let items: Vec<_> = failures.iter().map(item).collect();
    (!items.is_empty()).then(|| format!("## Did not pass\n\n{}", items.join("\n")))
}

fn story(report: &Report) -> Option<String> {
    let mut lines = Vec::new();
    for stage in &report.stages {
        // The table of stages already has the copy's own sentence.
        let skipped = usize::from(stage.copy.is_some());
        let sentences = sentences(stage, &report.run).into_iter().skip(skipped);
        lines.extend(
            sentences
                .map(|text| format!("- **{}**: {}", plain(stage.stage.as_str()), prose(&text))),
        );
    }
    for approval in &report.approvals {
        lines.push(format!(
            "- **{}** approved by {} at {}",
            approval.gate,
            plain(&approval.asker()),
            time(approval.at)
        ));
    }
    lines.extend(report.refused.iter().map(|text| format!("- {}", prose(text))));
    lines.extend(report.erasures.iter().map(|one| format!("- {}", prose(&one.words()))));
    for hook in &report.hooks {
        let how = match (&hook.error, hook.finished) {
            (Some(error), _) => format!("failed: {}", prose(error)),
            (None, true) if report.rehearsal => "not run: this is a rehearsal".to_owned(),
            (None, true) => "succeeded".to_owned(),
            (None, false) => "did not finish".to_owned(),
        };
        lines.push(format!("- hook {} {how}", code(&hook.hook)));
    }
    (!lines.is_empty()).then(|| format!("## What happened\n\n{}", lines.join("\n")))
}

fn ending(report: &Report) -> String {
    let mut lines = vec![format!("- Rollback: {}", prose(&report.rollback.text))];
    lines.extend(
        report.rollback.left_behind.iter().map(|what| format!("  - left behind: {}", prose(what))),
    );
    if let Some(traffic) = &report.traffic {
        lines.push(format!("- Traffic: {}", prose(&traffic.text)));
    }
    match &report.next {
        Some(next) => {
            lines.push(format!("- Next: {}: {}", prose(&next.why), code(&next.command)));
        }
        None => lines.push("- Next: nothing is left to do".to_owned()),
    }
    lines.join("\n")
}
