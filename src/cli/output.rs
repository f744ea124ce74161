//! Standard output carries data, standard error carries talk. Everything printed goes through here.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::exit::Exit;
use crate::report::Look;

/// The version of the JSON every command prints; fields are only ever added.
pub const JSON_FORMAT: u32 = 1;

/// What a command ends with: the data it prints and the way the process ends.
#[derive(Debug)]
pub struct Answer {
    pub exit: Exit,
    /// For people.
    pub text: String,
    /// For machines, beside `version`, `command` and `exit`.
    pub json: Map<String, Value>,
    /// The data went out before the command ended.
    pub is_printed: bool,
}

impl Answer {
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into(), json: Map::new(), is_printed: false }
    }

    pub fn ok(text: impl Into<String>) -> Self {
        Self::new(Exit::Ok, text)
    }

    /// A success that has been printed already.
    pub fn silent() -> Self {
        Self { is_printed: true, ..Self::ok("") }
    }

    /// Adds a field of the JSON.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.json.insert(key.to_owned(), value.into());
        self
    }

    /// The JSON document of a command.
    pub fn document(&self, command: &str) -> Value {
        let mut document = Map::new();
        document.insert("version".into(), json!(JSON_FORMAT));
        document.insert("command".into(), json!(command));
        document.insert("exit".into(), self.exit.json());
        document.extend(self.json.clone());
        Value::Object(document)
    }
}

/// Where data and talk go, and how they look.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub is_json: bool,
    pub is_quiet: bool,
    pub stdout: Look,
    pub stderr: Look,
}

impl Output {
    /// Prints a command's answer.
    pub fn answer(&self, command: &str, answer: &Answer) {
        if answer.is_printed {
            return;
        }
        if self.is_json {
            data(&format!("{:#}", answer.document(command)));
        } else if !answer.text.is_empty() {
            data(&answer.text);
        }
    }

    /// Says something to whoever watches; `--quiet` silences it.
    pub fn talk(&self, text: &str) {
        if !self.is_quiet {
            complain(text);
        }
    }
}

/// Writes to standard output. A reader that went away (`| head`) is no error of ours.
pub fn data(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = stdout.write_all(b"\n");
    }
    let _ = stdout.flush();
}

/// Writes to standard error, whatever `--quiet` says.
pub fn complain(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{}", text.trim_end_matches('\n'));
}
