//! The head of the page: the verdict, what to type, and the numbers that everybody looks for.

use super::page::{Advice, Fact, Mood, Page, Route, Section, Tile};
use crate::model::Verdict;
use crate::report::words::{short_digest, time};
use crate::report::{Ending, Report, count, plural};
use crate::text::capital;

/// The program that draws the page, which need not be the one that ran the plan.
pub const PROGRAM: &str = concat!("vecshift ", env!("CARGO_PKG_VERSION"));

pub fn page(report: &Report, sections: Vec<Section>) -> Page {
    let name = match report.plan.as_str() {
        "" => "No plan".to_owned(),
        plan => plan.to_owned(),
    };
    Page {
        title: format!("{name}: {}", report.ending.title()),
        kind: if report.rehearsal { "Rehearsal report" } else { "Migration report" },
        name,
        route: route(report),
        mood: mood(report.ending),
        symbol: report.ending.symbol(),
        verdict: report.ending.title().to_owned(),
        reason: reason(report),
        note: report.rehearsal_note(),
        next: report
            .next
            .as_ref()
            .map(|next| Advice { why: capital(&next.why), command: next.command.clone() }),
        tiles: tiles(report),
        facts: facts(report),
        sections,
        program: PROGRAM,
    }
}

pub fn mood(ending: Ending) -> Mood {
    match ending {
        Ending::Done => Mood::Good,
        Ending::Failed | Ending::RolledBack | Ending::Stuck => Mood::Bad,
        Ending::Erred => Mood::Warn,
        Ending::Waiting | Ending::Running | Ending::RollingBack => Mood::Wait,
        Ending::NotStarted => Mood::Plain,
    }
}

fn route(report: &Report) -> Option<Route> {
    let (from, to) = (report.source.clone(), report.target.clone());
    (!from.is_empty() || !to.is_empty()).then_some(Route { from, to })
}

fn reason(report: &Report) -> Option<String> {
    match &report.waiting {
        Some(waiting) => {
            let headline = waiting.headline(&report.stages);
            // The verdict has said that it waits.
            let rest = headline.strip_prefix("Waiting").unwrap_or(&headline);
            Some(capital(rest.trim_start_matches([':', ' '])))
        }
        None => report.reason.clone(),
    }
}

fn tiles(report: &Report) -> Vec<Tile> {
    vec![records(report), traffic(report), assertions(report), took(report)]
}

fn records(report: &Report) -> Tile {
    let copies: Vec<_> = report.stages.iter().filter_map(|stage| stage.copy.as_ref()).collect();
    let sum = |of: fn(&crate::report::CopyReport) -> u64| copies.iter().map(|copy| of(copy)).sum();
    let (copied, expected): (u64, u64) = (sum(|copy| copy.tally.copied), sum(|copy| copy.expected));
    let (complete, namespaces): (u64, u64) =
        (sum(|copy| copy.complete), sum(|copy| copy.namespaces));
    let (value, detail) = match copies.is_empty() {
        true => ("None yet".to_owned(), "No copy was planned.".to_owned()),
        false => (
            format!("{} of {}", count(copied), count(expected)),
            format!("{} of {} proven complete", count(complete), plural(namespaces, "namespace")),
        ),
    };
    Tile { name: "Records copied", value, detail }
}

fn traffic(report: &Report) -> Tile {
    let (value, detail) = match &report.traffic {
        None => ("Not moved".to_owned(), "This run never changed it.".to_owned()),
        Some(traffic) => (
            traffic.weight().map_or_else(|| "Unknown".to_owned(), |weight| weight.to_string()),
            capital(&traffic.text),
        ),
    };
    Tile { name: "Traffic at the target", value, detail }
}

fn assertions(report: &Report) -> Tile {
    let judged = report.assertions.len() as u64;
    let of = |is_it: &dyn Fn(Verdict, bool) -> bool| {
        let hits = report.assertions.iter().filter(|one| is_it(one.verdict(), one.is_warning()));
        hits.count() as u64
    };
    let passed = of(&|verdict, _| verdict == Verdict::Pass);
    let parts = [
        (of(&|verdict, warns| verdict == Verdict::Fail && !warns), "failed"),
        (of(&|verdict, warns| verdict == Verdict::Error && !warns), "in error"),
        (of(&|verdict, warns| verdict == Verdict::Inconclusive && !warns), "inconclusive"),
        (of(&|verdict, warns| verdict != Verdict::Pass && warns), "warned"),
        (report.unreached.len() as u64, "not reached"),
    ];
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", count(number)))
        .collect();
    let (value, detail) = match judged {
        0 if parts.is_empty() => ("None judged".to_owned(), "No stage has come so far.".to_owned()),
        0 => ("None judged".to_owned(), parts.join(", ")),
        _ => (
            format!("{} of {} passed", count(passed), count(judged)),
            if parts.is_empty() { "Nothing else was asked.".to_owned() } else { parts.join(", ") },
        ),
    };
    Tile { name: "Assertions", value, detail }
}

fn took(report: &Report) -> Tile {
    let (value, detail) = match (report.started, report.last) {
        (Some(started), Some(last)) => {
            (report.took(), format!("{} to {}", time(started), time(last)))
        }
        _ => ("No time".to_owned(), "The run has not begun.".to_owned()),
    };
    Tile { name: "Took", value, detail }
}

fn facts(report: &Report) -> Vec<Fact> {
    let mut facts = vec![Fact::new("Rollback", capital(&report.rollback.text))];
    if !report.run.is_empty() {
        facts.push(Fact::code("Run", report.run.clone()));
        facts.push(Fact::code("Digest", short_digest(&report.digest)));
        facts.push(Fact::new("Run by", report.by()));
    }
    facts
}
