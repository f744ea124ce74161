//! What it costs, and where and by whom it was run.

use super::draw::text;
use super::page::{Block, Cell, Chart, Fact, Section, Shape, Table};
use super::summary::PROGRAM;
use crate::model::{MeasuredValue, Observed, Side};
use crate::report::words::time;
use crate::report::{Report, plural};
use crate::text::{REMARK, named_in};

const MONTHLY: [(&str, &str); 2] =
    [("cost.source_monthly", "before, a month"), ("cost.target_monthly", "after, a month")];
const OTHER: [(&str, &str); 3] = [
    ("cost.saving", "saved of it"),
    ("cost.copy", "copying, once"),
    ("cost.verify", "comparing every record, once"),
];

pub fn cost(report: &Report) -> Section {
    let block = match report.costs.is_empty() {
        true => Block::text("Costs were not estimated: no audit has looked at both sides."),
        false => estimate(report),
    };
    Section { id: "cost", title: "Cost before and after", blocks: vec![block] }
}

fn estimate(report: &Report) -> Block {
    let table = table(report);
    let dollars = |name: &str| match report.costs.get(name) {
        Some(MeasuredValue::Value { observed, .. }) => observed.number(),
        _ => None,
    };
    // One bar alone compares with nothing.
    let [Some(before), Some(after)] = MONTHLY.map(|(name, _)| dollars(name)) else {
        return Block::Table { table };
    };
    let most = before.max(after).max(0.01);
    let bar = |(index, (name, what)): (usize, &(&str, &'static str))| {
        let top = index as f64 * 48.0;
        let mut shapes = vec![
            text("name", 0.0, top + 15.0, *what),
            text("said", 100.0, top + 15.0, words(report.costs.get(*name))),
        ];
        shapes.push(Shape::Line {
            look: "base",
            x1: 0.0,
            y1: top + 36.0,
            x2: 100.0,
            y2: top + 36.0,
        });
        let (look, amount) = if index == 0 { ("source", before) } else { ("target", after) };
        let width = amount / most * 100.0;
        shapes.push(Shape::Bar { look, x: 0.0, y: top + 22.0, width, height: 14.0 });
        shapes
    };
    let said = MONTHLY.map(|(name, _)| words(report.costs.get(name)));
    let chart = Chart {
        id: "chart-cost",
        title: "Estimated cost a month".to_owned(),
        finding: format!("Before: {}. After: {}.", said[0], said[1]),
        height: 96.0,
        shapes: MONTHLY.iter().enumerate().flat_map(bar).collect(),
        legend: Vec::new(),
    };
    Block::Figure { chart: Box::new(chart.layered()), table }
}

fn words(value: Option<&MeasuredValue>) -> String {
    match value {
        // Less than a cent is not nothing.
        Some(MeasuredValue::Value { observed: Observed::Dollars(amount), .. })
            if *amount > 0.0 && *amount < 0.005 =>
        {
            "less than $0.01".to_owned()
        }
        Some(MeasuredValue::Value { observed, .. }) => observed.to_string(),
        Some(MeasuredValue::NotMeasured { .. }) | None => "not known".to_owned(),
    }
}

fn table(report: &Report) -> Table {
    let row = |(name, what): (&str, &'static str)| {
        let value = report.costs.get(name);
        let basis = match value {
            Some(MeasuredValue::NotMeasured { reason }) => reason.clone(),
            Some(MeasuredValue::Value { samples, .. }) => {
                format!("from a sample of {}", plural(*samples, "record"))
            }
            None => "not estimated".to_owned(),
        };
        vec![Cell::from(what), Cell::from(words(value)), Cell::from(basis)]
    };
    let columns = ["cost", "#estimate", "basis"];
    Table::new("costs", "Estimated costs", &columns, MONTHLY.into_iter().chain(OTHER).map(row))
}

pub fn environment(report: &Report) -> Section {
    let at = |time_of: Option<jiff::Timestamp>| time_of.map_or_else(|| "not yet".to_owned(), time);
    let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
    let mut facts = vec![
        Fact::code("Plan's file", report.file.clone().unwrap_or_else(|| "not recorded".to_owned())),
        Fact::code("Digest of the plan", or_none(&report.digest)),
        Fact::code("Run", or_none(&report.run)),
        Fact::new("Began", at(report.started)),
        Fact::new("Last event", at(report.last)),
        Fact::new(
            "Run with",
            match report.program.as_str() {
                "" => "nothing yet".to_owned(),
                program => format!("vecshift {program}"),
            },
        ),
        Fact::new("Report by", PROGRAM),
        Fact::new(
            "Where",
            match report.rehearsal {
                true => "the embedded emulator",
                false => "the real services",
            },
        ),
    ];
    for (side, name) in [(Side::Source, "Source"), (Side::Target, "Target")] {
        facts.push(Fact::new(name, index(report, side)));
    }
    if !report.holders.is_empty() {
        let shown = report.holders.iter().map(|holder| named_in(holder, 2 * REMARK));
        facts.push(Fact::new("Processes", shown.collect::<Vec<_>>().join("\n")));
    }
    facts.extend(report.files().map(|files| Fact::code("Files", files)));
    Section { id: "environment", title: "Environment", blocks: vec![Block::Facts { facts }] }
}

fn index(report: &Report, side: Side) -> String {
    let name = match side {
        Side::Source => &report.source,
        Side::Target => &report.target,
    };
    let Some(seen) = report.identities.get(&side) else {
        return match name.is_empty() {
            true => "none".to_owned(),
            false => format!("{name}, not seen yet"),
        };
    };
    let mut parts = vec![name.clone(), seen.place.clone()];
    parts.push(match seen.dimension {
        Some(dimension) => format!("{dimension} dimensions"),
        None => "dimension not known".to_owned(),
    });
    parts.extend((!seen.is_without_metric).then(|| seen.metric.to_string()));
    parts.extend((!seen.host.is_empty()).then(|| format!("at {}", seen.host)));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}
