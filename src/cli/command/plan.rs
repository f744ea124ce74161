//! `plan`: shows what a run would do now, against live state.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Interrupt, SOON};
use crate::cli::output::{Answer, Summary};
use crate::cli::preview::{Comparison, Names, Origin, Other, comment, render, verdict};
use crate::cli::saved::Saved;
use crate::cli::session::Session;
use crate::cli::standing::state_words;
use crate::error::Error;
use crate::journal::{Phase, RunState};
use crate::plan::Plan;
use crate::provider::language;
use crate::provider::registry::check_secrets;
use crate::report::Report;
use crate::run::{Preflight, RunOptions, World, open_driver, preview};
use crate::state::Home;
use crate::text::markdown::code;
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
    /// Say what is different from another plan, or from a reviewed one that `--out` wrote
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// The form of the text: a table, or a comment for a pull request
    #[arg(long, value_name = "FORM", default_value = "table")]
    pub format: Form,
    /// End with exit code 2 if a run would change something
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// The form in which a preview is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    #[default]
    Table,
    /// One comment of Markdown, no longer than GitHub takes; its first line says whose it is
    Md,
}

/// The placeholder that `--out` holds until the plan is written, or for good if there is none. `run` does not accept
/// it.
pub const UNFINISHED: &str = "{ \"vecshift_plan\": \"not finished\" }\n";

pub async fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let read = session.read_plan(&arguments.plan)?;
    let plan = read.plan;
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
    let against = match &arguments.against {
        Some(file) => {
            let other = interrupt.look(other(session, file, &home, &options)).await?;
            Some(Comparison::of(other, &plan, &preview)?)
        }
        None => None,
    };
    let mut own = None;
    let mut next = plan.path.display().to_string();
    if let Some(out) = &arguments.out {
        let with = (session.vars()?, session.place.to_save(out));
        own = Some(Saved::new(&plan, &preview, with, out)?.text()?);
        next = out.display().to_string();
        session.output.talk(&format!(
            "`vecshift run {}` runs this plan and no other.",
            session.address_from(&next, &plan.path)
        ));
    }
    let exit = match arguments.detailed_exitcode && !preview.is_empty() {
        true => Exit::Changes,
        false => Exit::Ok,
    };
    let origin = Origin {
        commit: session.surroundings.commit(),
        warnings: read
            .warnings
            .iter()
            .map(|one| format!("{} ({})", one.message, one.code))
            .collect(),
        next: match preview.is_empty() {
            true => "nothing is left to do".to_owned(),
            false => code(&format!("vecshift run {}", session.address_from(&next, &plan.path))),
        },
    };
    let commented = comment(&preview, against.as_ref(), arguments.names, &origin);
    let text = match arguments.format {
        Form::Table => render(&preview, against.as_ref(), session.output.stdout, arguments.names),
        Form::Md => commented.clone(),
    };
    let mut answer = Answer::new(exit, text)
        .with_summary(Summary::Markdown(commented))
        .with("verdict", verdict(&preview))
        .with("preview", json!(preview));
    if let Some(against) = against {
        answer = answer.with("against", json!(against));
    }
    answer.account.own = own;
    Ok(answer)
}

/// Reads another plan and looks at what it would do now, or takes from a reviewed one what it would have done.
async fn other(
    session: &Session,
    file: &Path,
    home: &Arc<dyn Home>,
    options: &RunOptions,
) -> Result<Other, Failure> {
    let shown = file.display().to_string();
    if let Some(saved) = Saved::read(file)? {
        let Saved { digest, reviewed, preview, .. } = saved;
        return Ok(Other { file: shown, digest, reviewed, preview: Ok(preview) });
    }
    let plan = language().read(file, &session.inputs()?)?.plan;
    let look = async {
        let environment = session.providers(&plan);
        check_secrets(&plan, &environment)?;
        let world = World::open_to_look(&plan, &environment)?;
        let state = RunState::fold(&home.entries().await?)?;
        let preview = preview(&plan, &world, &state, options).await?;
        serde_json::to_value(preview).map_err(|error| {
            Error::unexpected("the preview cannot be written as JSON").with_source(error)
        })
    };
    let preview = look.await;
    Ok(Other { file: shown, digest: plan.digest.clone(), reviewed: plan.reviewed(), preview })
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
