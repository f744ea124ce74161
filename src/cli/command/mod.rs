//! The commands, one file each: `Arguments`, and a function that performs the command and returns an answer.

pub mod approve;
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
pub mod status;
pub mod steer;
pub mod validate;

use super::args::Command;
use super::failure::Failure;
use super::output::Answer;
use super::session::Session;

/// Performs one command.
pub async fn perform(command: Command, session: &Session) -> Result<Answer, Failure> {
    match command {
        Command::Validate(arguments) => validate::perform(session, &arguments),
        Command::Plan(arguments) => plan::perform(session, &arguments).await,
        Command::Rehearse(arguments) => rehearse::perform(session, &arguments).await,
        Command::Run(arguments) => run::perform(session, &arguments).await,
        Command::Status(arguments) => status::perform(session, &arguments).await,
        Command::Approve(arguments) => approve::perform(session, &arguments),
        Command::Pause(arguments) => steer::pause(session, &arguments),
        Command::Resume(arguments) => steer::resume(session, &arguments),
        Command::Abort(arguments) => steer::abort(session, &arguments),
        Command::Rollback(arguments) => rollback::perform(session, &arguments).await,
        Command::Report(arguments) => report::perform(session, &arguments),
        Command::Audit(arguments) => check::audit(session, &arguments).await,
        Command::Check(arguments) => check::perform(session, &arguments).await,
        Command::Namespaces(command) => namespaces::perform(session, &command).await,
        Command::Emulate(arguments) => emulate::perform(session, &arguments).await,
        Command::Schema => Ok(schema::perform()),
        Command::Explain(arguments) => explain::perform(session, &arguments),
        Command::Lock(command) => lock::perform(session, &command),
        Command::Unlock(arguments) => lock::unlock(session, &arguments),
        Command::Docs(arguments) => docs::perform(&arguments),
    }
}
