//! Weight and records in the course of time.

use jiff::Timestamp;

use super::draw::{Clockface, text};
use super::page::{Block, Cell, Chart, Key, Section, Shape, Table};
use super::scale::round;
use crate::model::Share;
use crate::report::words::time;
use crate::report::{RecordsAt, Report, WeightAt, count, plural};

/// Height of the part of a drawing that a course goes through.
const PLOT: f64 = 150.0;
const TOP: f64 = 22.0;

pub fn section(report: &Report) -> Section {
    let blocks = vec![
        records(report).unwrap_or_else(|| Block::text("No record has been copied yet.")),
        weights(report).unwrap_or_else(|| Block::text("No traffic has been moved.")),
    ];
    Section { id: "course", title: "Records and weight over time", blocks }
}

/// A stretch of a course in which it is drawn in one way.
struct Steps {
    look: &'static str,
    points: Vec<(Timestamp, f64)>,
}

/// Returns the path of a course that keeps each value until the next, of shares from 0 to 1.
fn stairs(points: &[(Timestamp, f64)], face: &Clockface, is_filled: bool) -> String {
    let mut path = String::new();
    let place =
        |at: Timestamp, share: f64| (face.at(at) * 10.0, 100.0 - share.clamp(0.0, 1.0) * 100.0);
    for (index, (at, share)) in points.iter().enumerate() {
        let (x, y) = place(*at, *share);
        path.push_str(&match index {
            0 => format!("M{x:.1} {y:.1}"),
            _ => format!("H{x:.1}V{y:.1}"),
        });
    }
    if let (true, Some((first, _)), Some((last, _))) = (is_filled, points.first(), points.last()) {
        let (first, last) = (place(*first, 0.0).0, place(*last, 0.0).0);
        path.push_str(&format!("H{last:.1}V100H{first:.1}Z"));
    }
    path
}

fn grid(most: f64, wanted: usize, name: impl Fn(f64) -> String) -> Vec<Shape> {
    // The line at the bottom needs no name, which would hide where a course begins.
    let mark = |value: f64| {
        let y = TOP + PLOT - value / most * PLOT;
        [
            Shape::Line { look: "grid", x1: 0.0, y1: y, x2: 100.0, y2: y },
            text("tick", 0.0, y - 4.0, if value > 0.0 { name(value) } else { String::new() }),
        ]
    };
    round(most, wanted).into_iter().filter(|value| *value <= most).flat_map(mark).collect()
}

fn records(report: &Report) -> Option<Block> {
    let (first, last) = (report.records.first()?, report.records.last()?);
    let expected: u64 = report
        .stages
        .iter()
        .filter_map(|stage| stage.copy.as_ref())
        .map(|copy| copy.expected)
        .sum();
    let most = expected.max(report.records.iter().map(|one| one.records).max()?).max(1) as f64;
    let face = Clockface::new(first.at, last.at);
    let points: Vec<_> =
        report.records.iter().map(|one| (one.at, one.records as f64 / (most * 1.1))).collect();
    let mut shapes = grid(most * 1.1, 3, |value| count(value.round() as u64));
    shapes.extend(face.axis(TOP + PLOT, TOP + PLOT + 4.0));
    let path = |look, is_filled| Shape::Path {
        look,
        y: TOP,
        height: PLOT,
        d: stairs(&points, &face, is_filled),
    };
    shapes.extend([path("area", true), path("course", false)]);
    if expected > 0 {
        let y = TOP + PLOT - expected as f64 / (most * 1.1) * PLOT;
        shapes.push(Shape::Line { look: "goal", x1: 0.0, y1: y, x2: 100.0, y2: y });
        shapes.push(text("said", 100.0, y - 5.0, format!("the source has {}", count(expected))));
    }
    let chart = Chart {
        id: "chart-records",
        title: "Records that the target acknowledged".to_owned(),
        finding: format!(
            "{} of {} acknowledged between {} and {}.",
            count(last.records),
            plural(expected, "record"),
            time(first.at),
            time(last.at)
        ),
        height: TOP + PLOT + 26.0,
        shapes,
        legend: vec![
            Key { look: "course", name: "acknowledged" },
            Key { look: "goal", name: "in the source" },
        ],
    };
    let row = |one: &RecordsAt| vec![Cell::from(time(one.at)), Cell::from(count(one.records))];
    let table = Table::new(
        "records",
        "Records acknowledged by the target",
        &["=time", "#records"],
        report.records.iter().map(row),
    );
    let table =
        table.cut("The journal has all of them.").folded("The records over time, as a table");
    Some(Block::Figure { chart: Box::new(chart.layered()), table })
}

fn weights(report: &Report) -> Option<Block> {
    let (first, last) = (report.weights.first()?, report.last?);
    let face = Clockface::new(first.at, last);
    let mut shapes = grid(1.1, 3, |share| Share((share * 1e6).round() / 1e6).to_string());
    shapes.extend(face.axis(TOP + PLOT, TOP + PLOT + 4.0));
    for steps in known(&report.weights, last) {
        let d = stairs(&steps.points, &face, false);
        shapes.push(Shape::Path { look: steps.look, y: TOP, height: PLOT, d });
    }
    let has = |is_read: bool| {
        report.weights.iter().any(|one| one.weight.is_some() && one.is_read == is_read)
    };
    let mut legend = Vec::new();
    legend.extend(has(true).then_some(Key { look: "course", name: "read back" }));
    legend.extend(has(false).then_some(Key { look: "asked", name: "requested, not read back" }));
    let chart = Chart {
        id: "chart-weight",
        title: "Share of the traffic that the target has".to_owned(),
        finding: finding(&report.weights),
        height: TOP + PLOT + 26.0,
        shapes,
        legend,
    };
    let row = |one: &WeightAt| {
        let how = match (one.weight, one.is_read) {
            (None, _) => "not known",
            (_, true) => "read back",
            (_, false) => "requested",
        };
        let weight = one.weight.map_or_else(|| "unknown".to_owned(), |weight| weight.to_string());
        vec![Cell::from(time(one.at)), Cell::from(weight), Cell::from(how)]
    };
    let columns = ["=time", "#weight", "=how it is known"];
    let table =
        Table::new("weights", "Changes of the weight", &columns, report.weights.iter().map(row));
    let table =
        table.cut("The journal has all of them.").folded("The weight over time, as a table");
    Some(Block::Figure { chart: Box::new(chart.layered()), table })
}

/// Splits the weights where nobody knew one, and where they are known in another way. The last is drawn until `end`.
fn known(weights: &[WeightAt], end: Timestamp) -> Vec<Steps> {
    let mut all: Vec<Steps> = Vec::new();
    for (index, one) in weights.iter().enumerate() {
        let Some(weight) = one.weight else { continue };
        let until = weights.get(index + 1).map_or(end, |next| next.at);
        let look = if one.is_read { "course" } else { "asked" };
        let points = [(one.at, weight.0 / 1.1), (until, weight.0 / 1.1)];
        match all.last_mut() {
            Some(steps)
                if steps.look == look
                    && steps.points.last().is_some_and(|last| last.0 == one.at) =>
            {
                steps.points.extend(points);
            }
            _ => all.push(Steps { look, points: points.into() }),
        }
    }
    all
}

fn finding(weights: &[WeightAt]) -> String {
    let known = weights.iter().filter_map(|one| one.weight);
    let most = known.max_by(|one, other| one.0.total_cmp(&other.0));
    let most = most.map(|most| format!("At most {most} went to the target")).unwrap_or_default();
    let end = match weights.last().and_then(|last| last.weight) {
        Some(weight) => format!("{weight} at the end"),
        None => "how much at the end is not known".to_owned(),
    };
    match most.is_empty() {
        true => "Nobody knows how much of the traffic went to the target.".to_owned(),
        false => format!("{most}, {end}, after {}.", plural(weights.len() as u64, "change")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_course_keeps_each_value_until_the_next() {
        let face = Clockface::new(at(0), at(10));
        let points = [(at(0), 0.0), (at(5), 0.5), (at(10), 1.0)];
        assert_eq!(stairs(&points, &face, false), "M0.0 100.0H500.0V50.0H1000.0V0.0");
        assert!(stairs(&points, &face, true).ends_with("H1000.0V100H0.0Z"));
        assert_eq!(stairs(&[], &face, true), "");
    }

    /// A weight that nobody knew is a gap, and never nought.
    #[test]
    fn what_nobody_knew_is_a_gap() {
        let of = |second, weight: Option<f64>, is_read| WeightAt {
            at: at(second),
            weight: weight.map(Share),
            is_read,
        };
        let weights = [of(0, Some(0.05), true), of(2, None, false), of(6, Some(0.5), false)];
        let drawn = known(&weights, at(10));
        let shown: Vec<_> = drawn
            .iter()
            .map(|steps| (steps.look, steps.points[0].0, steps.points.last().unwrap().0))
            .collect();
        assert_eq!(shown, [("course", at(0), at(2)), ("asked", at(6), at(10))]);
        assert!(finding(&weights[..2]).contains("not known"));
        assert!(finding(&weights[1..2]).starts_with("Nobody knows"));
    }
}
