//! Finds what cannot work before anything is created or copied: used by `plan`, and by a run in its first second.
//!
//! Everything is checked and all findings are reported together, each with what to do about it. The checks change
//! nothing and leave nothing behind.

mod commands;
mod finding;
mod inputs;
mod places;
mod traffic;

pub use finding::Finding;
pub use inputs::Preflight;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::Phase;
use crate::plan::Stage;

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

    /// Reports a confirmation that names an index other than the source, even if it is not needed yet.
    fn confirmation(&self) -> Vec<Finding> {
        let index = &self.plan.source.index;
        let Some(confirmed) = self.options.confirmed_index().filter(|name| name != index) else {
            return Vec::new();
        };
        let deletes = self.plan.stages.iter().any(Stage::deletes_source);
        let hint = match deletes {
            true => format!("write --confirm {index}"),
            false => "leave it out: the plan deletes nothing".to_owned(),
        };
        let problem = format!("`{confirmed}` is not the source; the source is `{index}`");
        vec![Finding::new("--confirm", problem, &hint)]
    }
}
