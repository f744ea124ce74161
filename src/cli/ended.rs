//! How a command ended, as its files report it.

use super::environment::Surroundings;
use super::exit::Exit;
use super::output::Account;
use crate::error::Result;
use crate::plan::Read;
use crate::provider::language;
use crate::report::{
    Early, Problem, early_html, early_junit, early_markdown, html, junit, markdown, sarif,
};

/// The end of a command, as reported in files.
pub struct Ended<'a> {
    pub command: &'a str,
    pub exit: Exit,
    /// The plan and its warnings, once it has been read.
    pub read: Option<&'a Read>,
    pub account: &'a Account,
    /// The reasons why the command failed, worst first.
    pub problems: Vec<Problem>,
}

impl Ended<'_> {
    fn early(&self) -> Early {
        let mut early = Early::of(self.command, self.read.map(|read| &read.plan));
        early.problems.clone_from(&self.problems);
        early
    }

    pub fn junit(&self) -> Result<String> {
        match &self.account.report {
            Some(report) => junit(report),
            None => early_junit(&self.early()),
        }
    }

    /// Renders the mistakes and the warnings of the plan for code scanning.
    pub fn sarif(&self, surroundings: &Surroundings) -> String {
        let mut early = self.early();
        // If the plan has errors, its warnings are among the problems already.
        if let Some(read) = self.read {
            early.problems.extend(read.warnings.iter().map(Problem::of_diagnostic));
        }
        for place in early.problems.iter_mut().filter_map(|problem| problem.place.as_mut()) {
            place.file = surroundings.in_workspace(&place.file);
        }
        sarif(&early, &language().codes())
    }

    /// Renders the report, or the reason why there is none.
    pub fn markdown(&self) -> String {
        match &self.account.report {
            Some(report) => markdown(report),
            None => early_markdown(&self.early()),
        }
    }

    pub fn html(&self) -> Result<String> {
        match &self.account.report {
            Some(report) => html(report),
            None => early_html(&self.early()),
        }
    }
}
