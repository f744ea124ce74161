//! The catalogue as text.

use std::fmt::Write;

use super::super::diagnostic::nearest;
use super::{METRICS, Metric, Unit};

/// Explains a metric by its name or a full form such as `p95(query)`; `metrics` lists them all. `None` if there is no
/// such metric. `kinds` are those of indexes.
pub fn explain_metric(word: &str, kinds: &[&str]) -> Option<String> {
    let word = word.trim();
    if word == "metrics" {
        return Some(metrics_markdown());
    }
    let name = word.split(['(', '@']).next().unwrap_or_default();
    let rows: Vec<_> = METRICS.iter().filter(|metric| metric.name == name).collect();
    let first = rows.first()?;
    let mut text = format!("# {}\n\n", first.forms().join(", ").replace("@10", "@k"));
    for row in rows {
        _ = writeln!(text, "In {}: {}. {}\n", stages(row), facts(row), row.meaning);
        _ = writeln!(text, "    {}\n", example(row, kinds));
    }
    Some(text)
}

/// Returns the metric whose name is nearest to a word.
pub(crate) fn nearest_metric(word: &str) -> Option<&'static str> {
    nearest(word, METRICS.iter().map(|metric| metric.name))
}

/// Renders the page `docs/metrics.md`.
pub fn metrics_markdown() -> String {
    let mut text = String::from(
        "# Metrics\n\nEvery metric an assertion can ask for. Generated from the table that plans are \
         checked against; `vecshift explain METRIC` prints one.\n\n\
         An assertion is `metric op value`, with `over` and a duration where the table says so, and \
         `1.2x source` as value where it can be compared with the same measurement of the source.\n",
    );
    for kind in ["audit", "create", "copy", "verify", "canary", "decommission"] {
        _ = writeln!(
            text,
            "\n## {kind}\n\n| metric | unit | over | x source | meaning |\n|---|---|---|---|---|"
        );
        for row in METRICS.iter().filter(|row| row.is_in(kind) && row.stages.len() < 5) {
            text += &table_row(row);
        }
    }
    text +=
        "\n## any stage\n\n| metric | unit | over | x source | meaning |\n|---|---|---|---|---|\n";
    for row in METRICS.iter().filter(|row| row.stages.len() >= 5) {
        text += &table_row(row);
    }
    text
}

fn table_row(row: &Metric) -> String {
    let yes = |is: bool| if is { "yes" } else { "" };
    let forms: Vec<_> = row.forms().iter().map(|form| format!("`{form}`")).collect();
    let forms = forms.join(", ").replace("@10", "@k");
    let unit = match row.unit {
        Unit::Word(_) | Unit::Kind => row.unit.describe(),
        unit => unit.name().to_owned(),
    };
    format!("| {forms} | {unit} | {} | {} | {} |\n", yes(row.over), yes(row.source), row.meaning)
}

fn stages(row: &Metric) -> String {
    match row.stages {
        all if all.len() >= 5 => "every stage".into(),
        stages => stages.join(" and "),
    }
}

fn facts(row: &Metric) -> String {
    let mut facts = vec![row.unit.describe()];
    if row.over {
        facts.push("takes `over`".into());
    }
    if row.source {
        facts.push("takes `x source`".into());
    }
    facts.join(", ")
}

/// Returns an assertion that could stand in a plan whose index is of one of `kinds`.
pub(crate) fn example(row: &Metric, kinds: &[&str]) -> String {
    let metric = row.forms().swap_remove(0);
    let comparison = match row.unit {
        Unit::Count | Unit::Number => "== 0".into(),
        Unit::Ratio => ">= 0.99".into(),
        Unit::Share => "< 1%".into(),
        Unit::Duration => "< 100ms".into(),
        Unit::Bytes => "< 40 KB".into(),
        Unit::Rate => "> 100/s".into(),
        Unit::Dollars => "< $150".into(),
        Unit::Bool => "== true".into(),
        Unit::Word(words) => format!("== {}", words[0]),
        Unit::Kind => format!("== {}", kinds.first().unwrap_or(&"kind")),
    };
    let over = if row.over { " over 10m" } else { "" };
    format!("{metric} {comparison}{over}")
}
