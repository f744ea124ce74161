//! `lock show` and `unlock`: shows who holds a plan, and removes the lock of a holder that is gone.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::found::{Found, Unread, exit_of_listing};
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::LockView;
use crate::report::time;
use crate::state::Home;
use crate::text::named;

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
    let (mut lines, mut locks, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(plan) = &arguments.plan {
        let Found { name, home, .. } = session.find(plan, false)?;
        let shown = shown(&name, &*home).await?;
        let (line, lock) = shown.unzip();
        lines.extend(line);
        locks.extend(lock);
    } else {
        for plan in session.place.open()?.plans().await? {
            match shown(&plan, &*session.home(&plan)?).await {
                Ok(None) => {}
                Ok(Some((line, lock))) => {
                    lines.push(line);
                    locks.push(lock);
                }
                Err(error) => {
                    let one = Unread { plan, error };
                    lines.push(one.words());
                    locks.push(one.json());
                    unread.push(one);
                }
            }
        }
    }
    if lines.is_empty() {
        lines.push("No plan is locked.".to_owned());
    }
    let exit = exit_of_listing(unread.iter().map(|one| &one.error));
    Ok(Answer::new(exit, lines.join("\n")).with("locks", locks))
}

/// Returns the lock of a plan for people and for machines; `None` where there is none.
async fn shown(name: &str, home: &dyn Home) -> Result<Option<(String, Value)>> {
    let Some(view) = home.lock().await? else { return Ok(None) };
    let is_held_here = home.is_held_here().await?;
    let is_alive = home.holder().await?.is_some();
    let line = describe(name, &view, is_held_here, is_alive);
    let json = json!({
        "plan": name, "lock": view, "held_here": is_held_here, "alive": is_alive,
    });
    Ok(Some((line, json)))
}

fn describe(name: &str, view: &LockView, is_held_here: Option<bool>, is_alive: bool) -> String {
    let LockView { id, holder, since, until, .. } = view;
    let state = match (is_held_here, is_alive) {
        (Some(true), _) => "held by a process on this machine",
        (Some(false), true) => "held elsewhere, as far as its lease says",
        (None, true) => "held, as far as can be seen from here",
        (_, false) => "no process holds it: the next run takes it",
    };
    let (name, id) = (named(name), named(id));
    format!(
        "{name}: lock {id}\n  holder  {holder}\n  since   {}\n  until   {}, renewed while it runs\n  state   {state}",
        time(*since),
        time(*until)
    )
}

pub async fn unlock(session: &Session, arguments: &UnlockArguments) -> Result<Answer, Failure> {
    let mut unread = Vec::new();
    for plan in session.place.open()?.plans().await? {
        let home = session.home(&plan)?;
        match home.lock().await {
            Ok(Some(view)) if view.id == arguments.id => {
                home.unlock(&arguments.id).await?;
                return Ok(
                    Answer::ok(format!("Unlocked {}.", named(&plan))).with("plan", json!(plan))
                );
            }
            Ok(_) => {}
            Err(error) => unread.push(Unread { plan, error }),
        }
    }
    let message = format!("there is no lock `{}` in {}", arguments.id, session.place.uri);
    if !unread.is_empty() {
        // It may be the lock of one of these.
        let first = format!("{message}, as far as it can be read");
        let lines = std::iter::once(first).chain(unread.iter().map(Unread::words));
        return Ok(Answer::new(Exit::Error, lines.collect::<Vec<_>>().join("\n"))
            .with("unread", unread.iter().map(Unread::json).collect::<Vec<_>>()));
    }
    Err(Error::new(ErrorKind::NotFound, message)
        .with_hint("`vecshift lock show` prints the locks that are there")
        .into())
}
