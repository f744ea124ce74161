//! `pause`, `resume`, `abort`: requests to a run from another terminal or job.

use clap::Args;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::output::Answer;
use crate::cli::session::{Found, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Hold, Inbox, Lock, Request, RunState};
use crate::model::Share;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file, or the plan's name
    pub plan: String,
    /// Who asks; default: the user
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

#[derive(Debug, Args)]
pub struct ResumeArguments {
    #[command(flatten)]
    pub of: Arguments,
    /// Go on from this weight of the traffic, which somebody else set: `25%`
    #[arg(long, value_name = "WEIGHT")]
    pub accept_weight: Option<Share>,
}

pub fn pause(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let (found, state) = open_run(session, &arguments.plan)?;
    if let Some(by) = &state.paused {
        return Ok(Answer::ok(format!("{} is paused already, by {by}.", found.name))
            .with("plan", json!(found.name)));
    }
    let by = session.who(arguments.by.as_deref());
    ask(session, &found, &Request::Pause { by }, "pause it")
}

pub fn resume(session: &Session, arguments: &ResumeArguments) -> Result<Answer, Failure> {
    let Arguments { plan, by } = &arguments.of;
    let (found, state) = open_run(session, plan)?;
    let by = session.who(by.as_deref());
    if let Some(weight) = arguments.accept_weight {
        check_acceptable(&state, weight)?;
        let what = format!("go on from {weight} of the traffic, if that is still so");
        return ask(session, &found, &Request::AcceptWeight { weight, by }, &what);
    }
    ask(session, &found, &Request::Resume { by }, "resume it")
}

/// Whether there can be a weight that somebody else set: one that waits, or one after a stage that moved traffic.
fn check_acceptable(state: &RunState, weight: Share) -> Result<(), Failure> {
    if !(0.0..=1.0).contains(&weight.0) {
        return Err(Failure::Usage(format!("{weight} is no weight from 0% to 100%")));
    }
    let held = state.stages.iter().find_map(|stage| match &stage.hold {
        Some(Hold::Traffic { change }) => Some(change),
        _ => None,
    });
    let refused = |message: String| Err(Error::new(ErrorKind::Refused, message).into());
    match held.map(|change| change.to) {
        Some(Some(seen)) if !seen.is_same(weight) => {
            refused(format!("the run waits for a word on {seen} of the traffic, not on {weight}"))
        }
        Some(None) => refused("what is set is no weight to go on from".to_owned()),
        None if !state.traffic.is_touched() => {
            refused("this run has not moved any traffic".to_owned())
        }
        _ => Ok(()),
    }
}

pub fn abort(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let (found, state) = open_run(session, &arguments.plan)?;
    if state.is_past_no_return() {
        return Err(past_no_return(&found.name).into());
    }
    let by = session.who(arguments.by.as_deref());
    ask(session, &found, &Request::Abort { by }, "abort it and roll back")
}

/// The state of a run that has not ended.
pub fn open_run(session: &Session, plan: &str) -> Result<(Found, RunState), Failure> {
    let found = session.find(plan, false)?;
    let state = RunState::fold(&found.entries()?)?;
    if !state.is_open() {
        let message = format!("the run of `{}` has ended: {}", found.name, state.phase.name());
        return Err(Error::new(ErrorKind::Refused, message)
            .with_hint("`vecshift status` says more")
            .into());
    }
    Ok((found, state))
}

pub fn past_no_return(name: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("the run of `{name}` is past the point of no return: its source is being deleted"))
        .with_hint("`vecshift status` says where it stands; the snapshot of the source is among the report's artifacts")
}

/// Leaves the request, and says when it takes effect.
pub fn ask(
    session: &Session,
    found: &Found,
    request: &Request,
    what: &str,
) -> Result<Answer, Failure> {
    Inbox::new(&found.paths).put(request, &session.clock)?;
    let holder = Lock::view(found.paths.dir())?.filter(|_| Lock::is_held(found.paths.dir()));
    let when = match &holder {
        Some(view) => format!("{} takes it up within seconds.", view.holder),
        None => format!(
            "No process runs it here; the next `vecshift run` of {} takes it up.",
            found.name
        ),
    };
    Ok(Answer::ok(format!("Asked the run of {} to {what}. {when}", found.name))
        .with("plan", json!(found.name))
        .with("request", json!(request))
        .with("is_running", json!(holder.is_some())))
}
