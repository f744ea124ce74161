//! `state ls`, `pull`, `push` and `probe`: the place of the journals itself.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::columns::Columns;
use crate::cli::failure::Failure;
use crate::cli::found::{Unread, exit_of_listing};
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Entry, LockView, RunState, parse};
use crate::report::{count, plural, time};
use crate::state::{Home, Pushed};
use crate::text::named;

/// What to do where a push was cut off.
const AGAIN: &str =
    "push the same journal again: until that has come to its end, nobody sees a part of it";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the plans whose runs are recorded there
    Ls,
    /// Print the journal of a plan's run as it is, one event a line
    Pull(PullArguments),
    /// Write a journal into a place that has none of that plan, or only the beginning of this one, as when state moves from a
    /// folder to a bucket
    Push(PushArguments),
    /// Check that the place keeps what runs need of it, and that this machine may do what it has to
    Probe,
}

impl Command {
    /// Returns the plan of the commands that concern one.
    pub fn plan(&self) -> Option<&Path> {
        match self {
            Self::Ls | Self::Probe => None,
            Self::Pull(of) => Some(Path::new(&of.plan)),
            Self::Push(of) => Some(Path::new(&of.plan)),
        }
    }
}

#[derive(Debug, Args)]
pub struct PullArguments {
    /// The plan's name, or its file
    pub plan: String,
    /// An earlier run; default: the last
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PushArguments {
    /// The plan's name, or its file
    pub plan: String,
    /// The journal, as `state pull` prints it; `-` is standard input
    #[arg(default_value = "-")]
    pub journal: PathBuf,
}

pub async fn perform(session: &Session, command: &Command) -> Result<Answer, Failure> {
    match command {
        Command::Ls => list(session).await,
        Command::Pull(arguments) => pull(session, arguments).await,
        Command::Push(arguments) => push(session, arguments).await,
        Command::Probe => probe(session).await,
    }
}

async fn list(session: &Session) -> Result<Answer, Failure> {
    let state = session.place.open()?;
    let (mut rows, mut documents, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for plan in state.plans().await? {
        let home = state.home(&plan);
        match listed(&*home).await {
            Ok(None) => {}
            Ok(Some((state, holder))) => {
                let last = state.last.map(time).unwrap_or_default();
                let held = held_by(holder.as_ref());
                documents.push(json!({
                    "plan": plan, "run": state.run, "phase": state.phase.name(), "events": state.events,
                    "last": state.last, "holder": holder,
                }));
                let (phase, events) = (state.phase.name().to_owned(), count(state.events));
                rows.push([name(&plan), name(&state.run), phase, events, last, held]);
            }
            Err(error) => {
                // A journal that cannot be read may have a holder who can.
                let holder = home.holder().await;
                let held = match &holder {
                    Ok(holder) => held_by(holder.as_ref()),
                    Err(_) => "unknown".to_owned(),
                };
                let nothing = || "-".to_owned();
                rows.push([name(&plan), nothing(), "unknown".into(), nothing(), nothing(), held]);
                let one = Unread { plan, error };
                let mut document = one.json();
                document["holder"] = json!(holder.ok().flatten());
                documents.push(document);
                unread.push(one);
            }
        }
    }
    let text = match rows.is_empty() {
        true => format!("No runs in {}.", state.uri()),
        false => {
            let header = ["plan", "run", "phase", "events", "last event", "held by"];
            let mut table = Columns::new(session.output.stdout.width, header);
            rows.into_iter().for_each(|row| table.add(row));
            let below = unread.iter().map(Unread::words);
            std::iter::once(table.text()).chain(below).collect::<Vec<_>>().join("\n\n")
        }
    };
    let exit = exit_of_listing(unread.iter().map(|one| &one.error));
    Ok(Answer::new(exit, text).with("state", state.uri()).with("plans", documents))
}

/// Returns where a plan stands, and who holds it; `None` for one that never had a run and that nobody holds.
async fn listed(home: &dyn Home) -> Result<Option<(RunState, Option<LockView>)>> {
    let holder = home.holder().await?;
    let entries = home.entries().await?;
    if entries.is_empty() && holder.is_none() && !home.is_blank().await? {
        return Ok(None);
    }
    Ok(Some((RunState::fold(&entries)?, holder)))
}

fn held_by(holder: Option<&LockView>) -> String {
    holder.map_or_else(|| "nobody".to_owned(), |view| view.holder.to_string())
}

fn name(of: &str) -> String {
    named(of).into_owned()
}

async fn pull(session: &Session, arguments: &PullArguments) -> Result<Answer, Failure> {
    let found = session.find(&arguments.plan, false)?;
    let entries = match &arguments.run {
        None => found.entries().await?,
        Some(run) => found.home.entries_of(run).await?.ok_or_else(|| {
            let message = format!("there is no run `{run}` of `{}`", found.name);
            Error::new(ErrorKind::NotFound, message)
        })?,
    };
    let line = |entry: &Entry| {
        serde_json::to_string(entry).map_err(|error| {
            Error::unexpected("an event cannot be written as JSON").with_source(error)
        })
    };
    let lines = entries.iter().map(line).collect::<Result<Vec<_>>>()?.join("\n");
    let answer = |text: String| {
        Answer::ok(text)
            .with("plan", found.name.clone())
            .with("run", RunState::fold(&entries).map(|state| state.run).ok())
            .with("state", session.place.uri.clone())
            .with("entries", json!(entries))
    };
    Ok(match &arguments.output {
        Some(path) => {
            let events = plural(entries.len() as u64, "event");
            answer(format!("{}: {events}", path.display())).with_own(lines + "\n")
        }
        None => answer(lines),
    })
}

async fn push(session: &Session, arguments: &PushArguments) -> Result<Answer, Failure> {
    let found = session.find(&arguments.plan, false)?;
    let shown = arguments.journal.display().to_string();
    let mut bytes = Vec::new();
    match shown.as_str() {
        "-" => std::io::stdin().read_to_end(&mut bytes).map(drop),
        _ => std::fs::File::open(&arguments.journal)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map(drop),
    }
    .map_err(|error| Error::io(format!("cannot read {shown}"), error))?;
    let parsed = parse(&bytes, &shown)?;
    if parsed.intact < bytes.len() {
        return Err(Error::invalid(format!("{shown} ends in the middle of a line"))
            .with_hint("pull it again, whole")
            .into());
    }
    let state = RunState::fold(&parsed.entries)?;
    if parsed.entries.is_empty() {
        return Err(Error::invalid(format!("{shown} has no events")).into());
    }
    if state.plan != found.name {
        let message = format!("{shown} is of the plan `{}`, not of `{}`", state.plan, found.name);
        return Err(Error::new(ErrorKind::Refused, message).into());
    }
    let holder = session.surroundings.holder();
    let pushed = found.home.push(&holder, &parsed.entries).await.map_err(|error| {
        match error.is_retryable() {
            true => error.with_hint(AGAIN),
            false => error,
        }
    })?;
    let Pushed { there_before, missing } = pushed;
    let events = plural(parsed.entries.len() as u64, "event");
    let before = match there_before {
        0 => String::new(),
        _ if there_before == parsed.entries.len() => ", all of them there before".to_owned(),
        there_before => format!(", {} of them there before", count(there_before as u64)),
    };
    let mut lines =
        vec![format!("{}: all {events} of the run {}{before}.", found.home.shown(), state.run)];
    if !missing.is_empty() {
        lines
            .push("Not pushed, for they are not on this machine as the run wrote them:".to_owned());
    }
    lines.extend(missing.iter().map(|of| format!("  {} ({})", of.path, of.name)));
    Ok(Answer::ok(lines.join("\n"))
        .with("plan", found.name)
        .with("run", state.run)
        .with("events", parsed.entries.len())
        .with("there_before", there_before)
        .with("missing", json!(missing)))
}

async fn probe(session: &Session) -> Result<Answer, Failure> {
    let state = session.place.open()?;
    let seen = state.probe().await?;
    let mut lines = vec![format!("{} keeps what runs need of it:", state.uri())];
    lines.extend(seen.iter().map(|one| format!("  {one}")));
    Ok(Answer::ok(lines.join("\n")).with("state", state.uri()).with("seen", seen))
}
