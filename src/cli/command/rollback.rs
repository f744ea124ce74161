//! `rollback`: undoes a run, last stage first.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::steer::past_no_return;
use crate::cli::drive::{Drive, Files};
use crate::cli::failure::Failure;
use crate::cli::found::is_file;
use crate::cli::interrupt::{AT_A_CHECKPOINT, Interrupt};
use crate::cli::output::Answer;
use crate::cli::session::{Session, quoted};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{LockView, Phase, RunState, StageStatus};
use crate::plan::{Plan, StageKind};
use crate::provider::registry::check_secrets;
use crate::report::{plural, time};
use crate::run::{World, changes_to_adopt, named, open_driver, roll_back};

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file, or the plan's name
    pub plan: String,
    /// Show what would be undone, and undo nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Also delete what was copied; without it copied records stay in the target
    #[arg(long)]
    pub purge: bool,
    /// Continue with a plan that was changed while its run is open
    #[arg(long)]
    pub adopt: bool,
    #[command(flatten)]
    pub files: Files,
}

pub async fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let interrupt = Interrupt::listen(session.output, AT_A_CHECKPOINT)?;
    let file = interrupt.look(plan_file(session, &arguments.plan)).await?;
    let plan = session.read_plan(&file)?.plan;
    let home = session.home(&plan.name)?;
    let look = async { Ok((home.entries().await?, home.holder().await?)) };
    let (entries, holder) = interrupt.look(look).await?;
    let state = RunState::fold(&entries)?;
    if state.phase == Phase::Empty {
        let elsewhere = session.state_elsewhere(&plan.path, Some(&plan.name));
        return Ok(nothing_to_undo(&plan, &home.shown(), elsewhere.as_deref()));
    }
    if state.is_source_deleted() {
        return Err(past_no_return(&plan.name).into());
    }
    let changes = changes_to_adopt(&plan, &state, arguments.adopt)?;
    if arguments.dry_run {
        let answer = preview(&plan, &state, arguments.purge);
        return Ok(with_notes(answer, changes.as_deref(), holder.as_ref(), &plan.name));
    }
    if let Some(view) = holder {
        return Err(is_running(&view, &plan.name).into());
    }
    let environment = session.providers(&plan);
    check_secrets(&plan, &environment)?;
    let mut options = session.run_options();
    options.adopt = arguments.adopt;
    let drive = Drive {
        session,
        world: World::open(&plan, &environment)?,
        driver: open_driver(&plan, &environment)?,
        home,
        clock: session.clock.clone(),
        address: session.address(&plan.path.display().to_string()),
        plan,
        options,
    };
    let purge = arguments.purge;
    let driven = drive.with(&interrupt, |run, cancel| roll_back(run, purge, cancel)).await?;
    // A rollback on request is a success here, unlike a run that had to be rolled back.
    let mut answer = driven.answer(session);
    if matches!(driven.outcome, crate::run::Outcome::RolledBack { .. }) {
        answer.exit = crate::cli::exit::Exit::Ok;
    }
    Ok(answer)
}

/// Returns the file of a plan given by its path or by the name under which a run was started.
async fn plan_file(session: &Session, plan: &str) -> Result<PathBuf, Failure> {
    if is_file(plan) {
        return Ok(PathBuf::from(plan));
    }
    let found = session.find(plan, false)?;
    let state = RunState::fold(&found.entries().await?)?;
    let file = state.path.as_deref().and_then(|path| session.plan_here(path, plan));
    file.ok_or_else(|| {
        let was = state.path.map(|path| format!(": it was {path}")).unwrap_or_default();
        let message = format!("the plan's file of the run of `{plan}` is not here{was}");
        Error::new(ErrorKind::NotFound, message)
            .with_hint("give the file: `vecshift rollback FILE`")
            .into()
    })
}

/// Refuses to work against a running process, which can only be asked to stop.
fn is_running(view: &LockView, name: &str) -> Error {
    let message = format!("a process runs `{name}`: {} since {}", view.holder, time(view.since));
    Error::new(ErrorKind::Locked, message)
        .with_hint(format!("`vecshift abort {name}` asks it to stop and roll back"))
}

fn with_notes(
    mut answer: Answer,
    changes: Option<&[String]>,
    holder: Option<&LockView>,
    name: &str,
) -> Answer {
    if let Some(changes) = changes {
        answer.text.push_str(&format!("\n\nIt would adopt: {}.", named(changes)));
    }
    if let Some(view) = holder {
        answer.text.push_str(&format!(
            "\n\nNot while {} runs it: `vecshift abort {name}` asks it to stop and roll back.",
            view.holder
        ));
    }
    answer
}

/// Answers that there is nothing to undo, and names the place that was searched, as the run may be in another.
fn nothing_to_undo(plan: &Plan, place: &str, elsewhere: Option<&Path>) -> Answer {
    let name = &plan.name;
    let elsewhere = elsewhere.map(|state| quoted(&state.display().to_string()));
    let elsewhere = elsewhere.map(|state| format!(" There is one in {state}: --state {state}"));
    let elsewhere = elsewhere.unwrap_or_default();
    Answer::ok(format!("Nothing to undo: there is no run of `{name}` in {place}.{elsewhere}"))
}

/// Lists the stages that would be undone, in that order.
fn preview(plan: &Plan, state: &RunState, purge: bool) -> Answer {
    let is_left =
        |status: &StageStatus| !matches!(status, StageStatus::Pending | StageStatus::Undone);
    let copied: u64 = state.stages.iter().map(|stage| stage.tally().copied).sum();
    let mut steps = Vec::new();
    for stage in
        state.stages.iter().rev().filter(|stage| stage.has_started() && is_left(&stage.status))
    {
        let Some(asked) = plan.stage(&stage.id) else { continue };
        let what = undo_of(&asked.kind, stage.created_index.as_deref(), copied, purge);
        let hooks = asked.rollback.len();
        steps.push(json!({ "stage": stage.id, "what": what, "hooks": hooks }));
    }
    let line = |step: &serde_json::Value| {
        let hooks = match step["hooks"].as_u64() {
            Some(0) | None => String::new(),
            Some(count) => format!(", then {}", plural(count, "hook")),
        };
        format!(
            "  < {}: {}{hooks}",
            step["stage"].as_str().unwrap_or_default(),
            step["what"].as_str().unwrap_or_default()
        )
    };
    let lines: Vec<_> = steps.iter().map(line).collect();
    let text = match lines.is_empty() {
        true => "Nothing would be undone.".to_owned(),
        false => format!("Would be undone, in this order:\n{}", lines.join("\n")),
    };
    Answer::ok(text).with("steps", steps)
}

/// Describes what undoing a stage would do (`docs/decisions/0007-rollback-keeps-records.md`).
fn undo_of(kind: &StageKind, created: Option<&str>, copied: u64, purge: bool) -> String {
    match (kind, created) {
        (StageKind::Snapshot(_), _) => "keep its files".to_owned(),
        (StageKind::Canary(_), _) => "set the weight to 0% and read it back".to_owned(),
        (StageKind::Create(_), None) => "keep the target: it was there before".to_owned(),
        (StageKind::Create(_), Some(index)) if copied > 0 && !purge => {
            format!("keep {index} and its {} (--purge deletes it)", plural(copied, "record"))
        }
        (StageKind::Create(_), Some(index)) => {
            format!("delete {index} and its {}", plural(copied, "record"))
        }
        _ => "nothing to undo".to_owned(),
    }
}
