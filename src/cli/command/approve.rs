//! `approve`: releases a gate, now or ahead of time.

use clap::Args;

use super::steer::{ask, open_run};
use crate::cli::failure::Failure;
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Gate, Request, RunState};
use crate::model::StageId;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file, or the plan's name
    pub plan: String,
    /// The stage to approve; default: what the run waits for
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// The step of the canary to approve, from 1
    #[arg(long, value_name = "N", requires = "stage", value_parser = clap::value_parser!(u32).range(1..))]
    pub step: Option<u32>,
    /// Who approves; default: the user
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

pub fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let (found, state) = open_run(session, &arguments.plan)?;
    let gate = match &arguments.stage {
        Some(stage) => named(&state, stage, arguments.step)?,
        None => waiting(&state)?,
    };
    if state.approvals.contains(&gate) {
        let text = format!("{gate} of {} is approved already.", found.name);
        return Ok(Answer::ok(text).with("plan", found.name.clone()));
    }
    let what = format!("go on: {gate} is approved");
    let request = Request::Approve { gate, by: session.who(arguments.by.as_deref()) };
    ask(session, &found, &request, &what)
}

fn named(state: &RunState, stage: &str, step: Option<u32>) -> Result<Gate> {
    let stage = StageId::new(stage);
    if state.stage(&stage).is_none() {
        let known: Vec<_> = state.stages.iter().map(|stage| format!("`{}`", stage.id)).collect();
        return Err(Error::new(ErrorKind::NotFound, format!("the run has no stage `{stage}`"))
            .with_hint(format!("its stages are {}", known.join(", "))));
    }
    Ok(Gate { stage, step: step.map(|step| step as usize - 1) })
}

/// The one gate that was asked for and not approved yet.
fn waiting(state: &RunState) -> Result<Gate> {
    let mut open = state.requested.difference(&state.approvals);
    match (open.next(), open.next()) {
        (Some(gate), None) => Ok(gate.clone()),
        (None, _) => Err(Error::new(ErrorKind::Refused, "nothing waits for an approval")
            .with_hint("to approve ahead of time, name the stage: --stage canary --step 3")),
        (Some(_), Some(_)) => {
            Err(Error::new(ErrorKind::Refused, "several gates wait for an approval")
                .with_hint("name one: --stage STAGE, and --step N for a canary"))
        }
    }
}
