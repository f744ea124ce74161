//! Finds what cannot work before anything is created or copied: used by `plan`, and by a run in its first second.
//!
//! Everything is checked and all findings are reported together, each with what to do about it. The checks change
//! nothing and leave nothing behind.

mod commands;
mod places;
mod traffic;

use std::path::Path;

use serde::Serialize;

use super::options::RunOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Phase, RunState};
use crate::plan::{Plan, Stage};
use crate::traffic::Driver;

/// A requirement of the plan that is not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The part of the plan concerned: `traffic (flag use-new in flag.json)`.
    pub about: String,
    pub problem: String,
    /// Advice on what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    fn new(about: impl Into<String>, problem: impl Into<String>, hint: &str) -> Self {
        let hint = Some(hint.to_owned());
        Self { about: about.into(), problem: problem.into(), hint }
    }

    fn of(about: impl Into<String>, error: &Error) -> Self {
        let (problem, hint) = (error.to_string(), error.hint().map(str::to_owned));
        Self { about: about.into(), problem, hint }
    }
}

/// The inputs of a preflight check.
#[derive(Clone, Copy)]
pub struct Preflight<'a> {
    pub plan: &'a Plan,
    /// The state of the run; stages that have passed are not checked again.
    pub state: &'a RunState,
    pub options: &'a RunOptions,
    pub driver: Option<&'a dyn Driver>,
    /// The folder of the plan's state, which contains the artifacts.
    pub folder: &'a Path,
}

impl Preflight<'_> {
    /// Finds everything that cannot work. A run that is rolling back or has ended no longer needs anything from the
    /// plan.
    pub async fn find(&self) -> Vec<Finding> {
        if !self.goes_forward() {
            return Vec::new();
        }
        let mut found = self.confirmation();
        found.extend(places::find(self));
        found.extend(traffic::find(self).await);
        if !self.options.is_rehearsal {
            found.extend(commands::find(self).await);
        }
        found
    }

    /// Refuses to continue if anything was found.
    ///
    /// # Errors
    /// `Refused`, listing every finding.
    pub async fn refuse(&self) -> Result<()> {
        let found = self.find().await;
        if found.is_empty() {
            return Ok(());
        }
        let mut message = match found.len() {
            1 => "something that the plan needs is not so:".to_owned(),
            count => format!("{count} things that the plan needs are not so:"),
        };
        for Finding { about, problem, hint } in found {
            let hint = hint.map(|hint| format!("; what to do: {hint}")).unwrap_or_default();
            message.push_str(&format!("\n  - {about}: {problem}{hint}"));
        }
        Err(Error::new(ErrorKind::Refused, message)
            .with_hint("mend this and run the same command again; nothing was touched"))
    }

    fn goes_forward(&self) -> bool {
        let state = self.state;
        let goes_back = state.must_roll_back.is_some() || state.abort.is_some();
        matches!(state.phase, Phase::Empty | Phase::Running | Phase::Stopped)
            && !goes_back
            && !state.is_past_no_return()
    }

    /// The stages that have yet to pass.
    fn stages(&self) -> impl Iterator<Item = &Stage> {
        let is_passed = |id| self.state.stage(id).is_some_and(|stage| stage.is_passed());
        self.plan.stages.iter().filter(move |stage| !is_passed(&stage.id))
    }

    /// Reports a confirmation that names an index other than the source, even if it is not needed yet.
    fn confirmation(&self) -> Vec<Finding> {
        let index = &self.plan.source.index;
        let Some(confirmed) = self.options.confirmed_index().filter(|name| name != index) else {
            return Vec::new();
        };
        let deletes = self.plan.stages.iter().any(|stage| stage.as_decommission().is_some());
        let hint = match deletes {
            true => format!("write --confirm {index}"),
            false => "leave it out: the plan deletes nothing".to_owned(),
        };
        let problem = format!("`{confirmed}` is not the source; the source is `{index}`");
        vec![Finding::new("--confirm", problem, &hint)]
    }
}
