//! Prints everything: data to standard output, messages to standard error.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::exit::Exit;
use crate::report::{Look, Report};
use crate::text::{printable, printable_json};

/// The version of the JSON that every command prints. Fields are only ever added.
pub const JSON_FORMAT: u32 = 1;

/// The result of a command: the data it prints and how the process ends.
#[derive(Debug)]
pub struct Answer {
    pub exit: Exit,
    /// The text for people.
    pub text: String,
    /// The fields for machines, besides `version`, `command` and `exit`.
    pub json: Map<String, Value>,
    /// Whether the data was printed before the command ended.
    pub is_printed: bool,
    /// The content for files and for GitHub Actions.
    pub account: Account,
}

/// The content that a command writes to files: see [`Deliveries`](super::deliver::Deliveries).
#[derive(Debug, Default)]
pub struct Account {
    pub report: Option<Report>,
    /// The step summary, in place of a report.
    pub summary: Option<Summary>,
    /// The content of the command's own output file.
    pub own: Option<String>,
}

/// What a command says in a step summary.
#[derive(Debug)]
pub enum Summary {
    Text(String),
    Markdown(String),
}

impl Answer {
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        let account = Account::default();
        Self { exit, text: text.into(), json: Map::new(), is_printed: false, account }
    }

    pub fn ok(text: impl Into<String>) -> Self {
        Self::new(Exit::Ok, text)
    }

    /// Creates a success that has been printed already.
    pub fn silent() -> Self {
        Self { is_printed: true, ..Self::ok("") }
    }

    /// Adds a field to the JSON.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.json.insert(key.to_owned(), value.into());
        self
    }

    /// Adds the report for the files.
    pub fn with_report(mut self, report: Report) -> Self {
        self.account.report = Some(report);
        self
    }

    /// Adds the step summary to use if there is no report.
    pub fn with_summary(mut self, summary: Summary) -> Self {
        self.account.summary = Some(summary);
        self
    }

    /// Adds the content of the command's own output file.
    pub fn with_own(mut self, text: String) -> Self {
        self.account.own = Some(text);
        self
    }

    /// Builds the JSON document of a command.
    pub fn document(&self, command: &str) -> Value {
        let mut document = Map::new();
        document.insert("version".into(), json!(JSON_FORMAT));
        document.insert("command".into(), json!(command));
        document.insert("exit".into(), self.exit.json());
        document.extend(self.json.clone());
        Value::Object(document)
    }
}

/// The two standard streams and their appearance.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub is_json: bool,
    pub is_quiet: bool,
    pub stdout: Look,
    pub stderr: Look,
}

impl Output {
    /// Prints a command's answer.
    ///
    /// # Errors
    /// If standard output cannot be written, unless its reader has gone away.
    pub fn answer(&self, command: &str, answer: &Answer) -> io::Result<()> {
        if answer.is_printed {
            return Ok(());
        }
        if self.is_json {
            return document(&format!("{:#}", answer.document(command)));
        }
        if answer.text.is_empty() { Ok(()) } else { data(&printable(&answer.text)) }
    }

    /// Prints a message for people, unless `--quiet` is set.
    pub fn talk(&self, text: &str) {
        if !self.is_quiet {
            complain(text);
        }
    }
}

/// Writes a document for machines to standard output.
///
/// # Errors
/// Those of [`data`].
pub fn document(text: &str) -> io::Result<()> {
    data(&printable_json(text))
}

/// Writes to standard output.
///
/// # Errors
/// If it cannot be written. A reader that goes away on purpose (`| head`) is not an error.
pub fn data(text: &str) -> io::Result<()> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match stdout()?.write_all(format!("{text}{end}").as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Opens standard output as a plain file, because the standard library hides the error if it is not open for writing.
#[cfg(unix)]
fn stdout() -> io::Result<std::fs::File> {
    use std::os::fd::AsFd;
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

#[cfg(not(unix))]
fn stdout() -> io::Result<io::Stdout> {
    Ok(io::stdout())
}

/// Writes a text for people to standard error, even with `--quiet`.
pub fn complain(text: &str) {
    command(&printable(text));
}

/// Writes what somebody else acts on to standard error, as it is.
pub fn command(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{}", text.trim_end_matches('\n'));
}
