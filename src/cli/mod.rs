//! The command line: words, colours, exit codes. The only place that prints, reads the environment or listens
//! for signals.
//!
//! [`main`] reads the arguments, runs one command and prints its [`Answer`](output::Answer): text for people or,
//! with `--json`, one document. Commands (`command/`, a file each) print nothing themselves; while a run goes,
//! a [`Console`](console::Console) talks on standard error. What could not be done is a
//! [`Failure`](failure::Failure), shown in one place, with the exit code of its kind.

mod args;
mod command;
mod console;
mod drive;
mod environment;
mod events;
mod exit;
mod failure;
mod github;
mod interrupt;
mod narrate;
mod output;
mod preview;
mod progress;
mod reference;
mod saved;
mod session;
mod standing;
mod traffic;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind as ClapError;

use args::Cli;
use environment::Surroundings;
use exit::Exit;
use failure::Failure;
use output::{Answer, complain};
use session::Session;

/// Runs the command that `arguments` (the program's name first) ask for, with `variables` as the environment.
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(usage(&error).code()),
    };
    let session = Session::new(cli.global.clone(), Surroundings::new(variables));
    log(&session);
    let name = cli.command.name();
    let answer = perform(cli.command, &session).unwrap_or_else(|failure| {
        complain(&failure.text(session.output.stderr.colour));
        failure.answer()
    });
    session.output.answer(name, &answer);
    ExitCode::from(answer.exit.code())
}

fn perform(command: args::Command, session: &Session) -> Result<Answer, Failure> {
    let state = session.state().display().to_string();
    if state.contains("://") {
        let message = format!("`--state {state}`: state in object storage is not there yet");
        return Err(crate::Error::unsupported(message).with_hint("use a folder").into());
    }
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| crate::Error::io("cannot start the runtime", error))?;
    let result = runtime.block_on(command::perform(command, session));
    // The second Ctrl-C waits for nobody.
    runtime.shutdown_background();
    result
}

/// Help and version are answers; everything else that clap says is a wrong command line.
fn usage(error: &clap::Error) -> Exit {
    let _ = error.print();
    match error.kind() {
        ClapError::DisplayHelp | ClapError::DisplayVersion => Exit::Ok,
        _ => Exit::Usage,
    }
}

/// Diagnostics of the program itself go to standard error, by `RUST_LOG` or `-v`.
fn log(session: &Session) {
    let level = match (session.global.quiet, session.global.verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "vecshift=info,warn",
        (_, 2) => "vecshift=debug,info",
        _ => "trace",
    };
    let filter = session.surroundings.get("RUST_LOG").unwrap_or(level);
    let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(filter);
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).finish();
    // A second subscriber in one process only happens in tests; the first one stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
