//! Latencies of the source and the target, and what the plan asked.

use super::draw::{text, upright};
use super::page::{Block, Cell, Chart, Key, Mood, Section, Shape, Table};
use super::scale::Scale;
use crate::model::{Observed, Side, Verdict};
use crate::report::{LatencyReport, Limit, Percentiles, Report, count, plural};
use crate::text::shortened;

/// The part of the width on which latencies lie, in percent; what is left of it names the sides.
const PLOT: (f64, f64) = (17.0, 100.0);
const TITLE: f64 = 26.0;
const SIDE: f64 = 22.0;
const LIMIT: f64 = 18.0;
const GAP: f64 = 14.0;
/// The most characters of a place in the run in a drawing.
const NAME: usize = 36;

pub fn section(report: &Report) -> Section {
    let block = figure(&report.latencies).unwrap_or_else(|| {
        Block::text("No latency was measured: no stage that queries both sides has been reached.")
    });
    Section { id: "latency", title: "Latency of queries", blocks: vec![block] }
}

fn figure(all: &[LatencyReport]) -> Option<Block> {
    let scale = Scale::of(values(all), PLOT)?;
    let (mut shapes, mut y) = (Vec::new(), 20.0);
    for one in all {
        let (drawn, height) = place(one, &scale, y);
        shapes.extend(drawn);
        y += height;
    }
    let grid = scale.ticks(4).into_iter().flat_map(|tick| {
        let x = scale.at(tick);
        [
            upright("grid", x, 20.0, y - GAP),
            text("tick", x, 12.0, Observed::Seconds(tick).to_string()),
        ]
    });
    let mut all_shapes: Vec<_> = grid.collect();
    all_shapes.extend(shapes);
    let legend = vec![
        Key { look: "p50", name: "p50" },
        Key { look: "p95", name: "p95" },
        Key { look: "p99", name: "p99" },
        Key { look: "source", name: "source" },
        Key { look: "target", name: "target" },
        Key { look: "limit", name: "threshold" },
    ];
    let kind = if scale.is_logarithmic { ", on a logarithmic axis" } else { "" };
    let chart = Chart {
        id: "chart-latency",
        title: format!("Latency of queries, source and target side by side{kind}"),
        finding: finding(all),
        height: y,
        shapes: all_shapes,
        legend,
    };
    Some(Block::Figure { chart: Box::new(chart.layered()), table: table(all) })
}

/// Everything that has a place on the axis.
fn values(all: &[LatencyReport]) -> impl Iterator<Item = f64> {
    let of_sides = all.iter().flat_map(|one| {
        let values = one.sides().into_iter().flat_map(|(_, side)| side.named());
        values.filter_map(|(_, value)| value.and_then(Observed::number))
    });
    let of_limits = all.iter().flat_map(|one| one.limits.iter().map(|limit| limit.seconds));
    of_sides.chain(of_limits)
}

fn place(one: &LatencyReport, scale: &Scale, top: f64) -> (Vec<Shape>, f64) {
    let name = one.place_in_run();
    let mut shapes = vec![text("name", 0.0, top + 17.0, shortened(&name, NAME))];
    let mut y = top + TITLE;
    let rows = y;
    for (side, percentiles) in one.sides() {
        shapes.extend(row(side, percentiles, scale, y + SIDE / 2.0));
        y += SIDE;
    }
    for limit in &one.limits {
        let x = scale.at(limit.seconds);
        let look = if limit.verdict == Verdict::Fail { "limit missed" } else { "limit" };
        shapes.push(upright(look, x, rows, y + 4.0));
        let said = format!("{} {}", limit.percentile, limit.threshold);
        shapes.push(Shape::Text { look: "said", x, y: y + 15.0, anchor: held(x), text: said });
        y += LIMIT;
    }
    (shapes, y + GAP - top)
}

/// Texts of thresholds are longer than marks of an axis.
fn held(x: f64) -> &'static str {
    match x {
        x if x < 30.0 => "start",
        x if x > 70.0 => "end",
        _ => "middle",
    }
}

fn row(side: Side, percentiles: &Percentiles, scale: &Scale, y: f64) -> Vec<Shape> {
    let mut shapes = vec![text("tick", 0.0, y + 4.0, side.name())];
    let look = |mark: &str| match (side, mark) {
        (Side::Source, "p50") => "source p50",
        (Side::Source, "p95") => "source p95",
        (Side::Source, "p99") => "source p99",
        (Side::Source, _) => "source range",
        (Side::Target, "p50") => "target p50",
        (Side::Target, "p95") => "target p95",
        (Side::Target, "p99") => "target p99",
        (Side::Target, _) => "target range",
    };
    if percentiles.is_empty() {
        shapes.push(text("said", PLOT.0 + 1.0, y + 4.0, "not measured"));
        return shapes.into_iter().map(from_the_left).collect();
    }
    let places: Vec<(&str, f64)> = percentiles
        .named()
        .into_iter()
        .filter_map(|(name, value)| Some((name, scale.at(value?.number()?))))
        .collect();
    if let (Some((_, first)), Some((_, last))) = (places.first(), places.last()) {
        shapes.push(Shape::Line { look: look("range"), x1: *first, y1: y, x2: *last, y2: y });
    }
    for (name, x) in places {
        shapes.push(match name {
            "p99" => upright(look(name), x, y - 6.0, y + 6.0),
            _ => Shape::Dot { look: look(name), x, y, r: if name == "p50" { 4.0 } else { 5.0 } },
        });
    }
    shapes
}

fn from_the_left(shape: Shape) -> Shape {
    match shape {
        Shape::Text { look, x, y, text, .. } => Shape::Text { look, x, y, anchor: "start", text },
        other => other,
    }
}

/// Returns the last step that measured both sides, in words.
fn finding(all: &[LatencyReport]) -> String {
    let missed: Vec<_> = all
        .iter()
        .filter(|one| one.limits.iter().any(|limit| limit.verdict == Verdict::Fail))
        .collect();
    let judged = all.iter().filter(|one| !one.limits.is_empty()).count() as u64;
    let limits = match (missed.as_slice(), judged) {
        (_, 0) => "No threshold of a latency was judged.".to_owned(),
        ([], _) => "No threshold was missed.".to_owned(),
        (missed, _) => {
            let names: Vec<_> = missed.iter().map(|one| one.place_in_run()).collect();
            format!("A threshold was missed in {}.", names.join(", "))
        }
    };
    let last = all.iter().rev().find_map(|one| {
        let (source, target) = (one.source.p95.as_ref(), one.target.p95.as_ref()?);
        let source = source.map_or_else(|| "was not measured".to_owned(), |it| format!("was {it}"));
        let place = one.place_in_run();
        Some(format!(" In {place} the target's p95 was {target}, the source's {source}."))
    });
    let places = plural(all.len() as u64, "place");
    format!("Measured in {places} of the run. {limits}{}", last.unwrap_or_default())
}

fn table(all: &[LatencyReport]) -> Table {
    let rows = all.iter().flat_map(|one| {
        one.sides().into_iter().map(|(side, percentiles)| side_row(one, side, percentiles))
    });
    let columns = ["where", "=side", "#p50", "#p95", "#p99", "#n", "asked of the target"];
    Table::new("latencies", "Latencies, over the whole step", &columns, rows)
        .cut("The JSON report has all of them.")
        .folded("The latencies, as a table")
}

fn side_row(one: &LatencyReport, side: Side, percentiles: &Percentiles) -> Vec<Cell> {
    let why = percentiles.reason.as_ref().map(|reason| format!("not measured: {reason}"));
    let none = why.unwrap_or_else(|| "not measured".to_owned());
    let mut cells = vec![Cell::from(one.place_in_run()), Cell::from(side.name())];
    cells.extend(
        percentiles
            .named()
            .into_iter()
            .map(|(_, value)| Cell::from(value.map_or_else(|| none.clone(), Observed::to_string))),
    );
    cells.push(Cell::from(match percentiles.is_empty() {
        true => "none".to_owned(),
        false => count(percentiles.samples),
    }));
    let asked: Vec<_> = one.limits.iter().map(asked).collect();
    let has_failed = one.limits.iter().any(|limit| limit.verdict == Verdict::Fail);
    let mood = if has_failed { Mood::Bad } else { Mood::Plain };
    cells.push(match side {
        Side::Source => Cell::default(),
        Side::Target if asked.is_empty() => Cell::from("nothing"),
        Side::Target => Cell::of(mood, asked.join("; ")),
    });
    cells
}

fn asked(limit: &Limit) -> String {
    format!("{} {}: {}", limit.percentile, limit.threshold, limit.verdict)
}
