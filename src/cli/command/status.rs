//! `status`: shows where runs stand, what they wait for, how to release them, and whether they can be rolled back.

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::columns::Columns;
use crate::cli::failure::Failure;
use crate::cli::found::{Found, Unread, exit_of_listing};
use crate::cli::output::Answer;
use crate::cli::session::{Session, quoted};
use crate::cli::standing::{Standing, request_json};
use crate::cli::traffic::traffic_now;
use crate::error::{Error, ErrorKind};
use crate::journal::request_words;
use crate::report::{Ending, Report, Waiting, paint, time};
use crate::text::{named, named_in};
use crate::traffic::TrafficView;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file, or the plan's name; default: every plan with a journal
    pub plan: Option<String>,
    /// Show rehearsals instead of real runs
    #[arg(long)]
    pub rehearsal: bool,
}

/// The most characters of one line about a run.
const MOST: usize = 2_000;

/// The status of one plan.
enum Row {
    Known(Box<Standing>),
    /// What is kept of it cannot be read, which is shown beside the other plans.
    Unknown(Unread),
}

pub async fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let now = session.clock.now();
    let mut rows = match &arguments.plan {
        Some(plan) => {
            let found = session.find(plan, arguments.rehearsal)?;
            vec![Row::Known(Box::new(Standing::of(session, &found).await?))]
        }
        None => {
            let mut rows = Vec::new();
            for name in session.runs(arguments.rehearsal)?.plans().await? {
                rows.extend(row(session, &session.find_named(&name, arguments.rehearsal)?).await?);
            }
            rows
        }
    };
    for row in &mut rows {
        if let Row::Known(standing) = row {
            let plan = arguments.plan.as_deref();
            standing.traffic = traffic_now(session, plan, &standing.state).await;
        }
    }
    let text = match (rows.as_slice(), &arguments.plan) {
        ([], _) => format!("No runs in {}.", session.place.uri),
        ([Row::Known(one)], Some(_)) => detail(one, now),
        (all, _) => overview(all, session.output.stdout.width),
    };
    let text = match elsewhere(session, arguments, &rows) {
        Some(state) => format!("{text}\n\nThere is one in {0}: --state {0}", quoted(&state)),
        None => text,
    };
    let text = if session.output.stdout.colour { paint(&text) } else { text };
    let exit = exit_of_listing(rows.iter().filter_map(Row::error));
    let runs: Vec<_> = rows.iter().map(|row| row.json(now)).collect();
    Ok(Answer::new(exit, text).with("runs", runs))
}

/// Finds a folder of this machine whose runs a person might look for here: where there is none, and where this place hides it.
fn elsewhere(session: &Session, arguments: &Arguments, rows: &[Row]) -> Option<String> {
    let is_asked = arguments.plan.is_none() && !arguments.rehearsal;
    if !is_asked || !(rows.is_empty() || session.place.hides_the_usual()) {
        return None;
    }
    let state = session.state_elsewhere(std::path::Path::new(""), None)?;
    Some(state.display().to_string())
}

/// Returns the status of a plan; `None` for one that never had a run.
async fn row(session: &Session, found: &Found) -> Result<Option<Row>, Failure> {
    match Standing::of(session, found).await {
        Ok(standing) => Ok(Some(Row::Known(Box::new(standing)))),
        Err(Failure::Error(error))
            if error.kind() == ErrorKind::NotFound && found.is_vacant().await.unwrap_or(false) =>
        {
            Ok(None)
        }
        Err(Failure::Error(error)) => {
            Ok(Some(Row::Unknown(Unread { plan: found.name.clone(), error })))
        }
        Err(other) => Err(other),
    }
}

/// Returns the stage that is next or in progress.
fn stage_of(report: &Report) -> Option<String> {
    let is_over = |status: &str| matches!(status, "passed" | "undone");
    let at = report.stages.iter().position(|stage| !is_over(stage.status))?;
    Some(format!("{} ({} of {})", report.stages[at].stage, at + 1, report.stages.len()))
}

fn next(standing: &Standing) -> String {
    match (&standing.report.next, standing.report.ending, &standing.holder) {
        (_, Ending::Running | Ending::RollingBack, Some(_)) => {
            "nothing: a process is at it".to_owned()
        }
        (Some(next), ..) => next.command.clone(),
        (None, ..) => "nothing is left to do".to_owned(),
    }
}

fn detail(standing: &Standing, now: Timestamp) -> String {
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
    lines.extend(standing.progress(now).map(|(progress, _)| ("progress", progress)));
    let reason = report.reason.clone().filter(|_| report.waiting.is_none());
    lines.extend(reason.map(|reason| ("because", reason)));
    let hint = report.error.as_ref().and_then(|error| error.hint.clone());
    lines.extend(hint.map(|hint| ("what to do", hint)));
    lines.extend(traffic_lines(report, standing.traffic.as_ref()));
    if let Some(waiting) = &report.waiting {
        lines.push(("waits for", waiting.what.clone()));
    }
    lines.extend(standing.requests.iter().map(|request| ("request", request_words(request))));
    lines.push(("rollback", report.rollback.text.clone()));
    lines.extend(report.rollback.left_behind.iter().map(|what| ("left", what.clone())));
    if let Some(last) = report.last {
        lines.push(("last event", time(last)));
    }
    if let Some(view) = &standing.holder {
        lines.push(("process", format!("{} since {}", view.holder, time(view.since))));
    }
    lines.push(("next", next(standing)));
    // Much of it was written elsewhere: none of it begins a line of its own.
    let line = |(name, value): &(&str, String)| format!("{name:<11} {}", named_in(value, MOST));
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Describes where the traffic is now, and what the journal knows if that cannot be read.
fn traffic_lines(report: &Report, now: Option<&TrafficView>) -> Vec<(&'static str, String)> {
    let known = report.traffic.as_ref().map(|traffic| ("traffic", traffic.text.clone()));
    match now {
        Some(now) if now.standing != "unknown" => vec![("traffic", now.text.clone())],
        Some(now) => known.into_iter().chain([("traffic now", now.text.clone())]).collect(),
        None => known.into_iter().collect(),
    }
}

fn overview(all: &[Row], width: u16) -> String {
    let mut table = Columns::new(width, ["plan", "state", "stage", "waits for", "rollback"]);
    all.iter().for_each(|row| table.add(row.cells()));
    let mut text = table.text();
    for row in all {
        match row {
            Row::Known(standing) => {
                let plan = named(&standing.report.plan);
                if let Some(now) = standing.traffic.as_ref().filter(|now| now.standing == "changed")
                {
                    text.push_str(&format!("\n\n{plan}: the traffic: {}", now.text));
                }
                for request in &standing.requests {
                    let request = request_words(request);
                    text.push_str(&format!("\n\n{plan}: {request}, not taken up yet"));
                }
                if standing.report.next.is_some() {
                    text.push_str(&format!("\n\n{plan}: {}", next(standing)));
                }
            }
            Row::Unknown(unread) => text.push_str(&format!("\n\n{}", unread.words())),
        }
    }
    text
}

impl Row {
    fn cells(&self) -> [String; 5] {
        let nothing = || "-".to_owned();
        match self {
            Self::Known(standing) => {
                let report = &standing.report;
                let waits = report.waiting.as_ref().map(|waiting| waiting.what.clone());
                let possible = if report.rollback.is_possible { "possible" } else { "no" };
                [
                    named(&report.plan).into_owned(),
                    standing.words(),
                    stage_of(report).unwrap_or_else(nothing),
                    waits.unwrap_or_else(nothing),
                    possible.to_owned(),
                ]
            }
            Self::Unknown(Unread { plan, .. }) => {
                let plan = named(plan).into_owned();
                [plan, "unknown".to_owned(), nothing(), nothing(), nothing()]
            }
        }
    }

    fn error(&self) -> Option<&Error> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(unread) => Some(&unread.error),
        }
    }

    fn json(&self, now: Timestamp) -> Value {
        match self {
            Self::Known(standing) => as_json(standing, now),
            Self::Unknown(unread) => {
                let mut document = unread.json();
                document["state"] = json!("unknown");
                document
            }
        }
    }
}

fn as_json(standing: &Standing, now: Timestamp) -> Value {
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
        "progress": standing.progress(now).map(|(_, progress)| progress),
        "weight": report.weight,
        "traffic": report.traffic,
        "traffic_now": standing.traffic,
        "waiting": report.waiting,
        "next_at": report.waiting.as_ref().and_then(Waiting::next_at),
        "requests": standing.requests.iter().map(request_json).collect::<Vec<_>>(),
        "rollback": report.rollback,
        "last": report.last,
        "process": standing.holder,
        "next": report.next,
    })
}
