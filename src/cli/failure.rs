//! The reason why a command failed, in the one form in which it is shown: what, where, what to do, and the exit code.

use serde_json::json;

use super::exit::Exit;
use super::output::Answer;
use crate::error::{Error, ErrorKind};
use crate::plan::{Colour, Diagnostics, Level};
use crate::report::Problem;
use crate::text::named_in;

/// The most characters of what others made wrong.
const MOST: usize = 1_000;

/// The reason why a command failed.
#[derive(Debug)]
pub enum Failure {
    Error(Error),
    /// The plan is invalid.
    Plan(Box<Diagnostics>),
    /// The command line is wrong in a way that shows only when it is used.
    Usage(String),
    /// A signal ended the command at once.
    Interrupted(Exit),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Plan(Box::new(diagnostics))
    }
}

impl Failure {
    pub fn exit(&self) -> Exit {
        match self {
            Self::Error(error) => Exit::of_error(error),
            Self::Plan(_) => Exit::Invalid,
            Self::Usage(_) => Exit::Usage,
            Self::Interrupted(exit) => *exit,
        }
    }

    /// Formats the failure for standard error.
    pub fn text(&self, colour: bool) -> String {
        match self {
            Self::Error(error) => error_text(error, colour),
            Self::Plan(diagnostics) => {
                let colour = if colour { Colour::Always } else { Colour::Never };
                format!(
                    "{}{}; nothing was touched",
                    diagnostics.render(colour),
                    diagnostics.summary()
                )
            }
            Self::Usage(message) => format!("{}{message}", label(colour)),
            Self::Interrupted(_) => {
                "Stopped at once. The same command goes on from the last checkpoint.".to_owned()
            }
        }
    }

    /// Lists the problems for the command's files.
    pub fn problems(&self) -> Vec<Problem> {
        let problem = |kind: &str, message: &str| Problem {
            kind: kind.to_owned(),
            level: Level::Error,
            message: message.to_owned(),
            hint: None,
            place: None,
        };
        match self {
            Self::Error(error) => {
                vec![Problem { hint: hint_of(error), ..Problem::of_error(error) }]
            }
            Self::Plan(diagnostics) => diagnostics.iter().map(Problem::of_diagnostic).collect(),
            Self::Usage(message) => vec![problem("usage", message)],
            Self::Interrupted(_) => vec![problem("interrupted", "stopped by a signal")],
        }
    }

    /// Returns the answer for `--json`.
    pub fn answer(&self) -> Answer {
        let answer = Answer::new(self.exit(), "");
        match self {
            Self::Error(error) => answer.with("error", error_json(error)),
            Self::Plan(diagnostics) => answer.with("diagnostics", diagnostics.to_json()),
            Self::Usage(message) => {
                answer.with("error", json!({ "kind": "usage", "message": message }))
            }
            Self::Interrupted(_) => answer,
        }
    }
}

/// The label in front of an error.
pub fn label(colour: bool) -> &'static str {
    if colour { "\x1b[1;31merror\x1b[0m: " } else { "error: " }
}

/// Formats `error: what (where): cause`, with advice below it.
pub fn error_text(error: &Error, colour: bool) -> String {
    format!("{}{}", label(colour), error_words(error))
}

/// Formats what failed, with advice below it.
fn error_words(error: &Error) -> String {
    error.to_string() + &advice(error)
}

/// The same for an error about names and bytes that others wrote: in one line, however long they are.
pub fn error_of_others(error: &Error) -> String {
    named_in(&error.to_string(), MOST).into_owned() + &advice(error)
}

fn advice(error: &Error) -> String {
    hint_of(error).map(|hint| format!("\n  what to do: {hint}")).unwrap_or_default()
}

fn hint_of(error: &Error) -> Option<String> {
    error.hint().or(hint(error.kind())).map(str::to_owned)
}

pub fn error_json(error: &Error) -> serde_json::Value {
    let context: serde_json::Map<_, _> =
        error.context().iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    json!({
        "kind": error.kind().name(),
        "message": error.to_string(),
        "operation": error.operation(),
        "context": context,
        "hint": hint_of(error),
        "retryable": Exit::of_error(error).is_worth_a_retry(),
    })
}

/// Returns advice for errors that carry none.
fn hint(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Unauthorized => Some("check the API key and what it may do"),
        ErrorKind::RateLimited => {
            Some("run the same command again later; it goes on where it stopped")
        }
        ErrorKind::Unavailable | ErrorKind::Timeout => Some(
            "check the address and the network, then run the same command again; it goes on where it stopped",
        ),
        ErrorKind::Conflict | ErrorKind::Refused => {
            Some("look with `vecshift status` and `vecshift plan`")
        }
        ErrorKind::ViewLost => {
            Some("run the same command again: it goes on where it stopped, with what is there then")
        }
        ErrorKind::Protocol => {
            Some("the peer may be newer than this program; `-vv` shows what it said")
        }
        ErrorKind::Unexpected => Some("this is a bug; please report it with the output of `-vv`"),
        _ => None,
    }
}
