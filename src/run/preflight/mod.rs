//! What cannot work, found by looking before anything is made or copied: by `plan`, and by a run in its first second.
//!
//! Everything is looked at and everything found is said at once, each with what to do about it. Looking changes nothing
//! and leaves nothing behind.

mod commands;
mod places;
mod traffic;

use std::path::Path;

use serde::Serialize;

use super::options::RunOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Phase, RunState};
use crate::model::StageId;
use crate::plan::Plan;
use crate::plan::file::{Stage, StageKind};
use crate::traffic::Driver;

/// Something the plan needs that is not so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What of the plan it is about: `traffic (flag use-new in flag.json)`.
    pub about: String,
    pub problem: String,
    /// What to do about it.
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

/// What a preflight looks at.
#[derive(Clone, Copy)]
pub struct Preflight<'a> {
    pub plan: &'a Plan,
    /// The state of the run; what has passed is not looked at again.
    pub state: &'a RunState,
    pub options: &'a RunOptions,
    pub driver: Option<&'a dyn Driver>,
    /// The folder of the plan's state, which has the artifacts.
    pub folder: &'a Path,
}

impl Preflight<'_> {
    /// Everything that cannot work. A run that goes back, or is at its end, needs nothing of the plan any more.
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

    /// # Errors
    /// `Refused` with everything that was found.
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

    /// The stages that are still to pass.
    fn stages(&self) -> impl Iterator<Item = (&Stage, &StageId)> {
        self.plan
            .stages_in_order()
            .map(|(stage, checked)| (stage, &checked.id))
            .filter(|(_, id)| !self.state.stage(id).is_some_and(|stage| stage.is_passed()))
    }

    /// A confirmation of another index than the source is a mistake, whenever it would be used.
    fn confirmation(&self) -> Vec<Finding> {
        let index = &self.plan.file.source.index;
        let Some(confirmed) = self.options.confirmed_index().filter(|name| name != index) else {
            return Vec::new();
        };
        let deletes = self
            .plan
            .file
            .stages
            .iter()
            .any(|stage| matches!(stage.kind, StageKind::Decommission(_)));
        let hint = match deletes {
            true => format!("write --confirm {index}"),
            false => "leave it out: the plan deletes nothing".to_owned(),
        };
        let problem = format!("`{confirmed}` is not the source; the source is `{index}`");
        vec![Finding::new("--confirm", problem, &hint)]
    }
}
