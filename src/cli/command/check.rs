//! `audit` and `check`: run one stage that only looks, on its own, as a gate without a migration.
//!
//! The stage runs as it would in the plan, with a journal of its own under `checks/` that starts fresh each time. No
//! hooks run, and neither index is written to. A verify compares what a copy planned, so the real run's journal entries
//! for its copies are carried over. So is the fact that it has read the target: a query cannot be measured as cold
//! afterwards.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::run::check_stage;
use crate::cli::drive::{Drive, Files};
use crate::cli::failure::Failure;
use crate::cli::interrupt::{AT_A_CHECKPOINT, Interrupt};
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Entry, Event, RunState};
use crate::model::StageId;
use crate::plan::{Plan, Stage, StageKind};
use crate::provider::registry::{check_secrets, connector, missing_secrets};
use crate::run::{COLD_FIGURE, RunOptions, World};
use crate::state::{Home, Journal};

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file
    pub plan: PathBuf,
    /// The stage whose assertions are judged: an `audit` or a `verify`
    #[arg(long, value_name = "STAGE")]
    pub stage: String,
    /// Treat warnings as failures
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub files: Files,
}

#[derive(Debug, Args)]
pub struct AuditArguments {
    /// The plan file
    pub plan: PathBuf,
    /// Treat warnings as failures
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub files: Files,
}

pub async fn audit(session: &Session, arguments: &AuditArguments) -> Result<Answer, Failure> {
    let plan = session.read_plan(&arguments.plan)?.plan;
    let Some(stage) =
        plan.stages.iter().find(|stage| is_audit(stage)).map(|stage| stage.id.to_string())
    else {
        return Err(Error::invalid(format!("{} has no audit stage", plan.path.display()))
            .with_hint("add `- kind: audit` as its first stage")
            .into());
    };
    look(session, plan, &stage, session.is_strict(arguments.strict)).await
}

pub async fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let plan = session.read_plan(&arguments.plan)?.plan;
    check_stage(&plan, Some(&arguments.stage))?;
    look(session, plan, &arguments.stage, session.is_strict(arguments.strict)).await
}

async fn look(
    session: &Session,
    mut plan: Plan,
    stage: &str,
    strict: bool,
) -> Result<Answer, Failure> {
    let interrupt = Interrupt::listen(session.output, AT_A_CHECKPOINT)?;
    let home = session.home(&plan.name)?;
    let entries = interrupt.look(async { Ok(home.entries().await?) }).await?;
    let copies = keep_only(&mut plan, stage, &RunState::fold(&entries)?)?;
    let environment = session.providers(&plan);
    let needs_target =
        !is_audit_without_key(&plan) || missing_secrets(&plan, &environment).is_empty();
    if needs_target {
        check_secrets(&plan, &environment)?;
    }
    let (home, last_look) = fresh(session, &plan).await?;
    if !copies.is_empty() {
        let was_read =
            has_read(&entries) || (has_read(&last_look) && same_run(&entries, &last_look));
        let look = was_read.then(|| StageId::new(stage));
        carry_over(session, &plan, &*home, &entries, &copies, look).await?;
    }
    let drive = Drive {
        session,
        world: match needs_target {
            true => World::open_to_look(&plan, &environment)?,
            false => World::open_without_target(&plan, &environment)?,
        },
        driver: None,
        home,
        clock: session.clock.clone(),
        address: session.address(&plan.path.display().to_string()),
        options: RunOptions { strict, no_wait: true, ..session.run_options() },
        plan,
    };
    drive.look(&interrupt).await
}

fn is_audit(stage: &Stage) -> bool {
    matches!(stage.kind, StageKind::Audit(_))
}

/// Returns whether only stages are left that look at a source for which no key is needed.
fn is_audit_without_key(plan: &Plan) -> bool {
    let needs_none = connector(&plan.source.provider)
        .is_ok_and(|connector| connector.needed_secrets(&plan.source).is_empty());
    needs_none && plan.stages.iter().all(is_audit)
}

/// Reduces a plan to one stage and the copies a verify concerns. Returns those copies.
fn keep_only(plan: &mut Plan, stage: &str, state: &RunState) -> Result<Vec<StageId>> {
    let found = plan.stages.iter().find(|found| found.id.as_str() == stage);
    let is_verify = match found.map(|found| &found.kind) {
        Some(StageKind::Audit(_)) => false,
        Some(StageKind::Verify(_)) => true,
        _ => {
            let kind = found.map_or("unknown", |found| found.word);
            let message = format!("`{stage}` is a {kind} stage: judging it would change the world");
            return Err(Error::new(ErrorKind::Refused, message)
                .with_hint("name an audit or a verify stage"));
        }
    };
    let is_copied = |id: &StageId| {
        state.stage(id).is_some_and(|stage| stage.is_passed() && !stage.shards.is_empty())
    };
    let copies: Vec<_> = plan
        .stages
        .iter()
        .map(|stage| stage.id.clone())
        .filter(|id| is_verify && is_copied(id))
        .collect();
    if is_verify && copies.is_empty() {
        return Err(Error::new(
            ErrorKind::Refused,
            "nothing was copied yet that could be verified",
        )
        .with_hint("`vecshift run` copies first; `--until` stops it after the copy"));
    }
    plan.stages.retain(|one| one.id.as_str() == stage || copies.contains(&one.id));
    plan.stages.iter_mut().for_each(|stage| stage.needs_approval = false);
    plan.hooks.clear();
    Ok(copies)
}

/// Starts the check's journal with what the real run has copied.
async fn carry_over(
    session: &Session,
    plan: &Plan,
    home: &dyn Home,
    entries: &[Entry],
    copies: &[StageId],
    reader: Option<StageId>,
) -> Result<()> {
    let holder = session.surroundings.holder();
    let mut journal = Journal::open(home, &holder, session.clock.clone()).await?;
    let ids: Vec<_> = plan.stages.iter().map(|stage| stage.id.clone()).collect();
    for entry in entries {
        match &entry.event {
            start @ Event::RunStarted { .. } => {
                let mut start = start.clone();
                if let Event::RunStarted { digest, stages, .. } = &mut start {
                    digest.clone_from(&plan.digest);
                    stages.clone_from(&ids);
                }
                journal.append(start).await?;
            }
            event if is_of_copy(event, copies) => {
                journal.append(event.clone()).await?;
            }
            _ => {}
        }
    }
    if let Some(stage) = reader {
        let figures = [(COLD_FIGURE.to_owned(), 0.0)].into();
        journal.append(Event::Measured { stage, figures }).await?;
    }
    journal.close().await;
    Ok(())
}

/// Returns whether a verify or a canary of this journal has read the target, after which nothing is cold.
fn has_read(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| match &entry.event {
        Event::Measured { figures, .. } => figures.contains_key(COLD_FIGURE),
        Event::BakeStarted { .. } => true,
        _ => false,
    })
}

fn same_run(entries: &[Entry], others: &[Entry]) -> bool {
    let run = |entries: &[Entry]| match entries.first().map(|entry| &entry.event) {
        Some(Event::RunStarted { run, .. }) => Some(run.clone()),
        _ => None,
    };
    run(entries) == run(others)
}

/// Returns whether an event records what one of `copies` planned or did.
fn is_of_copy(event: &Event, copies: &[StageId]) -> bool {
    match event {
        Event::StageStarted { stage, .. }
        | Event::ShardPlanned { stage, .. }
        | Event::Checkpointed { stage, .. }
        | Event::ShardCompleted { stage, .. }
        | Event::StagePassed { stage } => copies.contains(stage),
        _ => false,
    }
}

/// Empties the folder for checks of this plan, and returns it with the journal of the last check.
async fn fresh(session: &Session, plan: &Plan) -> Result<(Arc<dyn Home>, Vec<Entry>)> {
    let home = session.state_of("checks").home(&plan.name);
    if home.holder().await?.is_some() {
        return Err(Error::new(ErrorKind::Locked, "another process checks this plan")
            .with_hint("wait for it"));
    }
    // An unreadable journal is treated like a missing one.
    let last = home.entries().await.unwrap_or_default();
    let folder = home.folder();
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot empty {}", folder.display()), error))
        }
        _ => Ok((home, last)),
    }
}
