//! `lock show` and `unlock`: shows who holds a plan, and removes the lock of a holder that is gone.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::found::Found;
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::error::{Error, ErrorKind};
use crate::journal::LockView;
use crate::report::time;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show who holds a plan, since when and until when
    Show(ShowArguments),
}

impl Command {
    /// Returns the plan, if it concerns one.
    pub fn plan(&self) -> Option<&Path> {
        let Self::Show(of) = self;
        of.plan.as_deref().map(Path::new)
    }
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

pub async fn perform(session: &Session, command: &Command) -> Result<Answer, Failure> {
    let Command::Show(arguments) = command;
    let mut plans = Vec::new();
    match &arguments.plan {
        Some(plan) => plans.push(session.find(plan, false)?),
        None => {
            for name in session.place.open()?.plans().await? {
                plans.push(session.find(&name, false)?);
            }
        }
    }
    let mut lines = Vec::new();
    let mut locks = Vec::new();
    for Found { name, home, .. } in &plans {
        let Some(view) = home.lock().await? else { continue };
        let is_held_here = home.is_held_here().await?;
        let is_alive = home.holder().await?.is_some();
        lines.push(describe(name, &view, is_held_here, is_alive));
        locks.push(json!({
            "plan": name, "lock": view, "held_here": is_held_here, "alive": is_alive,
        }));
    }
    if lines.is_empty() {
        lines.push("No plan is locked.".to_owned());
    }
    Ok(Answer::ok(lines.join("\n")).with("locks", locks))
}

fn describe(name: &str, view: &LockView, is_held_here: Option<bool>, is_alive: bool) -> String {
    let LockView { id, holder, since, until, .. } = view;
    let state = match (is_held_here, is_alive) {
        (Some(true), _) => "held by a process on this machine",
        (Some(false), true) => "held elsewhere, as far as its lease says",
        (None, true) => "held, as far as can be seen from here",
        (_, false) => "no process holds it: the next run takes it",
    };
    format!(
        "{name}: lock {id}\n  holder  {holder}\n  since   {}\n  until   {}, renewed while it runs\n  state   {state}",
        time(*since),
        time(*until)
    )
}

pub async fn unlock(session: &Session, arguments: &UnlockArguments) -> Result<Answer, Failure> {
    for name in session.place.open()?.plans().await? {
        let home = session.home(&name)?;
        if home.lock().await?.is_some_and(|view| view.id == arguments.id) {
            home.unlock(&arguments.id).await?;
            return Ok(Answer::ok(format!("Unlocked {name}.")).with("plan", json!(name)));
        }
    }
    let message = format!("there is no lock `{}` in {}", arguments.id, session.place.uri);
    Err(Error::new(ErrorKind::NotFound, message)
        .with_hint("`vecshift lock show` prints the locks that are there")
        .into())
}
