//! The page of a command that has no report.

use super::page::{Block, Card, Cell, Fact, Mood, Page, Section, Table};
use super::summary::PROGRAM;
use crate::plan::Level;
use crate::report::{Early, Problem, Unreached, plural};

pub fn page(early: &Early) -> Page {
    let is_wrong = early.problems.iter().any(|problem| problem.level == Level::Error);
    let (mood, symbol, verdict) = match is_wrong {
        true => (Mood::Bad, "!", "There is no report"),
        false => (Mood::Plain, "…", "Nothing was run"),
    };
    let name = early.name().to_owned();
    Page {
        title: format!("{name}: vecshift {}", early.command),
        kind: "Report",
        name,
        route: None,
        mood,
        symbol,
        verdict: verdict.to_owned(),
        reason: Some(format!("The command was vecshift {}.", early.command)),
        note: None,
        next: None,
        tiles: Vec::new(),
        facts: Vec::new(),
        sections: vec![problems(early), unreached(early)],
        program: PROGRAM,
    }
}

fn problems(early: &Early) -> Section {
    let block = match early.problems.is_empty() {
        true => Block::text("Nothing is wrong with the plan."),
        false => Block::Cards { cards: early.problems.iter().map(problem).collect() },
    };
    Section { id: "attention", title: "Needs attention", blocks: vec![block] }
}

fn problem(problem: &Problem) -> Card {
    let (mood, label) = match problem.level {
        Level::Error => (Mood::Bad, "Error"),
        Level::Warning => (Mood::Warn, "Warning"),
    };
    let mut facts = vec![Fact::code("Kind", problem.kind.clone())];
    facts.extend(problem.line().map(|line| Fact::code("Place", line)));
    facts.extend(problem.hint.as_ref().map(|hint| Fact::new("What to do", hint.clone())));
    Card { mood, label: label.to_owned(), title: problem.message.clone(), facts }
}

fn unreached(early: &Early) -> Section {
    let row = |one: &Unreached| {
        vec![Cell::from(one.place_in_run()), Cell::code(one.named()), Cell::code(one.line())]
    };
    let block = match early.unreached.len() as u64 {
        0 => Block::text("No assertion of a plan is known."),
        number => {
            let caption = format!("{} of the plan not reached", plural(number, "assertion"));
            let columns = ["where", "assertion", "place"];
            let table = Table::new("unreached", caption, &columns, early.unreached.iter().map(row));
            Block::Table { table: table.cut("`vecshift plan` shows all of them.") }
        }
    };
    Section { id: "assertions", title: "Assertions", blocks: vec![block] }
}
