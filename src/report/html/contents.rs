//! What was copied and how both sides compare: namespaces, and the differences that a verification found.

use super::page::{Block, Cell, Mood, Section, Table};
use crate::model::{FieldCompared, Observed};
use crate::report::{NamespaceReport, Report, StageReport, count, plural};
use crate::text::named;

pub fn section(report: &Report) -> Section {
    let numbered = report.stages.iter().enumerate();
    let mut blocks: Vec<Block> =
        numbered.flat_map(|(index, stage)| differences(index + 1, stage)).collect();
    if blocks.is_empty() {
        blocks.push(Block::text("Records have not been compared: no verification has read them."));
    }
    blocks.extend(namespaces(report));
    Section { id: "contents", title: "Records, compared", blocks }
}

/// The figures of a comparison, each with what it counts and whether anything but nought is a difference.
const COUNTED: [(&str, &str, bool); 9] = [
    ("compared", "compared", false),
    ("equal", "equal", false),
    ("mismatched", "different", true),
    ("values_mismatched", "different in vectors", true),
    ("metadata_mismatched", "different in metadata", true),
    ("missing", "missing in the target", true),
    ("extra", "only in the target", true),
    ("vanished", "named by the source and gone", true),
    ("schema_drift", "metadata fields of another type", true),
];

fn differences(number: usize, stage: &StageReport) -> Vec<Block> {
    if !stage.figures.contains_key("compared") {
        return Vec::new();
    }
    let row = |(name, what, is_difference): &(&str, &'static str, bool)| {
        let cell = match stage.figures.get(*name) {
            None => Cell::from("not measured"),
            Some(number) => {
                let mood = if *is_difference && *number > 0.0 { Mood::Bad } else { Mood::Plain };
                Cell::of(mood, Observed::Number(*number).to_string())
            }
        };
        vec![Cell::from(*what), cell]
    };
    let caption = format!("What {} found when it compared both sides", stage.stage);
    let id = format!("differences-{number}");
    let table = Table::new(id, caption, &["records", "#number"], COUNTED.iter().map(row));
    let mut blocks = vec![Block::Table { table }];
    if !stage.vectors.is_empty() {
        blocks.push(Block::Table { table: vectors(number, stage) });
    }
    let title = format!("What {} noted", stage.stage);
    let items = stage.notes.clone();
    if !items.is_empty() {
        blocks.push(Block::List { title, items });
    }
    blocks
}

fn vectors(number: usize, stage: &StageReport) -> Table {
    let row = |one: &FieldCompared| {
        let mood = if one.differing > 0 { Mood::Bad } else { Mood::Plain };
        let by = one
            .max_difference
            .map_or_else(|| "not a number".to_owned(), |by| Observed::Number(by).to_string());
        vec![
            Cell::code(named(&one.vector)),
            Cell::from(one.comparison.clone()),
            Cell::from(count(one.compared)),
            Cell::of(mood, count(one.differing)),
            Cell::from(by),
        ]
    };
    let columns = ["vector", "compared by", "#records", "#different", "#by at most"];
    let caption = format!("The vectors that {} compared", stage.stage);
    let id = format!("vectors-{number}");
    Table::new(id, caption, &columns, stage.vectors.iter().map(row))
}

fn namespaces(report: &Report) -> Option<Block> {
    let all = &report.namespaces;
    let row = |one: &NamespaceReport| {
        let wrong = |number: u64| match number {
            0 => Cell::from("0"),
            number => Cell::of(Mood::Bad, count(number)),
        };
        vec![
            Cell::code(one.source.to_string()),
            Cell::code(one.target.to_string()),
            Cell::from(count(one.expected)),
            Cell::from(count(one.tally.copied)),
            wrong(one.tally.failed),
            wrong(one.tally.missing),
            match one.is_complete {
                true => Cell::of(Mood::Good, "✓ complete"),
                false => Cell::of(Mood::Wait, "… not proven"),
            },
        ]
    };
    let columns = ["source", "target", "#expected", "#copied", "#refused", "#gone", "=state"];
    let caption = format!("Namespaces: {}", plural(all.len() as u64, "namespace"));
    let elsewhere = match NamespaceReport::file(&report.stages) {
        Some(file) => format!("All of them are in {file}. Those that are not complete come first."),
        None => "Those that are not complete come first.".to_owned(),
    };
    let table = Table::new("namespaces", caption, &columns, all.iter().map(row)).cut(&elsewhere);
    (!all.is_empty()).then(|| Block::Table { table: table.folded("Every namespace, as a table") })
}
