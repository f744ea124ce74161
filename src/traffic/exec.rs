//! A driver that runs commands to set and read the weight.

use std::time::Duration;

use async_trait::async_trait;

use super::action::{Command, CommandOutput, run_command};
use super::driver::{Driver, DriverContext, READ_HINT, Seen};
use super::weight::{check, parse_percent, percent_text};
use crate::error::{Error, Result};
use crate::model::Share;
use crate::plan::file;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Runs one command to set and one to read. Their environment consists of `PATH`, `VECSHIFT_PLAN` and, to set,
/// `VECSHIFT_WEIGHT` (0 to 100).
pub(super) struct ExecDriver {
    exec: file::ExecDriver,
    context: DriverContext,
}

impl ExecDriver {
    pub fn new(exec: file::ExecDriver, context: DriverContext) -> Self {
        Self { exec, context }
    }

    fn command(&self, argv: &[String]) -> Command {
        let timeout = self.exec.timeout.map_or(TIMEOUT, |span| span.0);
        Command::new(argv, &self.context.env, &[], &self.context.base, timeout)
            .with_env("VECSHIFT_PLAN", &self.context.plan)
    }
}

#[async_trait]
impl Driver for ExecDriver {
    async fn set(&self, weight: Share) -> Result<()> {
        check(weight)?;
        let command =
            self.command(&self.exec.set).with_env("VECSHIFT_WEIGHT", percent_text(weight));
        run_command(&command).await.and_then(CommandOutput::success).map(drop)
    }

    async fn read(&self) -> Result<Seen> {
        let Some(argv) = &self.exec.read else { return Ok(Seen::Mute) };
        let output = run_command(&self.command(argv)).await?.success()?;
        parse_percent(&output.stdout).map(Seen::weight)
    }

    async fn check(&self) -> Vec<Error> {
        let mut problems: Vec<Error> =
            self.command(&self.exec.set).check().err().into_iter().collect();
        if let Err(error) = self.read().await {
            problems.push(error.with_operation("read the weight").with_hint(READ_HINT));
        }
        problems
    }

    fn can_read(&self) -> bool {
        self.exec.read.is_some()
    }

    fn describe(&self) -> String {
        let program = self.exec.set.first().map(String::as_str).unwrap_or_default();
        format!("command {program}")
    }
}
