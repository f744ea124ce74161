//! `run`: runs a plan, or continues it.

use std::path::PathBuf;

use clap::Args;

use crate::cli::drive::{Drive, Files};
use crate::cli::failure::Failure;
use crate::cli::interrupt::{AT_A_CHECKPOINT, Interrupt};
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::model::{Span, StageId};
use crate::plan::Plan;
use crate::provider::Environment;
use crate::provider::registry::check_secrets;
use crate::run::{RunOptions, World, open_driver};

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file, or the output of `plan --out`
    pub plan: PathBuf,
    /// Start nothing after this stage
    #[arg(long, value_name = "STAGE")]
    pub until: Option<String>,
    /// Do not wait for bakes, retention or approvals; end with exit code 5
    #[arg(long)]
    pub no_wait: bool,
    /// Confirm that this index may be deleted
    #[arg(long, value_name = "INDEX")]
    pub confirm: Option<String>,
    /// Run only the plan with this digest, `sha256:…`
    #[arg(long, value_name = "DIGEST")]
    pub expect: Option<String>,
    /// Wait at most this long, then end with exit code 5
    #[arg(long, value_name = "DURATION")]
    pub detach_after: Option<Span>,
    /// Treat warnings as failures
    #[arg(long)]
    pub strict: bool,
    /// Continue with a plan that was changed while its run is open
    #[arg(long)]
    pub adopt: bool,
    #[command(flatten)]
    pub files: Files,
}

pub async fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let plan = session.read_plan(&arguments.plan)?.plan;
    if let Some(asked) = &arguments.expect {
        check_digest(&plan, asked)?;
    }
    check_stage(&plan, arguments.until.as_deref())?;
    let options = RunOptions {
        until: arguments.until.as_deref().map(StageId::new),
        no_wait: arguments.no_wait,
        detach_after: arguments
            .detach_after
            .or(session.project.defaults.detach_after)
            .map(|span| span.0),
        confirm: arguments.confirm.clone(),
        expect: arguments.expect.as_ref().map(|_| plan.digest.clone()),
        adopt: arguments.adopt,
        strict: session.is_strict(arguments.strict),
        ..session.run_options()
    };
    let environment = session.providers(&plan);
    check_secrets(&plan, &environment)?;
    let interrupt = Interrupt::listen(session.output, AT_A_CHECKPOINT)?;
    let home = session.home(&plan.name)?;
    let look = async { Ok(session.refuse_run_elsewhere(&plan, &*home).await?) };
    interrupt.look(look).await?;
    let drive = Drive {
        session,
        world: World::open(&plan, &environment)?,
        driver: open_driver(&plan, &environment)?,
        home,
        clock: session.clock.clone(),
        address: session.address(&plan.path.display().to_string()),
        plan,
        options,
    };
    drive.run(&interrupt).await
}

/// The least number of hexadecimal digits that identify a digest.
const ENOUGH: usize = 12;

/// Checks the expected digest, which may be shortened to [`ENOUGH`] digits.
fn check_digest(plan: &Plan, asked: &str) -> Result<(), Failure> {
    let digits = asked.strip_prefix("sha256:").unwrap_or(asked).to_ascii_lowercase();
    let known = plan.digest.strip_prefix("sha256:").unwrap_or(&plan.digest);
    if digits.len() < ENOUGH || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        let message = format!("`--expect {asked}` is too little to know a plan by");
        let hint = format!(
            "give the digest as `vecshift plan` prints it, or no fewer than its first {ENOUGH} digits"
        );
        return Err(crate::Error::new(crate::ErrorKind::Refused, message).with_hint(hint).into());
    }
    if known.starts_with(&digits) {
        return Ok(());
    }
    let message = format!(
        "the plan is not the one that was reviewed: expected {asked}, this is {}",
        plan.digest
    );
    Err(crate::Error::new(crate::ErrorKind::Refused, message)
        .with_hint("run `vecshift plan` and review it again")
        .into())
}

/// Checks that the plan has this stage.
///
/// # Errors
/// If it has no such stage.
pub fn check_stage(plan: &Plan, stage: Option<&str>) -> Result<(), Failure> {
    let Some(stage) = stage else { return Ok(()) };
    if plan.stages.iter().any(|known| known.id.as_str() == stage) {
        return Ok(());
    }
    let known: Vec<_> = plan.stages.iter().map(|known| known.id.as_str()).collect();
    Err(Failure::Usage(format!(
        "the plan has no stage `{stage}`; its stages are {}",
        known.join(", ")
    )))
}

impl Session {
    /// Returns the options of a run without those of the command line.
    pub fn run_options(&self) -> RunOptions {
        let mut options = RunOptions::new(self.surroundings.holder());
        options.environment = self.surroundings.variables.clone();
        options
    }

    /// Returns the part of the environment that providers may see.
    pub fn providers(&self, plan: &Plan) -> Environment {
        Environment {
            variables: self.surroundings.variables.clone(),
            base: plan.base.clone(),
            ..Environment::default()
        }
    }
}
