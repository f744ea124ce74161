//! `audit` and `check`: one stage that only looks, alone, as a gate without a migration.
//!
//! The stage runs as it would in the plan, with a journal of its own under `checks/` that each look begins anew;
//! no hook is run and neither index is written to.

use std::path::PathBuf;

use clap::Args;

use super::run::check_stage;
use crate::cli::drive::{Drive, Files};
use crate::cli::failure::Failure;
use crate::cli::interrupt::{AT_A_CHECKPOINT, Interrupt};
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Lock, Paths};
use crate::plan::Plan;
use crate::plan::file::StageKind;
use crate::provider::registry::check_secrets;
use crate::run::{RunOptions, World};

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file
    pub plan: PathBuf,
    /// The stage whose assertions are judged: an `audit` or a `verify`
    #[arg(long, value_name = "STAGE")]
    pub stage: String,
    /// Warnings count as failures
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub files: Files,
}

#[derive(Debug, Args)]
pub struct AuditArguments {
    /// The plan file
    pub plan: PathBuf,
    /// Warnings count as failures
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub files: Files,
}

pub async fn audit(session: &Session, arguments: &AuditArguments) -> Result<Answer, Failure> {
    let plan = session.read_plan(&arguments.plan)?.plan;
    let found = plan.stages_in_order().find(|(stage, _)| matches!(stage.kind, StageKind::Audit(_)));
    let Some(stage) = found.map(|(_, checked)| checked.id.to_string()) else {
        return Err(Error::invalid(format!("{} has no audit stage", plan.path.display()))
            .with_hint("add `- kind: audit` as its first stage")
            .into());
    };
    look(session, plan, &stage, arguments.strict, &arguments.files).await
}

pub async fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let plan = session.read_plan(&arguments.plan)?.plan;
    check_stage(&plan, Some(&arguments.stage))?;
    look(session, plan, &arguments.stage, arguments.strict, &arguments.files).await
}

async fn look(
    session: &Session,
    mut plan: Plan,
    stage: &str,
    strict: bool,
    files: &Files,
) -> Result<Answer, Failure> {
    keep_only(&mut plan, stage)?;
    let environment = session.providers(&plan);
    check_secrets(&plan.file, &environment)?;
    let interrupt = Interrupt::listen(session.output, AT_A_CHECKPOINT)?;
    let drive = Drive {
        session,
        world: World::open(&plan, &environment)?,
        driver: None,
        paths: fresh(session, &plan)?,
        clock: session.clock.clone(),
        address: session.address(&plan.path.display().to_string()),
        options: RunOptions { strict, no_wait: true, ..session.run_options() },
        plan,
        files,
    };
    drive.run(&interrupt).await
}

/// Leaves one stage of a plan, and nothing that acts.
fn keep_only(plan: &mut Plan, stage: &str) -> Result<()> {
    let index = plan.stages.iter().position(|known| known.id.as_str() == stage).unwrap_or(0);
    let kind = &plan.file.stages[index].kind;
    if !matches!(kind, StageKind::Audit(_) | StageKind::Verify(_)) {
        let message =
            format!("`{stage}` is a {} stage: judging it would change the world", kind.name());
        return Err(
            Error::new(ErrorKind::Refused, message).with_hint("name an audit or a verify stage")
        );
    }
    plan.file.stages = vec![plan.file.stages.swap_remove(index)];
    plan.stages = vec![plan.stages.swap_remove(index)];
    plan.file.stages[0].common.needs_approval = false;
    plan.file.hooks.clear();
    Ok(())
}

/// The folder of looks at this plan, with no journal in it.
fn fresh(session: &Session, plan: &Plan) -> Result<Paths> {
    let paths = Paths::new(&session.state().join("checks"), &plan.file.name);
    if Lock::is_held(paths.dir()) {
        return Err(Error::new(ErrorKind::Locked, "another process checks this plan")
            .with_hint("wait for it"));
    }
    match std::fs::remove_dir_all(paths.dir()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot empty {}", paths.dir().display()), error))
        }
        _ => Ok(paths),
    }
}
