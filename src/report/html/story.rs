//! What each stage said, who approved what, and which hooks ran.

use super::page::{Block, Section};
use crate::report::table::sentences;
use crate::report::words::time;
use crate::report::{HookReport, Report};

/// A page says what a stage noted in at most so many lines; a plan's own report has no more.
const MOST_LINES: usize = 200;

pub fn section(report: &Report) -> Section {
    let mut blocks = Vec::new();
    for stage in &report.stages {
        // The comparison has a section of its own.
        let is_elsewhere =
            |text: &String| stage.figures.contains_key("compared") && stage.notes.contains(text);
        let own = sentences(stage, &report.run).into_iter().filter(|text| !is_elsewhere(text));
        blocks.extend(list(stage.stage.to_string(), own.collect()));
    }
    let approvals = report
        .approvals
        .iter()
        .map(|one| format!("{}, approved by {} at {}", one.gate, one.asker(), time(one.at)));
    blocks.extend(list("Approvals".to_owned(), approvals.collect()));
    let erased = report.erasures.iter().filter(|one| one.finished).map(|one| one.words());
    blocks.extend(list("Deleted for somebody".to_owned(), erased.collect()));
    blocks.extend(list(
        "Hooks".to_owned(),
        report.hooks.iter().map(|hook| ran(report, hook)).collect(),
    ));
    if blocks.is_empty() {
        blocks.push(Block::text("Nothing has happened yet."));
    }
    Section { id: "story", title: "What happened", blocks }
}

fn list(title: String, mut items: Vec<String>) -> Option<Block> {
    let all = items.len();
    if all > MOST_LINES {
        items.truncate(MOST_LINES);
        items.insert(
            0,
            format!("The first {MOST_LINES} of {all} lines; the JSON report has all of them."),
        );
    }
    (all > 0).then_some(Block::List { title, items })
}

fn ran(report: &Report, hook: &HookReport) -> String {
    let how = match (&hook.error, hook.finished) {
        (Some(error), _) => format!("failed: {error}"),
        (None, true) if report.rehearsal => "not run: this is a rehearsal".to_owned(),
        (None, true) => "succeeded".to_owned(),
        (None, false) => "did not finish".to_owned(),
    };
    format!("{}: {how}", hook.hook)
}
