//! Driving a prepared run from the command line: listeners, signals, and the report at its end.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::console::Console;
use super::events::{All, EventsFile};
use super::exit::Exit;
use super::failure::{Failure, error_json};
use super::interrupt::Interrupt;
use super::output::Answer;
use super::session::Session;
use super::{command, github};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::journal::{Paths, read};
use crate::plan::Plan;
use crate::report::{Report, junit, markdown, table};
use crate::run::{Listener, Outcome, PreparedRun, RunOptions, World};
use crate::traffic::Driver;

/// Files a run leaves for machines and people.
#[derive(Clone, Debug, Default, Args)]
pub struct Files {
    /// Write every event to this file as it happens, one JSON line each
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Write the report to this file as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the report to this file as Markdown
    #[arg(long, value_name = "FILE")]
    pub report_md: Option<PathBuf>,
}

/// A run and everything it is driven with.
pub struct Drive<'a> {
    pub session: &'a Session,
    pub plan: Plan,
    pub world: World,
    pub driver: Option<Arc<dyn Driver>>,
    pub paths: Paths,
    pub clock: Clock,
    pub options: RunOptions,
    pub files: &'a Files,
    /// What stands for the plan in commands that are printed.
    pub address: String,
}

/// What was driven, once it ended.
pub struct Driven {
    pub outcome: Outcome,
    pub report: Report,
    pub exit: Exit,
}

impl Drive<'_> {
    /// The same for a plan of which only a stage is left that looks.
    pub async fn look(self, interrupt: &Interrupt) -> Result<Answer, Failure> {
        let (session, files) = (self.session, self.files.clone());
        let mut driven = self.with(interrupt, |run, cancel| run.execute(cancel)).await?;
        driven.report = driven.report.of_a_look();
        driven.answer(session, &files)
    }

    /// Executes the plan and reports.
    pub async fn run(self, interrupt: &Interrupt) -> Result<Answer, Failure> {
        let (session, files) = (self.session, self.files.clone());
        let driven = self.with(interrupt, |run, cancel| run.execute(cancel)).await?;
        driven.answer(session, &files)
    }

    /// Prepares the run, hands it to `act` and reads its journal afterwards.
    pub async fn with<F>(
        self,
        interrupt: &Interrupt,
        act: impl FnOnce(PreparedRun, CancellationToken) -> F,
    ) -> Result<Driven, Failure>
    where
        F: Future<Output = Result<Outcome>>,
    {
        let session = self.session;
        let console = Arc::new(Console::new(
            session.manner(),
            session.output.stderr.colour,
            session.detail(),
            &self.address,
        ));
        let mut listeners: Vec<Arc<dyn Listener>> = vec![console.clone()];
        if let Some(path) = &self.files.events {
            listeners.push(Arc::new(EventsFile::create(path)?));
        }
        let journal = self.paths.journal();
        let listener = Arc::new(All(listeners));
        let run = PreparedRun::new(
            self.plan,
            self.world,
            self.driver,
            self.paths,
            self.clock,
            self.options,
            listener,
        )?;
        let cancel = interrupt.gently.clone();
        let result = interrupt.guard(async { act(run, cancel).await.map_err(Failure::from) }).await;
        console.finish();
        let outcome = result?;
        let report = session.report(&read(&journal)?, Some(&self.address))?;
        let exit = Exit::of_outcome(&outcome, interrupt.exit());
        Ok(Driven { outcome, report, exit })
    }
}

impl Driven {
    /// The report as an answer, and in every file that was asked for.
    pub fn answer(&self, session: &Session, files: &Files) -> Result<Answer, Failure> {
        let report = &self.report;
        if let Some(path) = &files.junit {
            command::report::write(path, &junit(report)?)?;
        }
        if let Some(path) = &files.report_md {
            command::report::write(path, &markdown(report))?;
        }
        github::tell(session, report, self.exit)?;
        let mut answer = Answer::new(self.exit, self.text(session)).with("report", json!(report));
        if let Some(error) = self.error() {
            answer = answer.with("error", error_json(error));
        }
        Ok(answer)
    }

    fn error(&self) -> Option<&Error> {
        match &self.outcome {
            Outcome::Erred { error, .. } => Some(error),
            _ => None,
        }
    }

    fn text(&self, session: &Session) -> String {
        let table = table(&self.report, session.output.stdout);
        match self.outcome {
            Outcome::NoChanges => format!("No changes. This run did everything before:\n\n{table}"),
            Outcome::Interrupted => format!("Interrupted; the same command goes on.\n\n{table}"),
            _ => table,
        }
    }
}
