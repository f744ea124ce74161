//! The standing of a run: what its journal says, which process executes it, and which requests are pending.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::failure::Failure;
use super::found::Found;
use super::session::Session;
use crate::clock::until;
use crate::error::Result;
use crate::journal::{Gate, LockView, Request, RunState, StageState, StageStatus, Waiting};
use crate::report::{Ending, Report, count, duration, plural, time};
use crate::traffic::TrafficView;

/// The standing of one plan's run.
pub struct Standing {
    pub report: Report,
    pub state: RunState,
    /// The current traffic, if it was read.
    pub traffic: Option<TrafficView>,
    pub holder: Option<LockView>,
    /// The pending requests, oldest first.
    pub requests: Vec<Request>,
}

impl Standing {
    /// Reads the standing of a run.
    ///
    /// # Errors
    /// If there is no run, or its journal cannot be read.
    pub async fn of(session: &Session, found: &Found) -> Result<Self, Failure> {
        let entries = found.entries().await?;
        let state = RunState::fold(&entries)?;
        let letters = found.home.letters().await?;
        let is_open = |waiting: &Waiting| !state.answered.contains(&waiting.id);
        let requests = letters.into_iter().filter(is_open).map(|waiting| waiting.letter.request);
        Ok(Self {
            requests: requests.collect(),
            report: found.report(session, &entries)?,
            state,
            traffic: None,
            holder: found.home.holder().await?,
        })
    }

    pub fn words(&self) -> String {
        state_words(self.report.ending, self.holder.is_some())
    }

    /// Describes what the run waits for and the command that releases it, as the answer to a request that does not
    /// match.
    pub fn wanted(&self) -> String {
        let command = self.report.next.as_ref().map(|next| next.command.as_str());
        match (&self.report.waiting, command) {
            (Some(waiting), Some(command)) => {
                format!("it waits for {}: `{command}`", waiting.what)
            }
            (_, Some(command)) if self.holder.is_none() => {
                format!("no process runs it; `{command}` goes on with it")
            }
            _ => "it waits for nobody".to_owned(),
        }
    }

    /// Returns whether the run is paused, or will be once pending requests are accepted.
    pub fn will_be_paused(&self) -> bool {
        self.requests.iter().fold(self.state.paused.is_some(), |paused, request| match request {
            Request::Pause { .. } => true,
            Request::Resume { .. } => false,
            _ => paused,
        })
    }

    /// Returns the progress of the current stage.
    pub fn progress(&self, now: Timestamp) -> Option<(String, Value)> {
        let is_under_way = |stage: &&Arc<StageState>| stage.has_started() && !stage.is_passed();
        let stage = self.state.stages.iter().find(is_under_way).filter(|_| self.state.is_open())?;
        if let Some(bake) = stage.bake.filter(|_| stage.status == StageStatus::Running) {
            let left = match until(now, bake.ends) {
                left if left.is_zero() => "over".to_owned(),
                left => format!("{} left", duration(left)),
            };
            let text = format!("step {} bakes until {}, {left}", bake.step + 1, time(bake.ends));
            let json = json!({ "stage": stage.id, "step": bake.step + 1, "bake_ends": bake.ends });
            return Some((text, json));
        }
        if stage.shards.is_empty() {
            return None;
        }
        let done = stage.tally().enumerated;
        let total: u64 = stage.shards.values().map(|shard| shard.shard.expected).sum();
        let counted = if stage.is_planned { "" } else { " found so far" };
        let text = format!("{} of {}{counted}", count(done), plural(total, "record"));
        Some((text, json!({ "stage": stage.id, "records": done, "of": total })))
    }
}

/// Describes the state of a run in a word or two. An open run is running if a process executes it, whatever the last
/// event in its journal; otherwise it was interrupted.
pub fn state_words(ending: Ending, is_alive: bool) -> String {
    match (ending, is_alive) {
        (Ending::Running, true) => "running".to_owned(),
        (Ending::Running, false) => "interrupted".to_owned(),
        (ending, _) => ending.title().to_lowercase(),
    }
}

/// Formats a request as JSON, with steps counted from 1.
pub fn request_json(request: &Request) -> Value {
    let mut json = json!(request);
    if let Request::Approve { gate, .. } = request {
        json["gate"] = gate_json(gate);
    }
    json
}

fn gate_json(gate: &Gate) -> Value {
    json!({ "stage": gate.stage, "step": gate.step.map(|step| step + 1) })
}
