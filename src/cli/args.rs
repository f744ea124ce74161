//! The arguments of the command line. Each command's own arguments are defined in its file under `command/`.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::command;
use super::deliver::Asked;
use super::drive::Files;
use super::session::Session;

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

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The folder that holds the journals
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = ".vecshift",
        help_heading = "Global options"
    )]
    pub state: PathBuf,
    /// Print one JSON document instead of text; it always contains `exit`
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Global options"
    )]
    pub color: When,
    /// Set a variable of the plan; may be repeated
    #[arg(long = "var", global = true, value_name = "NAME=VALUE", value_parser = pair, help_heading = "Global options")]
    pub vars: Vec<(String, String)>,
    /// Read variables from a YAML or JSON mapping; `--var` takes precedence
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub var_file: Vec<PathBuf>,
    /// Print nothing but errors on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    pub quiet: bool,
    /// Show more: -v every namespace and judgement, -vv requests, -vvv everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
}

/// The use of colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read, resolve and check a plan; reports everything that is wrong at once
    Validate(command::validate::Arguments),
    /// Show what a run would do now, against live state; changes nothing
    Plan(command::plan::Arguments),
    /// Run the whole plan against the embedded emulator; touches nothing real
    Rehearse(command::rehearse::Arguments),
    /// Run the plan; the same command continues it
    Run(command::run::Arguments),
    /// Show where runs stand, what they wait for and how to release them
    Status(command::status::Arguments),
    /// Approve what a run waits for
    Approve(command::approve::Arguments),
    /// Ask a run to pause
    Pause(command::steer::Arguments),
    /// Continue a paused run, or one that could not be judged
    Resume(command::steer::ResumeArguments),
    /// Ask a run to stop and roll back
    Abort(command::steer::Arguments),
    /// Undo a run, last stage first
    Rollback(command::rollback::Arguments),
    /// Print the report of a run, from its journal
    Report(command::report::Arguments),
    /// Look at both sides as the plan's audit stage does; changes nothing
    Audit(command::check::AuditArguments),
    /// Judge the assertions of a single stage; changes nothing
    Check(command::check::Arguments),
    /// List or delete namespaces of a plan's indexes
    #[command(subcommand)]
    Namespaces(command::namespaces::Command),
    /// Serve the Pinecone emulator
    Emulate(command::emulate::Arguments),
    /// Print the JSON Schema of a plan
    Schema,
    /// Explain an error code, a metric or `exit-codes`
    Explain(command::explain::Arguments),
    /// Show who holds the lock of a plan
    #[command(subcommand)]
    Lock(command::lock::Command),
    /// Remove the lock of a run that is gone
    Unlock(command::lock::UnlockArguments),
    /// Write the generated pages of `docs/`, or check that they are current
    #[command(hide = true)]
    Docs(command::docs::Arguments),
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
            Self::Lock(_) => "lock",
            Self::Unlock(_) => "unlock",
            Self::Docs(_) => "docs",
        }
    }
}

impl Command {
    /// Returns the files the command is to write and those it reads.
    pub fn asked(&self, session: &Session) -> Asked {
        let mut asked = match self {
            Self::Plan(plan) => Asked {
                own: plan.out.clone().map(|path| ("--out", path)),
                own_unfinished: command::plan::UNFINISHED.to_owned(),
                ..Asked::default()
            },
            Self::Report(report) => Asked {
                own: report.output.clone().map(|path| ("--output", path)),
                own_unfinished: report.format.unfinished(),
                ..Asked::default()
            },
            _ => self.files().map(Asked::of).unwrap_or_default(),
        };
        asked.inputs = session.global.var_file.clone();
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

    /// Returns the plan file of commands that read one.
    fn plan(&self) -> Option<&Path> {
        Some(match self {
            Self::Validate(of) => &of.plan,
            Self::Plan(of) => &of.plan,
            Self::Rehearse(of) => &of.plan,
            Self::Run(of) => &of.plan,
            Self::Audit(of) => &of.plan,
            Self::Check(of) => &of.plan,
            Self::Rollback(of) => Path::new(&of.plan),
            Self::Report(of) => Path::new(of.run.as_ref()?),
            _ => return None,
        })
    }
}

/// Splits `NAME=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
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
