//! How the stages spent their time: a bar for each stretch, and a table of stages.

use jiff::Timestamp;

use super::draw::{Clockface, text};
use super::page::{Block, Cell, Chart, Key, Mood, Section, Shape, Table};
use crate::clock::until;
use crate::report::words::{brief, time};
use crate::report::{Pace, Report, StageReport, Stretch, count, duration, plural};
use crate::text::shortened;

/// Height of a stage: a line of text and its bar.
const ROW: f64 = 44.0;
const BAR: f64 = 12.0;
/// Width of a moment, in percent: what was done in a second of a week is seen, too.
const SEEN: f64 = 0.2;
/// The most characters of a stage's name in a drawing, so that its state has room on a phone.
const NAME: usize = 20;

pub fn section(report: &Report) -> Section {
    let mut blocks = vec![Block::Table { table: stages(report) }];
    match (report.started, report.last) {
        _ if report.timeline.is_empty() => {
            blocks.push(Block::text("No stage has begun."));
        }
        (Some(started), Some(last)) => blocks.push(figure(report, started, last)),
        _ => {}
    }
    if report.stages.is_empty() {
        blocks.remove(0);
    }
    Section { id: "timeline", title: "Stages and waits", blocks }
}

/// Returns how a stage's state is coloured.
pub fn mood(stage: &StageReport) -> Mood {
    match (stage.status, stage.result) {
        ("passed", _) | ("undone", Some("passed")) => Mood::Good,
        ("failed" | "undo failed", _) | ("undone", Some("failed")) => Mood::Bad,
        ("error", _) | ("undone", Some("error")) => Mood::Warn,
        ("running", _) => Mood::Wait,
        _ => Mood::Plain,
    }
}

fn stages(report: &Report) -> Table {
    let row = |stage: &StageReport| {
        let begun = report.timeline.iter().find(|one| one.stage == stage.stage);
        let records = match &stage.copy {
            Some(copy) => copy.words(),
            None => String::new(),
        };
        vec![
            Cell::from(stage.stage.to_string()),
            Cell::of(mood(stage), stage.status_words()),
            Cell::from(begun.map_or_else(|| "not begun".to_owned(), |one| time(one.from))),
            Cell::from(match (stage.time(), begun) {
                (Some(took), _) => duration(took),
                (None, Some(_)) => "not ended".to_owned(),
                (None, None) => String::new(),
            }),
            Cell::from(note(stage, records)),
        ]
    };
    let columns = ["=stage", "=state", "=began", "#took", "remarks"];
    Table::new("stages", "The stages of the plan", &columns, report.stages.iter().map(row))
}

fn note(stage: &StageReport, records: String) -> String {
    let tries = stage.tries();
    let reason = stage.reason.clone();
    let undone = stage.undone.as_ref().map(|what| format!("rolled back: {what}"));
    let records = (!records.is_empty()).then_some(records);
    let parts = [reason, records, tries, undone];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn figure(report: &Report, started: Timestamp, last: Timestamp) -> Block {
    let face = Clockface::new(started, last);
    let bottom = report.stages.len() as f64 * ROW;
    let mut shapes = face.axis(0.0, bottom);
    for (index, stage) in report.stages.iter().enumerate() {
        shapes.extend(row(report, stage, &face, index as f64 * ROW, last));
    }
    let is_there = |pace: Pace| report.timeline.iter().any(|one| one.pace == pace);
    let legend = [
        (Pace::Work, Key { look: "work", name: "at work" }),
        (Pace::Bake, Key { look: "bake", name: "baking" }),
        (Pace::Wait, Key { look: "wait", name: "waiting" }),
        (Pace::Undo, Key { look: "undo", name: "rolling back" }),
    ];
    let chart = Chart {
        id: "chart-timeline",
        title: "When each stage was at work, baked and waited".to_owned(),
        finding: finding(report, last),
        height: bottom + 24.0,
        shapes,
        legend: legend
            .into_iter()
            .filter(|(pace, _)| is_there(*pace))
            .map(|(_, key)| key)
            .collect(),
    };
    Block::Figure { chart: Box::new(chart.layered()), table: stretches(report, last) }
}

fn row(
    report: &Report,
    stage: &StageReport,
    face: &Clockface,
    top: f64,
    last: Timestamp,
) -> Vec<Shape> {
    let bar = top + 22.0;
    let mut shapes = vec![
        text("name", 0.0, top + 15.0, shortened(stage.stage.as_str(), NAME)),
        text(state_look(mood(stage)), 100.0, top + 15.0, state(stage)),
        Shape::Line { look: "base", x1: 0.0, y1: bar + BAR, x2: 100.0, y2: bar + BAR },
    ];
    for one in report.timeline.iter().filter(|one| one.stage == stage.stage) {
        let (from, to) = (face.at(one.from), face.at(one.to.unwrap_or(last)));
        let look = one.pace.name();
        let width = (to - from).max(SEEN);
        shapes.push(Shape::Bar { look, x: from.min(100.0 - SEEN), y: bar, width, height: BAR });
    }
    shapes
}

fn state(stage: &StageReport) -> String {
    match stage.time() {
        Some(took) => format!("{}, {}", stage.status_words(), brief(took)),
        None => stage.status_words(),
    }
}

fn state_look(mood: Mood) -> &'static str {
    match mood {
        Mood::Good => "good",
        Mood::Bad => "bad",
        Mood::Warn => "warn",
        Mood::Wait => "open",
        Mood::Plain => "tick",
    }
}

fn finding(report: &Report, last: Timestamp) -> String {
    let longest = report.timeline.iter().max_by_key(|one| until(one.from, one.to.unwrap_or(last)));
    let longest = longest.map(|one| {
        let took = duration(until(one.from, one.to.unwrap_or(last)));
        let what = match (&one.what, one.pace) {
            (Some(what), Pace::Wait) => format!(", for {what}"),
            (Some(what), _) => format!(" ({what})"),
            (None, _) => String::new(),
        };
        format!(" The longest stretch is {took} of {}{what}.", doing(one, one.to.is_none()))
    });
    let begun = report.stages.iter().filter(|stage| stage.attempt > 0).count() as u64;
    let open = report.timeline.iter().find(|one| one.to.is_none() && one.pace == Pace::Wait);
    let open = open.map(|one| {
        let what = one.what.as_ref().map(|what| format!(" for {what}")).unwrap_or_default();
        format!(" It still waits{what}.")
    });
    format!(
        "{} of {} begun in {}.{}{}",
        count(begun),
        plural(report.stages.len() as u64, "stage"),
        report.took(),
        longest.unwrap_or_default(),
        open.unwrap_or_default()
    )
}

fn doing(one: &Stretch, is_open: bool) -> String {
    let so_far = if is_open { " so far" } else { "" };
    match one.pace {
        Pace::Work => format!("work{so_far} in {}", one.stage),
        Pace::Bake => format!("baking{so_far} in {}", one.stage),
        Pace::Wait => format!("waiting{so_far} in {}", one.stage),
        Pace::Undo => format!("rolling back {}", one.stage),
    }
}

fn stretches(report: &Report, last: Timestamp) -> Table {
    let row = |one: &Stretch| {
        let took = duration(until(one.from, one.to.unwrap_or(last)));
        vec![
            Cell::from(one.stage.to_string()),
            Cell::from(one.pace.name()),
            Cell::from(one.what.clone().unwrap_or_default()),
            Cell::from(time(one.from)),
            Cell::from(one.to.map_or_else(|| "not ended".to_owned(), time)),
            Cell::from(if one.to.is_some() { took } else { format!("{took} so far") }),
        ]
    };
    let columns = ["=stage", "=was at", "what", "=from", "=to", "#took"];
    Table::new("stretches", "Every stretch of time", &columns, report.timeline.iter().map(row))
        .cut("The journal has all of them.")
        .folded("Every stretch of time, as a table")
}
