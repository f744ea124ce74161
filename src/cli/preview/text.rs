//! Renders a preview for people: the verdict first, then both sides, the stages and further details.

use super::against::Comparison;
use super::{Names, markers, verdict, what};
use crate::cli::columns::Columns;
use crate::model::IndexDescription;
use crate::report::{Look, count, plural};
use crate::run::{Preview, PreviewStage};
use crate::text::wrap;

/// The number of namespace names shown before "and N more".
const MOST_NAMES: usize = 12;

/// Renders the preview as text that ends with a line feed.
pub fn render(preview: &Preview, against: Option<&Comparison>, look: Look, shown: Names) -> String {
    let mut blocks =
        vec![verdict(preview), sides(preview, look.width), stages(preview, look.width)];
    blocks.extend(details(preview, look.width));
    blocks.extend(against.map(|comparison| compared(comparison, look.width)));
    blocks.extend(names(preview, look.width, shown));
    blocks.extend(legend(preview));
    blocks.push(beside(preview, look.width));
    blocks.join("\n\n") + "\n"
}

fn sides(preview: &Preview, width: u16) -> String {
    let source =
        side(&preview.source.index, preview.source.description.as_ref(), preview.source.records);
    let target =
        side(&preview.target.index, preview.target.description.as_ref(), preview.target.records);
    let line = format!("  {source}  ->  {target}");
    match line.chars().count() <= usize::from(width) {
        true => line,
        false => format!("  {source}\n  ->  {target}"),
    }
}

fn side(index: &str, description: Option<&IndexDescription>, records: Option<u64>) -> String {
    let Some(description) = description else { return format!("{index} (not present)") };
    let spec = &description.spec;
    let dimension = spec.dimension.map(|dimension| dimension.to_string());
    let metric = spec.deployment.knows_metric.then(|| spec.metric.to_string());
    let title = spec.deployment.title.clone();
    let mut facts: Vec<String> = [title].into_iter().chain(dimension).chain(metric).collect();
    facts.extend(records.map(|records| plural(records, "record")));
    format!("{index} ({})", facts.join(", "))
}

fn stages(preview: &Preview, width: u16) -> String {
    let header = ["#", "stage", "", "what would happen", "estimate", "undo"];
    let mut table = Columns::new(width, header).with_mark(2).indented();
    for (index, stage) in preview.stages.iter().enumerate() {
        table.add([
            (index + 1).to_string(),
            stage.id.to_string(),
            stage.marker.to_string(),
            what(stage),
            stage.estimate.clone(),
            stage.undo.clone(),
        ]);
    }
    table.text()
}

/// Lists the old and the new name of each namespace, with its records.
fn names(preview: &Preview, width: u16, shown: Names) -> Option<String> {
    let all = &preview.namespaces;
    let changes = all.iter().any(|mapping| mapping.source != mapping.target);
    let most = if shown == Names::All { all.len() } else { MOST_NAMES };
    if all.is_empty() || (!changes && shown == Names::First) {
        return None;
    }
    let header = ["namespace", "becomes", "records"];
    let mut table = Columns::new(width, header).with_numbers([2]).indented();
    for mapping in all.iter().take(most) {
        let names = [&mapping.source, &mapping.target].map(ToString::to_string);
        let [source, target] = names;
        table.add([source, target, count(mapping.records)]);
    }
    let more = match all.len().saturating_sub(most) {
        0 => String::new(),
        more => format!("\n  and {} more: --names all", plural(more as u64, "namespace")),
    };
    Some(format!("{}{more}", table.text()))
}

/// Lists details that do not fit a column.
fn details(preview: &Preview, width: u16) -> Option<String> {
    let of_stage = |stage: &PreviewStage| {
        let line = |detail: &String| wrap(&format!("  {}: {detail}", stage.id), width, "    ");
        stage.details.iter().map(line).collect::<Vec<_>>()
    };
    let lines: Vec<_> = preview.stages.iter().flat_map(of_stage).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Explains the markers that occur.
fn legend(preview: &Preview) -> Option<String> {
    let used = markers(preview);
    (!used.is_empty()).then(|| format!("  {}", used.join("   ")))
}

/// Says what is different from the plan that it is held against.
fn compared(comparison: &Comparison, width: u16) -> String {
    let mut lines = vec![format!("Against {}: {}", comparison.against, comparison.headline())];
    lines.extend(comparison.unseen.iter().map(|why| format!("  only their words: {why}")));
    let told = |mark: &str, of: &[String]| -> Vec<String> {
        of.iter().map(|line| format!("  {mark}{line}")).collect()
    };
    lines.extend(told("would do: ", &comparison.effects));
    lines.extend(told("says: ", &comparison.plan));
    let names = &comparison.namespaces;
    let new = names.new.iter().map(|one| format!("{} is new: {}", one.source, one.target));
    let gone = names.gone.iter().map(|one| format!("{} is no longer copied", one.source));
    let renamed = names
        .renamed
        .iter()
        .map(|one| format!("{}: {} became {}", one.source, one.was, one.becomes));
    let all: Vec<String> = new.chain(gone).chain(renamed).collect();
    lines.extend(told("namespace ", &all[..all.len().min(MOST_NAMES)]));
    if all.len() > MOST_NAMES {
        let more = plural((all.len() - MOST_NAMES) as u64, "name");
        lines.push(format!("  and {more} more: --json"));
    }
    lines.iter().map(|line| wrap(line, width, "    ")).collect::<Vec<_>>().join("\n")
}

fn beside(preview: &Preview, width: u16) -> String {
    let mut lines = Vec::new();
    if preview.state != "not started" {
        lines.push(format!("Run so far: {}", preview.state));
    }
    if let Some(stage) = &preview.point_of_no_return {
        lines.push(format!("Point of no return: {stage}; before it everything can be rolled back"));
    }
    if let Some(traffic) = &preview.traffic {
        lines.push(format!("Traffic now: {} ({})", traffic.text, traffic.place));
    }
    if !preview.hooks.is_empty() {
        lines.push(format!("Hooks that would run: {}", preview.hooks.join("; ")));
    }
    lines.extend(preview.notes.iter().map(|note| format!("Note: {note}")));
    lines.push(format!("Digest {}", preview.digest));
    lines.iter().map(|line| wrap(line, width, "  ")).collect::<Vec<_>>().join("\n")
}
