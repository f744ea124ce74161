//! `lock show` and `unlock`: shows who holds a plan, and removes the lock of a holder that is gone.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::found::Found;
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Lock, LockView, Paths};
use crate::report::time;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show who holds a plan, since when and until when
    Show(ShowArguments),
}

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// The plan file, or the plan's name; default: every plan
    pub plan: Option<String>,
}

#[derive(Debug, Args)]
pub struct UnlockArguments {
    /// The lock's id, as `lock show` prints it
    pub id: String,
}

pub fn perform(session: &Session, command: &Command) -> Result<Answer, Failure> {
    let Command::Show(arguments) = command;
    let mut plans = Vec::new();
    match &arguments.plan {
        Some(plan) => plans.push(session.find(plan, false)?),
        None => {
            for name in locked_plans(session)? {
                plans.push(session.find(&name, false)?);
            }
        }
    }
    let mut lines = Vec::new();
    let mut locks = Vec::new();
    for Found { name, paths, .. } in &plans {
        let Some(view) = Lock::view(paths.dir())? else { continue };
        let is_held = Lock::is_held(paths.dir());
        let is_alive = session.holder_of(paths)?.is_some();
        lines.push(describe(name, &view, is_held, is_alive));
        locks.push(json!({
            "plan": name, "lock": view, "held_here": is_held, "alive": is_alive,
        }));
    }
    if lines.is_empty() {
        lines.push("No plan is locked.".to_owned());
    }
    Ok(Answer::ok(lines.join("\n")).with("locks", locks))
}

fn describe(name: &str, view: &LockView, is_held: bool, is_alive: bool) -> String {
    let LockView { id, holder, since, until, .. } = view;
    let state = match (is_held, is_alive) {
        (true, _) => "held by a process on this machine",
        (false, true) => "held elsewhere, as far as its lease says",
        (false, false) => "no process holds it: the next run takes it",
    };
    format!(
        "{name}: lock {id}\n  holder  {holder}\n  since   {}\n  until   {}, renewed while it runs\n  state   {state}",
        time(*since),
        time(*until)
    )
}

pub fn unlock(session: &Session, arguments: &UnlockArguments) -> Result<Answer, Failure> {
    for name in locked_plans(session)? {
        let paths = Paths::new(session.state(), &name);
        if Lock::view(paths.dir())?.is_some_and(|view| view.id == arguments.id) {
            Lock::remove(paths.dir(), &arguments.id)?;
            return Ok(Answer::ok(format!("Unlocked {name}.")).with("plan", json!(name)));
        }
    }
    let message = format!("there is no lock `{}` in {}", arguments.id, session.state().display());
    Err(Error::new(ErrorKind::NotFound, message)
        .with_hint("`vecshift lock show` prints the locks that are there")
        .into())
}

/// Lists every plan that has a lock record, in order.
fn locked_plans(session: &Session) -> Result<Vec<String>> {
    let folder = session.state();
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let locked =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join("lock.json").is_file());
    let mut names: Vec<String> =
        locked.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}
