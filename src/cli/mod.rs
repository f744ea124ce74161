//! The command line: words, colours, exit codes. The only module that prints, reads the environment or listens for
//! signals.
//!
//! [`main`] reads the arguments, opens the command's output files, runs it and prints its [`Answer`](output::Answer):
//! text for people or, with `--json`, one document. Commands (`command/`, one file each) print nothing themselves;
//! during a run a [`Console`](console::Console) prints to standard error. A command that fails returns a
//! [`Failure`](failure::Failure), which is shown in one place with the exit code of its kind. However a command ends,
//! its [`Deliveries`](deliver::Deliveries) record it.

mod columns;
mod command;
mod console;
mod deliver;
mod drive;
mod ended;
mod environment;
mod events;
mod exit;
mod failure;
mod found;
mod github;
mod global;
mod interrupt;
mod log;
mod narrate;
mod outlet;
mod output;
mod paths;
mod place;
mod preview;
mod progress;
mod project;
mod received;
mod reference;
mod saved;
mod seeds;
mod session;
mod standing;
mod token;
mod traffic;
mod usage;
mod yaml;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use command::Cli;
use deliver::Deliveries;
use environment::Surroundings;
use failure::Failure;
use output::{Answer, complain};
use session::Session;

/// Runs the command given by `arguments`, which start with the program's name, with `variables` as the environment.
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let surroundings = Surroundings::new(variables);
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            return ExitCode::from(usage::answer(&error, &arguments, surroundings).code());
        }
    };
    let mut session = Session::new(cli.global.clone(), surroundings);
    log::begin(&session);
    let name = cli.command.name();
    let settled = match cli.command.is_of_a_project() {
        true => session.settle(cli.command.plan()),
        false => Ok(()),
    };
    let mut asked = cli.command.asked(&session.global);
    asked.inputs.push(session.project.file());
    let (deliveries, failure) = Deliveries::open(name, &asked, session.outside());
    session.deliveries = deliveries;
    let result = match (settled, failure) {
        (Err(error), _) => Err(error.into()),
        (_, Some(failure)) => Err(failure),
        (Ok(()), None) => perform(cli.command, &session),
    };
    let (answer, problems) = result.map(|answer| (answer, Vec::new())).unwrap_or_else(|failure| {
        complain(&failure.text(session.output.stderr.colour));
        (failure.answer(), failure.problems())
    });
    ExitCode::from(session.conclude(name, answer, problems).code())
}

/// The most threads that serve the network. A copy keeps two of them busy at its fastest, and each has memory of its own.
const THREADS: usize = 8;

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(threads.min(THREADS)).enable_all().build()
}

fn perform(command: command::Command, session: &Session) -> Result<Answer, Failure> {
    let runtime = runtime().map_err(|error| crate::Error::io("cannot start the runtime", error))?;
    let result = runtime.block_on(command::perform(command, session));
    // A second Ctrl-C does not wait for anything.
    runtime.shutdown_background();
    result
}
