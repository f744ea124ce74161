//! The assertions: what was asked, what was observed, and the verdict.

use super::page::{Block, Cell, Mood, Section, Table};
use crate::model::{Observed, Verdict};
use crate::report::{AssertionReport, Report, Unreached, count};

pub fn section(report: &Report) -> Section {
    let mut rows: Vec<Vec<Cell>> = report.assertions.iter().map(judged).collect();
    rows.extend(report.unreached.iter().map(unreached));
    let block = match rows.is_empty() {
        true => Block::text("No assertion was judged."),
        false => {
            let columns = ["where", "assertion", "threshold", "#observed", "#n", "=verdict"];
            let caption = "Every assertion with what was observed";
            let table = Table::new("judgements", caption, &columns, rows);
            Block::Table { table: table.cut("The JSON report has all of them.") }
        }
    };
    Section { id: "assertions", title: "Assertions", blocks: vec![block] }
}

fn judged(one: &AssertionReport) -> Vec<Cell> {
    let judgement = &one.judgement;
    let observed = judgement.observed.as_ref();
    vec![
        Cell::from(one.place_in_run()),
        Cell::code(one.named()),
        Cell::from(judgement.threshold.clone()),
        Cell::from(observed.map_or_else(|| "not measured".to_owned(), Observed::to_string)),
        Cell::from(count(judgement.samples)),
        Cell::of(mood(one), one.verdict_words()),
    ]
}

fn unreached(one: &Unreached) -> Vec<Cell> {
    vec![
        Cell::from(one.place_in_run()),
        Cell::code(one.named()),
        Cell::from("as written"),
        Cell::from("not measured"),
        Cell::from("none"),
        Cell::from("… not reached"),
    ]
}

fn mood(one: &AssertionReport) -> Mood {
    match (one.verdict(), one.is_warning()) {
        (Verdict::Pass, _) => Mood::Good,
        (_, true) | (Verdict::Inconclusive, _) => Mood::Warn,
        (Verdict::Fail | Verdict::Error, _) => Mood::Bad,
    }
}
