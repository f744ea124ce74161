//! Drives a prepared run from the command line, with listeners, signals, and the report at its end.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::console::Console;
use super::deliver::Asked;
use super::events::{All, Kept};
use super::exit::Exit;
use super::failure::{Failure, error_json};
use super::interrupt::Interrupt;
use super::output::Answer;
use super::session::Session;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::report::{Report, Waiting, table};
use crate::run::{Listener, Outcome, PreparedRun, RunOptions, World};
use crate::state::Home;
use crate::traffic::Driver;

/// Files that a run writes for machines and people; missing folders are created.
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
    /// Write the report to this file as a page for a browser: one file, no script, nothing from elsewhere
    #[arg(long, value_name = "FILE")]
    pub report_html: Option<PathBuf>,
}

impl Asked {
    pub fn of(files: &Files) -> Self {
        let Files { events, junit, report_md, report_html } = files.clone();
        Self { events, junit, report_md, report_html, ..Self::default() }
    }
}

/// A run and everything needed to drive it.
pub struct Drive<'a> {
    pub session: &'a Session,
    pub plan: Plan,
    pub world: World,
    pub driver: Option<Arc<dyn Driver>>,
    pub home: Arc<dyn Home>,
    pub clock: Clock,
    pub options: RunOptions,
    /// The argument that names the plan in suggested commands.
    pub address: String,
}

/// A run that has ended.
pub struct Driven {
    pub outcome: Outcome,
    pub report: Report,
    pub exit: Exit,
}

impl Drive<'_> {
    /// Executes a plan reduced to one stage that only looks, and reports.
    pub async fn look(self, interrupt: &Interrupt) -> Result<Answer, Failure> {
        let session = self.session;
        let mut driven = self.with(interrupt, |run, cancel| run.execute(cancel)).await?;
        driven.report = driven.report.of_a_look();
        Ok(driven.answer(session))
    }

    /// Executes the plan and reports.
    pub async fn run(self, interrupt: &Interrupt) -> Result<Answer, Failure> {
        let session = self.session;
        let driven = self.with(interrupt, |run, cancel| run.execute(cancel)).await?;
        Ok(driven.answer(session))
    }

    /// Prepares the run, passes it to `act` and reports what its journal says then.
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
            session.output.stderr,
            session.detail(),
            &self.address,
        ));
        let kept = Arc::new(Kept::default());
        let mut listeners: Vec<Arc<dyn Listener>> = vec![console.clone(), kept.clone()];
        if let Some(events) = session.deliveries.events() {
            listeners.push(events);
        }
        let plan = self.plan.clone();
        let listener = Arc::new(All(listeners));
        let preparing = PreparedRun::new(
            self.plan,
            self.world,
            self.driver,
            self.home,
            self.clock,
            self.options,
            listener,
        );
        // What is taken after a signal is let go of by a run that is cancelled before its first step.
        let mut run = interrupt.briefly(async { Ok(preparing.await?) }).await?;
        let found = run.take_found();
        let cancel = interrupt.gently.clone();
        let result = interrupt.guard(async { act(run, cancel).await.map_err(Failure::from) }).await;
        console.finish();
        let outcome = result?;
        let report = session.report(&kept.after(found), Some(&self.address))?.with_plan(&plan);
        let exit = Exit::of_outcome(&outcome, interrupt.exit());
        Ok(Driven { outcome, report, exit })
    }
}

impl Driven {
    /// Turns the report into an answer for people, machines and files.
    pub fn answer(&self, session: &Session) -> Answer {
        let report = &self.report;
        let answer = Answer::new(self.exit, self.text(session))
            .with("report", json!(report))
            .with("next_at", json!(report.waiting.as_ref().and_then(Waiting::next_at)))
            .with_report(report.clone());
        match self.error() {
            Some(error) => answer.with("error", error_json(error)),
            None => answer,
        }
    }

    fn error(&self) -> Option<&Error> {
        match &self.outcome {
            Outcome::Erred { error, .. } => Some(error),
            _ => None,
        }
    }

    fn text(&self, session: &Session) -> String {
        let table = table(&self.report, session.look_after_log());
        match self.outcome {
            Outcome::NoChanges => format!("No changes. This run did everything before:\n\n{table}"),
            Outcome::Interrupted => format!("Interrupted; the same command goes on.\n\n{table}"),
            _ => table,
        }
    }
}
