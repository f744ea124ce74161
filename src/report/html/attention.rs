//! What somebody should look at before anything else.

use super::page::{Block, Card, Fact, Mood, Section};
use crate::model::Verdict;
use crate::report::{AssertionReport, Report, StageReport, count};

pub fn section(report: &Report) -> Section {
    let mut cards: Vec<Card> = Vec::new();
    cards.extend(
        report.rollback.left_behind.iter().map(|what| card(Mood::Bad, "Left behind", what, vec![])),
    );
    cards.extend(error(report));
    cards.extend(unknown_traffic(report));
    cards.extend(report.failures().into_iter().map(failure));
    cards.extend(report.stages.iter().filter_map(lost));
    cards.extend(hooks(report));
    cards.extend(
        report
            .erasures
            .iter()
            .filter(|one| !one.finished)
            .map(|one| card(Mood::Warn, "Deletion not finished", one.words(), vec![])),
    );
    cards.extend(
        report.refused.iter().map(|text| card(Mood::Warn, "Request refused", text, vec![])),
    );
    let block = match cards.is_empty() {
        true if report.started.is_none() => Block::text("Nothing has been looked at yet."),
        true => Block::text("Nothing needs attention."),
        false => Block::Cards { cards },
    };
    Section { id: "attention", title: "Needs attention", blocks: vec![block] }
}

fn card(mood: Mood, label: &str, title: impl Into<String>, facts: Vec<Fact>) -> Card {
    Card { mood, label: label.to_owned(), title: title.into(), facts }
}

fn error(report: &Report) -> Option<Card> {
    let error = report.error.as_ref()?;
    let mut facts = Vec::new();
    facts.extend(error.kind.map(|kind| Fact::code("Kind", kind)));
    facts.extend(error.hook.as_ref().map(|hook| Fact::code("Hook", hook.clone())));
    facts.extend(error.hint.as_ref().map(|hint| Fact::new("What to do", hint.clone())));
    let title = report.reason.as_ref().unwrap_or(&error.message);
    Some(card(Mood::Bad, "Error", title, facts))
}

fn unknown_traffic(report: &Report) -> Option<Card> {
    let traffic = report.traffic.as_ref().filter(|traffic| traffic.weight().is_none())?;
    Some(card(Mood::Bad, "Traffic not known", &traffic.text, vec![]))
}

fn failure(one: &AssertionReport) -> Card {
    let judgement = &one.judgement;
    let (mood, label) = match (one.verdict(), one.is_warning()) {
        (_, true) => (Mood::Warn, "Warning"),
        (Verdict::Fail, _) => (Mood::Bad, "Failed"),
        (Verdict::Error, _) => (Mood::Bad, "Could not be measured"),
        _ => (Mood::Warn, "Inconclusive"),
    };
    let mut facts = vec![
        Fact::new("In", one.place_in_run()),
        Fact::new("Expected", judgement.threshold.clone()),
        Fact::new(
            "Actual",
            match judgement.observed {
                Some(_) => one.actual(),
                None => format!("not measured, n {}", count(judgement.samples)),
            },
        ),
    ];
    facts.extend(judgement.reason.as_ref().map(|reason| Fact::new("Because", reason.clone())));
    facts.extend(one.meanwhile().map(|text| Fact::new("Meanwhile", text)));
    facts.push(Fact::code("Asked in", one.line()));
    card(mood, label, one.named(), facts)
}

/// Records of a copy that are not in the target.
fn lost(stage: &StageReport) -> Option<Card> {
    let copy = stage.copy.as_ref().filter(|copy| copy.tally.failed + copy.tally.missing > 0)?;
    let title = format!(
        "{}: {} refused by the target, {} no longer in the source",
        stage.stage,
        count(copy.tally.failed),
        count(copy.tally.missing)
    );
    Some(card(Mood::Bad, "Records not copied", title, vec![]))
}

fn hooks(report: &Report) -> Vec<Card> {
    let failed = report.hooks.iter().filter(|hook| hook.error.is_some() || !hook.finished);
    let card_of = |hook: &crate::report::HookReport| {
        let how = hook.error.clone().unwrap_or_else(|| "it did not finish".to_owned());
        card(Mood::Warn, "Hook", how, vec![Fact::code("Hook", hook.hook.clone())])
    };
    failed.map(card_of).collect()
}
