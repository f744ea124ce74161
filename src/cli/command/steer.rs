//! `pause`, `resume`, `abort`: send requests to a run from another terminal or job.

use clap::Args;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::found::Found;
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::cli::standing::{Standing, request_json};
use crate::cli::token::signed;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Hold, Letter, Phase, Request, RunState};
use crate::model::Share;
use crate::text::named;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file, or the plan's name
    pub plan: String,
    /// The name of whoever asks; default: the user
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

#[derive(Debug, Args)]
pub struct ResumeArguments {
    #[command(flatten)]
    pub of: Arguments,
    /// Continue from this weight of the traffic, which somebody else set: `25%`
    #[arg(long, value_name = "WEIGHT")]
    pub accept_weight: Option<Share>,
}

pub async fn pause(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let by = session.who(arguments.by.as_deref());
    let (found, standing) = match open_run(session, &arguments.plan).await {
        Err(failure) if may_not_read(&failure) => {
            return ask_unseen(session, &arguments.plan, Request::Pause { by }, "pause").await;
        }
        opened => opened?,
    };
    refuse_while_rolling_back(&standing)?;
    if standing.will_be_paused() {
        let already = match &standing.state.paused {
            Some(by) => format!("is paused already, by {}", named(by)),
            None => "was asked to pause already".to_owned(),
        };
        return Ok(as_it_is(&found, &already));
    }
    ask(session, &found, &standing, Request::Pause { by }, "pause").await
}

pub async fn resume(session: &Session, arguments: &ResumeArguments) -> Result<Answer, Failure> {
    let Arguments { plan, by } = &arguments.of;
    let by = session.who(by.as_deref());
    let (found, standing) = match open_run(session, plan).await {
        Err(failure) if may_not_read(&failure) && arguments.accept_weight.is_none() => {
            return ask_unseen(session, plan, Request::Resume { by }, "resume").await;
        }
        opened => opened?,
    };
    refuse_while_rolling_back(&standing)?;
    if let Some(weight) = arguments.accept_weight {
        check_acceptable(&standing.state, weight)?;
        let what = format!("go on from {weight} of the traffic, if that is still so");
        let request = Request::AcceptWeight { weight, by };
        return ask(session, &found, &standing, request, &what).await;
    }
    let is_judged = |hold: &Hold| matches!(hold, Hold::Judgement { .. });
    let is_unclear = standing.report.waiting.as_ref().is_some_and(|held| is_judged(&held.hold));
    if !standing.will_be_paused() {
        let is_asked = |request: &Request| matches!(request, Request::Resume { .. });
        if standing.requests.iter().any(is_asked) {
            return Ok(as_it_is(&found, "was asked to resume already"));
        }
        if !is_unclear {
            return Err(does_not_fit(&standing, "is not paused: there is nothing to resume"));
        }
    }
    ask(session, &found, &standing, Request::Resume { by }, "resume").await
}

/// Checks that a weight set by somebody else is possible: the run waits for one, or a stage has moved traffic.
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

pub async fn abort(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let by = session.who(arguments.by.as_deref());
    let (found, standing) = match open_run(session, &arguments.plan).await {
        Err(failure) if may_not_read(&failure) => {
            let request = Request::Abort { by };
            return ask_unseen(session, &arguments.plan, request, "abort and roll back").await;
        }
        opened => opened?,
    };
    let state = &standing.state;
    if state.is_past_no_return() {
        return Err(past_no_return(&found.name).into());
    }
    if state.phase == Phase::RollingBack {
        return Ok(as_it_is(&found, "is rolling back already"));
    }
    let is_asked = |request: &Request| matches!(request, Request::Abort { .. });
    if state.abort.is_some() || standing.requests.iter().any(is_asked) {
        return Ok(as_it_is(&found, "was asked to abort already"));
    }
    ask(session, &found, &standing, Request::Abort { by }, "abort and roll back").await
}

/// Finds a run that has not ended, and its standing.
pub async fn open_run(session: &Session, plan: &str) -> Result<(Found, Standing), Failure> {
    let found = session.find(plan, false)?;
    let standing = Standing::of(session, &found).await?;
    if !standing.state.is_open() {
        let phase = standing.state.phase.name();
        let message = format!("the run of `{}` has ended: {phase}", found.name);
        return Err(Error::new(ErrorKind::Refused, message)
            .with_hint("`vecshift status` says more")
            .into());
    }
    Ok((found, standing))
}

/// Refuses requests that make no sense to a run that is rolling back.
pub fn refuse_while_rolling_back(standing: &Standing) -> Result<(), Failure> {
    match standing.state.phase == Phase::RollingBack {
        true => Err(does_not_fit(standing, "is rolling back")),
        false => Ok(()),
    }
}

/// Builds the failure for a request that does not match what the run waits for.
pub fn does_not_fit(standing: &Standing, why: &str) -> Failure {
    let message = format!("the run of `{}` {why}", standing.report.plan);
    Error::new(ErrorKind::Refused, message).with_hint(standing.wanted()).into()
}

pub fn past_no_return(name: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("the run of `{name}` is past the point of no return: its source is being deleted"))
        .with_hint("`vecshift status` says where it stands; the snapshot of the source is among the report's artifacts")
}

/// Builds the answer if the run already is as requested.
pub fn as_it_is(found: &Found, already: &str) -> Answer {
    Answer::ok(format!("The run of {} {already}.", found.name)).with("plan", json!(found.name))
}

/// Returns whether a run could not be looked at because whoever asks may not read its journal.
pub fn may_not_read(failure: &Failure) -> bool {
    matches!(failure, Failure::Error(error) if error.kind() == ErrorKind::Unauthorized)
}

/// Leaves a request to a run whose journal cannot be read from here: for this, the right to write to the inbox is enough.
///
/// # Errors
/// Those of the state's place.
pub async fn ask_unseen(
    session: &Session,
    plan: &str,
    request: Request,
    what: &str,
) -> Result<Answer, Failure> {
    let found = session.find(plan, false)?;
    let json = request_json(&request);
    let letter = signed(session, Letter::new(request)).await;
    found.home.ask(&letter).await?;
    let text = format!(
        "Asked the run of {} to {what}. Its journal cannot be read from here: whether that is what it waits for is not known.",
        found.name
    );
    Ok(Answer::ok(text)
        .with("plan", json!(found.name))
        .with("request", json)
        .with("is_running", json!(null)))
}

/// Leaves the request in the inbox, and says when it takes effect.
pub async fn ask(
    session: &Session,
    found: &Found,
    standing: &Standing,
    request: Request,
    what: &str,
) -> Result<Answer, Failure> {
    let json = request_json(&request);
    let run = Some(standing.state.run.clone());
    let letter = signed(session, Letter { run, ..Letter::new(request) }).await;
    found.home.ask(&letter).await?;
    let when = match &standing.holder {
        Some(view) => format!("{} takes it up within seconds.", view.holder),
        None => {
            let file = standing.report.file.as_deref().unwrap_or("PLAN");
            format!(
                "No process runs it; the next `vecshift run` of {} takes it up:\n  vecshift run {}",
                found.name,
                session.address(file)
            )
        }
    };
    Ok(Answer::ok(format!("Asked the run of {} to {what}. {when}", found.name))
        .with("plan", json!(found.name))
        .with("request", json)
        .with("is_running", json!(standing.holder.is_some())))
}
