//! The commands, one file each: `Arguments`, and a function that performs the command and returns an answer.

pub mod approve;
pub mod artifacts;
pub mod check;
mod condition;
pub mod docs;
pub mod emulate;
pub mod explain;
pub mod lock;
pub mod namespaces;
pub mod plan;
pub mod rehearse;
pub mod report;
pub mod rollback;
pub mod run;
pub mod schema;
mod standstill;
pub mod state;
pub mod status;
pub mod steer;
pub mod validate;

use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser, Subcommand};

use super::deliver::Asked;
use super::drive::Files;
use super::failure::Failure;
use super::global::Global;
use super::output::Answer;
use super::session::Session;
use crate::emulator;

/// Moves a vector index to a new home, as described by a plan file reviewed in a pull request.
#[derive(Debug, Parser)]
#[command(
    name = "vecshift",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "A first look, with no key and no network:\n  vecshift rehearse plans/quickstart.yaml\n\n\
                  Exit codes: vecshift explain exit-codes"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read, resolve and check a plan; reports everything that is wrong at once
    Validate(validate::Arguments),
    /// Show what a run would do now, against live state; changes nothing
    Plan(plan::Arguments),
    /// Run the whole plan against the embedded emulator; touches nothing real
    Rehearse(rehearse::Arguments),
    /// Run the plan; the same command continues it
    Run(run::Arguments),
    /// Show where runs stand, what they wait for and how to release them
    Status(status::Arguments),
    /// Approve what a run waits for
    Approve(approve::Arguments),
    /// Ask a run to pause
    Pause(steer::Arguments),
    /// Continue a paused run, or one that could not be judged
    Resume(steer::ResumeArguments),
    /// Ask a run to stop and roll back
    Abort(steer::Arguments),
    /// Undo a run, last stage first
    Rollback(rollback::Arguments),
    /// Print the report of a run, from its journal
    Report(report::Arguments),
    /// List or fetch the files that a run wrote
    #[command(subcommand)]
    Artifacts(artifacts::Command),
    /// Look at both sides as the plan's audit stage does; changes nothing
    Audit(check::AuditArguments),
    /// Judge the assertions of a single stage; changes nothing
    Check(check::Arguments),
    /// List or delete namespaces of a plan's indexes
    #[command(subcommand)]
    Namespaces(namespaces::Command),
    #[command(about = emulator::ABOUT)]
    Emulate(emulate::Arguments),
    /// Print the JSON Schema of a plan
    Schema,
    /// Explain an error code, a metric or `exit-codes`
    Explain(explain::Arguments),
    /// List, move or check the place where runs are recorded
    #[command(subcommand)]
    State(state::Command),
    /// Show who holds the lock of a plan
    #[command(subcommand)]
    Lock(lock::Command),
    /// Remove the lock of a run that is gone
    Unlock(lock::UnlockArguments),
    /// Write the generated pages of `docs/`, or check that they are current
    #[command(hide = true)]
    Docs(docs::Arguments),
}

impl Command {
    /// Returns the command's name, as used in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Validate(_) => "validate",
            Self::Plan(_) => "plan",
            Self::Rehearse(_) => "rehearse",
            Self::Run(_) => "run",
            Self::Status(_) => "status",
            Self::Approve(_) => "approve",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Abort(_) => "abort",
            Self::Rollback(_) => "rollback",
            Self::Report(_) => "report",
            Self::Audit(_) => "audit",
            Self::Check(_) => "check",
            Self::Namespaces(_) => "namespaces",
            Self::Emulate(_) => "emulate",
            Self::Schema => "schema",
            Self::Explain(_) => "explain",
            Self::Artifacts(_) => "artifacts",
            Self::State(_) => "state",
            Self::Lock(_) => "lock",
            Self::Unlock(_) => "unlock",
            Self::Docs(_) => "docs",
        }
    }
}

impl Command {
    /// Returns the files the command is to write and those it reads.
    pub fn asked(&self, global: &Global) -> Asked {
        let mut asked = match self {
            Self::Plan(plan) => Asked {
                own: plan.out.clone().map(|path| ("--out", path)),
                own_unfinished: Some(plan::UNFINISHED.to_owned()),
                ..Asked::default()
            },
            Self::Validate(validate) => Asked { sarif: validate.sarif.clone(), ..Asked::default() },
            Self::Report(report) => Asked {
                own: report.output.clone().map(|path| ("--output", path)),
                own_unfinished: Some(report.format.unfinished()),
                ..Asked::default()
            },
            Self::State(state::Command::Pull(pull)) => Asked {
                own: pull.output.clone().map(|path| ("--output", path)),
                ..Asked::default()
            },
            _ => self.files().map(Asked::of).unwrap_or_default(),
        };
        asked.inputs = global.var_file.clone();
        asked.inputs.extend(self.plan().map(PathBuf::from));
        asked
    }

    fn files(&self) -> Option<&Files> {
        Some(match self {
            Self::Rehearse(of) => &of.files,
            Self::Run(of) => &of.files,
            Self::Rollback(of) => &of.files,
            Self::Audit(of) => &of.files,
            Self::Check(of) => &of.files,
            _ => return None,
        })
    }

    /// Returns the plan of commands that concern one: its file or, for some, its name.
    pub fn plan(&self) -> Option<&Path> {
        Some(match self {
            Self::Validate(of) => &of.plan,
            Self::Plan(of) => &of.plan,
            Self::Rehearse(of) => &of.plan,
            Self::Run(of) => &of.plan,
            Self::Audit(of) => &of.plan,
            Self::Check(of) => &of.plan,
            Self::Rollback(of) => Path::new(&of.plan),
            Self::Report(of) => Path::new(of.run.as_ref()?),
            Self::Status(of) => Path::new(of.plan.as_ref()?),
            Self::Approve(of) => Path::new(&of.plan),
            Self::Pause(of) | Self::Abort(of) => Path::new(&of.plan),
            Self::Resume(of) => Path::new(&of.of.plan),
            Self::Namespaces(of) => of.plan(),
            Self::Artifacts(of) => of.plan(),
            Self::State(of) => of.plan()?,
            Self::Lock(of) => of.plan()?,
            Self::Emulate(of) => of.world.as_deref()?,
            _ => return None,
        })
    }

    /// Returns whether a project file says anything to it.
    pub fn is_of_a_project(&self) -> bool {
        match self {
            Self::Schema | Self::Explain(_) | Self::Docs(_) => false,
            Self::Emulate(of) => of.world.is_some(),
            _ => true,
        }
    }
}

/// Performs one command.
pub async fn perform(command: Command, session: &Session) -> Result<Answer, Failure> {
    match command {
        Command::Validate(arguments) => validate::perform(session, &arguments),
        Command::Plan(arguments) => plan::perform(session, &arguments).await,
        Command::Rehearse(arguments) => rehearse::perform(session, &arguments).await,
        Command::Run(arguments) => run::perform(session, &arguments).await,
        Command::Status(arguments) => status::perform(session, &arguments).await,
        Command::Approve(arguments) => approve::perform(session, &arguments).await,
        Command::Pause(arguments) => steer::pause(session, &arguments).await,
        Command::Resume(arguments) => steer::resume(session, &arguments).await,
        Command::Abort(arguments) => steer::abort(session, &arguments).await,
        Command::Rollback(arguments) => rollback::perform(session, &arguments).await,
        Command::Report(arguments) => report::perform(session, &arguments).await,
        Command::Audit(arguments) => check::audit(session, &arguments).await,
        Command::Check(arguments) => check::perform(session, &arguments).await,
        Command::Namespaces(command) => namespaces::perform(session, &command).await,
        Command::Emulate(arguments) => emulate::perform(session, &arguments).await,
        Command::Schema => Ok(schema::perform()),
        Command::Explain(arguments) => explain::perform(session, &arguments),
        Command::Artifacts(command) => artifacts::perform(session, &command).await,
        Command::State(command) => state::perform(session, &command).await,
        Command::Lock(command) => lock::perform(session, &command).await,
        Command::Unlock(arguments) => lock::unlock(session, &arguments).await,
        Command::Docs(arguments) => docs::perform(&arguments, Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
