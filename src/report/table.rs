//! The report for a terminal: one table, the failures below it, and advice on what to do now.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::words::{artifact, brief, count, short_digest, time};
use super::{AssertionReport, Report, StageReport, StepReport};
use crate::text::wrap;

/// Largest width that the column of stages and assertions may insist on.
const MOST_OF_FIRST: u16 = 34;

/// Layout of a text.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Columns.
    pub width: u16,
    /// True if words carry terminal colours.
    pub colour: bool,
    /// True if the reader has just seen the log of the run: what it has said is not said again.
    pub follows_log: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { width: 80, colour: false, follows_log: false }
    }
}

/// Renders the report as text, with a line feed at its end.
pub fn table(report: &Report, look: Look) -> String {
    let mut blocks = Vec::new();
    if let Some(note) = report.rehearsal_note() {
        blocks.push(wrap(&note, look.width, ""));
    }
    blocks.push(wrap(&report.headline(), look.width, "  "));
    blocks.push(facts(report, look.width));
    blocks.push(judged(report, look.width));
    blocks.extend(failures(report, look.width));
    blocks.extend(story(report, look));
    blocks.push(ending(report, look.width));
    let text = blocks.join("\n\n") + "\n";
    if look.colour { paint(&text) } else { text }
}

fn facts(report: &Report, width: u16) -> String {
    let span = |at: Option<jiff::Timestamp>| at.map_or_else(|| "-".to_owned(), time);
    let file = report.file.as_ref().map(|file| format!(" ({file})")).unwrap_or_default();
    let lines = [
        ("plan", format!("{}{file}", report.plan)),
        ("run", format!("{}, digest {}", report.run, short_digest(&report.digest))),
        ("from, to", format!("{} -> {}", report.source, report.target)),
        ("time", format!("{} to {}, {}", span(report.started), span(report.last), report.took())),
        ("by", report.by()),
    ];
    let files = report.files().map(|files| ("files", files.to_owned()));
    let line = |(name, value): &(&str, String)| {
        wrap(&format!("  {name:<9} {value}"), width, "            ")
    };
    lines.iter().chain(&files).map(line).collect::<Vec<_>>().join("\n")
}

/// Renders stage, assertion, threshold, observed value, n, verdict and time.
fn judged(report: &Report, width: u16) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(["stage, assertion", "threshold", "observed", "n", "verdict", "time"]);
    for stage in &report.stages {
        let took = stage.time().map(brief).unwrap_or_default();
        let name = stage.stage.to_string();
        table.add_row([
            name,
            String::new(),
            String::new(),
            String::new(),
            stage.status_words(),
            took,
        ]);
        for row in rows(report, stage) {
            table.add_row(row);
        }
    }
    let first = table.column_max_content_widths().first().copied().unwrap_or(0);
    for column in table.column_iter_mut() {
        let right = if column.index == 5 { 0 } else { 2 };
        column.set_padding((0, right));
        match column.index {
            // Wrapping takes the indent away, so the first column wraps last.
            0 => {
                let width = Width::Fixed((first + right).min(MOST_OF_FIRST));
                column.set_constraint(ColumnConstraint::LowerBoundary(width));
            }
            3 => column.set_cell_alignment(CellAlignment::Right),
            _ => {}
        }
    }
    table.trim_fmt()
}

fn rows(report: &Report, stage: &StageReport) -> Vec<[String; 6]> {
    let of_step = |step: Option<usize>, indent: &str| {
        let mine = report
            .assertions
            .iter()
            .filter(move |one| one.stage == stage.stage && one.step == step);
        mine.map(|one| assertion_row(one, indent)).collect::<Vec<_>>()
    };
    let mut rows = of_step(None, "  ");
    for step in report.steps.iter().filter(|step| step.stage == stage.stage) {
        rows.push(step_row(step));
        rows.extend(of_step(Some(step.step), "    "));
    }
    rows
}

fn step_row(step: &StepReport) -> [String; 6] {
    let took = step.time().map(brief).unwrap_or_default();
    let name = format!("  step {}, weight {}", step.step, step.weight());
    [name, String::new(), String::new(), String::new(), step.status_words(), took]
}

fn assertion_row(one: &AssertionReport, indent: &str) -> [String; 6] {
    [
        format!("{indent}{}", one.metric()),
        one.judgement.threshold.clone(),
        one.observed(),
        count(one.judgement.samples),
        one.verdict_words().to_owned(),
        String::new(),
    ]
}

/// Tells, stage by stage, what was copied, noted, written and undone; without what a log has already said.
fn story(report: &Report, look: Look) -> Option<String> {
    let width = look.width;
    let mut lines = Vec::new();
    for stage in &report.stages {
        let sentences =
            if look.follows_log { unlogged(stage) } else { sentences(stage, &report.run) };
        for text in sentences {
            lines.push(wrap(&format!("  {}: {text}", stage.stage), width, "    "));
        }
    }
    if !look.follows_log {
        lines.extend(report.approvals.iter().map(|approval| {
            let at = time(approval.at);
            format!("  {} approved by {} at {at}", approval.gate, approval.asker())
        }));
    }
    lines.extend(report.refused.iter().map(|text| wrap(&format!("  {text}"), width, "    ")));
    lines.extend(
        report.erasures.iter().map(|one| wrap(&format!("  {}", one.words()), width, "    ")),
    );
    for hook in report.hooks.iter().filter(|hook| hook.error.is_some() || !hook.finished) {
        let what = hook.error.as_deref().unwrap_or("did not finish");
        lines.push(wrap(&format!("  hook {}: {what}", hook.hook), width, "    "));
    }
    (!lines.is_empty()).then(|| format!("What happened\n{}", lines.join("\n")))
}

/// Returns everything about one stage, a sentence each.
pub(super) fn sentences(stage: &StageReport, run: &str) -> Vec<String> {
    let mut sentences = unlogged(stage);
    sentences.extend(stage.notes.iter().cloned());
    sentences.extend(stage.artifacts.iter().map(|one| artifact(one, run)));
    sentences.extend(stage.undone.iter().map(|what| format!("rolled back: {what}")));
    sentences
}

/// Returns what only the whole journal shows: figures over all processes, tries, and each undo that failed.
fn unlogged(stage: &StageReport) -> Vec<String> {
    let mut sentences: Vec<String> = stage.copy.iter().map(|copy| copy.words()).collect();
    // The headline has the reason why a stage failed, but not that several undos failed.
    sentences.extend(stage.reason.clone().filter(|_| stage.status == "undo failed"));
    sentences.extend(stage.tries());
    sentences
}

fn failures(report: &Report, width: u16) -> Option<String> {
    let failures = report.failures();
    let mut text = format!("Did not pass ({})", failures.len());
    for one in &failures {
        let title = format!("\n  {}  {}: {}", one.verdict_words(), one.place_in_run(), one.named());
        text.push_str(&wrap(&title, width, "    "));
        let mut lines = vec![
            ("asked in", one.line()),
            ("expected", one.judgement.threshold.clone()),
            ("actual", one.actual()),
        ];
        lines.extend(one.judgement.reason.clone().map(|reason| ("because", reason)));
        lines.extend(one.meanwhile().map(|meanwhile| ("meanwhile", meanwhile)));
        for (name, value) in lines {
            text.push('\n');
            text.push_str(&wrap(&format!("    {name:<9} {value}"), width, "              "));
        }
    }
    (!failures.is_empty()).then_some(text)
}

fn ending(report: &Report, width: u16) -> String {
    let mut lines = vec![wrap(&format!("Rollback: {}", report.rollback.text), width, "  ")];
    lines.extend(
        report
            .rollback
            .left_behind
            .iter()
            .map(|what| wrap(&format!("  left behind: {what}"), width, "    ")),
    );
    if let Some(traffic) = &report.traffic {
        lines.push(wrap(&format!("Traffic: {}", traffic.text), width, "  "));
    }
    match &report.next {
        Some(next) => {
            lines.push(wrap(&format!("Next: {}", next.why), width, "  "));
            lines.push(format!("  {}", next.command));
        }
        None => lines.push("Next: nothing is left to do".to_owned()),
    }
    lines.join("\n")
}

/// Colours the words that carry a symbol.
pub fn paint(text: &str) -> String {
    const GREEN: &str = "\x1b[32m";
    const RED: &str = "\x1b[31m";
    const YELLOW: &str = "\x1b[33m";
    let words = [
        ("✓ passed", GREEN),
        ("✓ pass", GREEN),
        ("✓ Done", GREEN),
        ("✗ failed", RED),
        ("✗ fail", RED),
        ("✗ undo failed", RED),
        ("✗ Failed", RED),
        ("✗ Rolled back", RED),
        ("✗ Stuck", RED),
        ("! error", RED),
        ("! Error", RED),
        ("? inconclusive", YELLOW),
        ("~ warn", YELLOW),
        ("REHEARSAL", YELLOW),
    ];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let (length, colour) = match words.iter().find(|(word, _)| rest.starts_with(word)) {
            Some((word, colour)) => (word.len(), Some(colour)),
            None => (letter.len_utf8(), None),
        };
        match colour {
            Some(colour) => out.push_str(&format!("{colour}{}\x1b[0m", &rest[..length])),
            None => out.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_put_around_words_with_symbols_only() {
        assert_eq!(paint("pass ✓ pass"), "pass \x1b[32m✓ pass\x1b[0m");
    }
}
