//! `plan`: shows what a run would do now, against live state.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Interrupt, SOON};
use crate::cli::output::Answer;
use crate::cli::preview::{Names, render, verdict};
use crate::cli::saved::Saved;
use crate::cli::session::Session;
use crate::cli::standing::state_words;
use crate::journal::{Phase, RunState};
use crate::plan::Plan;
use crate::provider::registry::check_secrets;
use crate::report::{Look, Report};
use crate::run::{Preflight, RunOptions, World, open_driver, preview};
use crate::traffic::{Driver, TrafficNow};

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file
    pub plan: PathBuf,
    /// Write the reviewed plan to this file, for `vecshift run FILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The namespace names to show
    #[arg(long, value_name = "WHICH", default_value = "first")]
    pub names: Names,
    /// End with exit code 2 if a run would change something
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// The placeholder that `--out` holds until the plan is written, or for good if there is none. `run` does not accept
/// it.
pub const UNFINISHED: &str = "{ \"vecshift_plan\": \"not finished\" }\n";

pub async fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let plan = session.read_plan(&arguments.plan)?.plan;
    let environment = session.providers(&plan);
    check_secrets(&plan, &environment)?;
    let interrupt = Interrupt::listen(session.output, SOON)?;
    let world = World::open_to_look(&plan, &environment)?;
    let home = session.home(&plan.name)?;
    let options = session.run_options();
    let driver = open_driver(&plan, &environment)?;
    let look = async {
        let entries = home.entries().await?;
        let state = RunState::fold(&entries)?;
        preflight(session, &plan, &state, &options, driver.as_deref()).await?;
        let mut preview = preview(&plan, &world, &state, &options).await?;
        if let Some(driver) = &driver {
            let left = &state.traffic;
            preview.traffic = Some(TrafficNow::look(&**driver, left).await.view(left));
        }
        let is_held = home.holder().await?.is_some();
        preview.state = state_words(Report::from_entries(&entries)?.ending, is_held);
        Ok(preview)
    };
    let preview = interrupt.look(look).await?;
    let mut own = None;
    if let Some(out) = &arguments.out {
        let with = (session.vars()?, session.place.to_save(out));
        own = Some(Saved::new(&plan, &preview, with, out)?.text()?);
        session.output.talk(&format!(
            "`vecshift run {}` runs this plan and no other.",
            session.address_from(&out.display().to_string(), &plan.path)
        ));
    }
    let exit = match arguments.detailed_exitcode && !preview.is_empty() {
        true => Exit::Changes,
        false => Exit::Ok,
    };
    let text = render(&preview, session.output.stdout, arguments.names);
    let mut answer = Answer::new(exit, text)
        .with_summary(render(&preview, Look::default(), arguments.names))
        .with("verdict", verdict(&preview))
        .with("preview", json!(preview));
    answer.account.own = own;
    Ok(answer)
}

/// Checks for anything that would stop a run before it begins. If the last run has ended, this concerns a new one.
async fn preflight(
    session: &Session,
    plan: &Plan,
    state: &RunState,
    options: &RunOptions,
    driver: Option<&dyn Driver>,
) -> Result<(), Failure> {
    let fresh = RunState::default();
    let is_done = state.phase == Phase::Done && state.digest == plan.digest;
    let state = if state.is_open() || is_done { state } else { &fresh };
    let folder = session.home(&plan.name)?.folder();
    Ok(Preflight { plan, state, options, driver, folder: &folder }.refuse().await?)
}
