//! `status`: where runs stand, what they wait for, how to release them, whether they can be rolled back.

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::output::Answer;
use crate::cli::session::{Found, Session};
use crate::journal::{Lock, LockView};
use crate::report::{Ending, Report, paint, time};

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file, or the plan's name; default: every plan with a journal
    pub plan: Option<String>,
    /// Look at rehearsals instead of real runs
    #[arg(long)]
    pub rehearsal: bool,
}

/// One plan's run.
struct Standing {
    report: Report,
    holder: Option<LockView>,
}

pub fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let standings = match &arguments.plan {
        Some(plan) => vec![standing(session, &session.find(plan, arguments.rehearsal)?)?],
        None => {
            let names = session.plans(arguments.rehearsal)?;
            let found = names
                .iter()
                .map(|name| standing(session, &session.find(name, arguments.rehearsal)?));
            found.collect::<Result<Vec<_>, Failure>>()?
        }
    };
    let text = match (standings.as_slice(), &arguments.plan) {
        ([], _) => format!("No runs in {}.", session.state().display()),
        ([one], Some(_)) => detail(one),
        (all, _) => overview(all, session.output.stdout.width),
    };
    let text = if session.output.stdout.colour { paint(&text) } else { text };
    Ok(Answer::ok(text).with("runs", standings.iter().map(as_json).collect::<Vec<_>>()))
}

fn standing(session: &Session, found: &Found) -> Result<Standing, Failure> {
    let report = found.report(session, &found.entries()?)?;
    let dir = found.paths.dir();
    let holder = Lock::view(dir)?.filter(|_| Lock::is_held(dir));
    Ok(Standing { report, holder })
}

/// The stage that is next or under way.
fn stage_of(report: &Report) -> Option<String> {
    let is_over = |status: &str| matches!(status, "passed" | "undone");
    let at = report.stages.iter().position(|stage| !is_over(stage.status))?;
    Some(format!("{} ({} of {})", report.stages[at].stage, at + 1, report.stages.len()))
}

impl Standing {
    /// A run that is open and has a process is going on, whatever the journal's last word is.
    fn words(&self) -> String {
        match (self.report.ending, &self.holder) {
            (Ending::Running, Some(_)) => "running".to_owned(),
            (Ending::Running, None) => "interrupted".to_owned(),
            (ending, _) => ending.title().to_lowercase(),
        }
    }

    fn next(&self) -> String {
        match (&self.report.next, self.report.ending, &self.holder) {
            (_, Ending::Running | Ending::RollingBack, Some(_)) => {
                "nothing: a process is at it".to_owned()
            }
            (Some(next), ..) => next.command.clone(),
            (None, ..) => "nothing is left to do".to_owned(),
        }
    }
}

fn detail(standing: &Standing) -> String {
    let report = &standing.report;
    let passed = report.stages.iter().filter(|stage| stage.status == "passed").count();
    let mut lines = vec![
        ("plan", report.plan.clone()),
        ("run", report.run.clone()),
        ("digest", report.digest.clone()),
        ("from, to", format!("{} -> {}", report.source, report.target)),
        ("state", standing.words()),
        ("stages", format!("{passed} of {} passed", report.stages.len())),
    ];
    lines.extend(stage_of(report).map(|stage| ("stage", stage)));
    let reason = report.reason.clone().filter(|_| report.waiting.is_none());
    lines.extend(reason.map(|reason| ("because", reason)));
    lines.extend(report.traffic.as_ref().map(|traffic| ("traffic", traffic.text.clone())));
    if let Some(waiting) = &report.waiting {
        lines.push(("waits for", waiting.what.clone()));
    }
    lines.push(("rollback", report.rollback.text.clone()));
    lines.extend(report.rollback.left_behind.iter().map(|what| ("left", what.clone())));
    if let Some(last) = report.last {
        lines.push(("last event", time(last)));
    }
    if let Some(view) = &standing.holder {
        lines.push(("process", format!("{} since {}", view.holder, time(view.since))));
    }
    lines.push(("next", standing.next()));
    let line = |(name, value): &(&str, String)| format!("{name:<11} {value}");
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn overview(all: &[Standing], width: u16) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(["plan", "state", "stage", "waits for", "rollback"]);
    for standing in all {
        let report = &standing.report;
        let waits = report.waiting.as_ref().map(|waiting| waiting.what.clone());
        let possible = if report.rollback.is_possible { "possible" } else { "no" };
        table.add_row([
            report.plan.clone(),
            standing.words(),
            stage_of(report).unwrap_or_else(|| "-".to_owned()),
            waits.unwrap_or_else(|| "-".to_owned()),
            possible.to_owned(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = table.trim_fmt();
    for standing in all.iter().filter(|standing| standing.report.next.is_some()) {
        text.push_str(&format!("\n\n{}: {}", standing.report.plan, standing.next()));
    }
    text
}

fn as_json(standing: &Standing) -> Value {
    let report = &standing.report;
    json!({
        "plan": report.plan,
        "run": report.run,
        "digest": report.digest,
        "rehearsal": report.rehearsal,
        "ending": report.ending,
        "state": standing.words(),
        "reason": report.reason,
        "stages": report.stages,
        "weight": report.weight,
        "traffic": report.traffic,
        "waiting": report.waiting,
        "rollback": report.rollback,
        "last": report.last,
        "process": standing.holder,
        "next": report.next,
    })
}
