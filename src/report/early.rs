//! Output, for machines and people, of a command that ended before it had a report.

use super::Unreached;
use crate::error::Error;
use crate::model::Place;
use crate::plan::{Diagnostic, Level, Plan};

/// A command that has no report: it has not finished, or it ended too early.
#[derive(Clone, Debug)]
pub struct Early {
    /// The command's name: `run`, `validate`.
    pub command: String,
    /// The plan's name, once it was read.
    pub plan: Option<String>,
    /// Reasons why there is no report.
    pub problems: Vec<Problem>,
    /// Every assertion of the plan.
    pub unreached: Vec<Unreached>,
}

/// Reason why a command could not be carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Code of a diagnostic or kind of an error: `V020`, `not_found`.
    pub kind: String,
    pub level: Level,
    pub message: String,
    /// Advice on what to do about it.
    pub hint: Option<String>,
    pub place: Option<Place>,
}

impl Early {
    /// Returns the result of a command that knows no more than its plan.
    pub fn of(command: &str, plan: Option<&Plan>) -> Self {
        Self {
            command: command.to_owned(),
            plan: plan.map(|plan| plan.name.clone()),
            problems: Vec::new(),
            unreached: plan.map(Unreached::of_plan).unwrap_or_default(),
        }
    }

    /// Returns the stand-in for a report until there is one, which stays if the process is killed.
    pub fn unfinished(command: &str) -> Self {
        let message = format!("`vecshift {command}` has not finished");
        let hint = Some("if it no longer runs, it was killed: run it again".to_owned());
        let problem = Problem {
            kind: "not_finished".to_owned(),
            level: Level::Error,
            message,
            hint,
            place: None,
        };
        Self { problems: vec![problem], ..Self::of(command, None) }
    }

    /// Returns the plan's name, or the program's if no plan was read.
    pub(super) fn name(&self) -> &str {
        self.plan.as_deref().unwrap_or("vecshift")
    }
}

impl Problem {
    pub fn of_error(error: &Error) -> Self {
        Self {
            kind: error.kind().name().to_owned(),
            level: Level::Error,
            message: error.to_string(),
            hint: error.hint().map(str::to_owned),
            place: None,
        }
    }

    pub fn of_diagnostic(diagnostic: &Diagnostic) -> Self {
        Self {
            kind: diagnostic.code.to_owned(),
            level: diagnostic.level,
            message: diagnostic.message.clone(),
            hint: diagnostic.help.clone().or_else(|| diagnostic.label.clone()),
            place: Some(diagnostic.place.clone()),
        }
    }

    /// Returns the message and the advice, in one line.
    pub fn text(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message.clone(),
        }
    }

    /// Returns the place in the plan: `plans/x.yaml:5:3`.
    pub(super) fn line(&self) -> Option<String> {
        self.place.as_ref().map(|place| format!("{}:{}:{}", place.file, place.line, place.column))
    }
}
