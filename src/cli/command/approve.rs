//! `approve`: releases a gate, now or in advance.

use clap::Args;

use super::steer::{
    ask, ask_unseen, does_not_fit, may_not_read, open_run, refuse_while_rolling_back,
};
use std::path::Path;

use crate::cli::failure::Failure;
use crate::cli::found::is_file;
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::cli::standing::Standing;
use crate::error::{Error, ErrorKind};
use crate::journal::{Gate, Request};
use crate::model::StageId;
use crate::run::gates;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file, or the plan's name
    pub plan: String,
    /// The stage to approve; default: what the run waits for
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// The step of the canary to approve, counting from 1
    #[arg(long, value_name = "N", requires = "stage", value_parser = clap::value_parser!(u32).range(1..))]
    pub step: Option<u32>,
    /// Who approves; default: the user
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

pub async fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let by = session.who(arguments.by.as_deref());
    let (found, standing) = match open_run(session, &arguments.plan).await {
        Err(failure) if may_not_read(&failure) => {
            return unseen(session, arguments, by, failure).await;
        }
        opened => opened?,
    };
    refuse_while_rolling_back(&standing)?;
    let gate = match &arguments.stage {
        Some(stage) => named(&standing, stage, arguments.step)?,
        None => waiting(&standing)?,
    };
    if standing.state.approvals.contains(&gate) {
        let text = format!("{gate} of {} is approved already.", found.name);
        return Ok(Answer::ok(text).with("plan", found.name.clone()));
    }
    let is_it = |request: &Request| matches!(request, Request::Approve { gate: asked, .. } if *asked == gate);
    if standing.requests.iter().any(is_it) {
        let text = format!("{gate} of {} was approved already, and not taken up yet.", found.name);
        return Ok(Answer::ok(text).with("plan", found.name.clone()));
    }
    let what = format!("go on: {gate} is approved");
    let request = Request::Approve { gate, by };
    ask(session, &found, &standing, request, &what).await
}

/// Approves a gate of a run whose journal cannot be read from here; its plan says whether there is such a gate.
async fn unseen(
    session: &Session,
    arguments: &Arguments,
    by: String,
    failure: Failure,
) -> Result<Answer, Failure> {
    let Some(stage) = &arguments.stage else {
        let Failure::Error(error) = failure else { return Err(failure) };
        let hint = "without it, name what is approved: --stage STAGE, and --step N for a canary";
        return Err(error.with_hint(hint).into());
    };
    let step = arguments.step.map(|step| step as usize - 1);
    let gate = Gate { stage: StageId::new(stage), step };
    if is_file(&arguments.plan) {
        let plan = session.read_plan(Path::new(&arguments.plan))?.plan;
        let gates = gates(&plan);
        if !gates.contains(&gate) {
            let asked: Vec<_> = gates.iter().map(ToString::to_string).collect();
            let message = match asked.is_empty() {
                true => format!("the plan asks for no approval of {gate}, nor of anything else"),
                false => {
                    format!("the plan asks for no approval of {gate}, only of {}", asked.join(", "))
                }
            };
            return Err(Error::new(ErrorKind::Refused, message).into());
        }
    }
    let what = format!("go on: {gate} is approved");
    let asked = ask_unseen(session, &arguments.plan, Request::Approve { gate, by }, &what);
    let mut answer = asked.await?;
    if !is_file(&arguments.plan) {
        answer.text.push_str(
            " Whether the plan has that stage and asks for its approval was not checked either: give the plan's file for that.",
        );
    }
    Ok(answer)
}

/// Finds a gate of the plan that has yet to be passed.
fn named(standing: &Standing, stage: &str, step: Option<u32>) -> Result<Gate, Failure> {
    let state = &standing.state;
    let id = StageId::new(stage);
    let Some(stage) = state.stage(&id) else {
        let known: Vec<_> = state.stages.iter().map(|stage| stage.id.as_str()).collect();
        let message = format!("the run has no stage `{id}`; its stages are {}", known.join(", "));
        return Err(Failure::Usage(message));
    };
    let gate = Gate { stage: id, step: step.map(|step| step as usize - 1) };
    let has_begun = stage.is_passed() || (gate.step.is_none() && stage.has_started());
    if has_begun || gate.step.is_some_and(|step| stage.steps_passed.contains(&step)) {
        let what =
            if stage.is_passed() || gate.step.is_some() { "has passed" } else { "has begun" };
        return Err(does_not_fit(standing, &format!("needs no approval of {gate}: it {what}")));
    }
    let is_asked = match &state.gates {
        Some(gates) => gates.contains(&gate),
        None => state.requested.contains(&gate),
    };
    if is_asked {
        return Ok(gate);
    }
    let why = match known(standing).as_slice() {
        [] => format!("asks for no approval of {gate}, nor of anything else"),
        known => format!("asks for no approval of {gate}, only of {}", known.join(", ")),
    };
    Err(does_not_fit(standing, &why))
}

/// Lists the gates that have yet to be passed.
fn known(standing: &Standing) -> Vec<String> {
    let state = &standing.state;
    let gates: Vec<&Gate> = match &state.gates {
        Some(gates) => gates.iter().collect(),
        None => state.requested.iter().collect(),
    };
    let is_open = |gate: &&Gate| !state.approvals.contains(gate);
    gates.into_iter().filter(is_open).map(ToString::to_string).collect()
}

/// Finds the single gate that waits for an approval.
fn waiting(standing: &Standing) -> Result<Gate, Failure> {
    let state = &standing.state;
    let mut open = state.requested.difference(&state.approvals);
    match (open.next(), open.next()) {
        (Some(gate), None) => Ok(gate.clone()),
        (None, _) => {
            let ahead = match known(standing).as_slice() {
                [] => "its plan asks for none".to_owned(),
                known => {
                    format!(
                        "ahead of time, name one of {}: --stage STAGE --step N",
                        known.join(", ")
                    )
                }
            };
            let why = format!("waits for no approval; {ahead}");
            Err(does_not_fit(standing, &why))
        }
        (Some(_), Some(_)) => {
            Err(Error::new(ErrorKind::Refused, "several gates wait for an approval")
                .with_hint("name one: --stage STAGE, and --step N for a canary")
                .into())
        }
    }
}
