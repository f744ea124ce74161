//! `validate`: reports every mistake that can be found without looking at the world.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::report::plural;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file
    pub plan: PathBuf,
    /// Write errors and warnings to this file for code scanning, as SARIF
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
}

pub fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let read = session.read_plan(&arguments.plan)?;
    let plan = &read.plan;
    let assertions: usize = plan.stages.iter().map(|stage| stage.assertions.len()).sum();
    let warnings = match read.warnings.len() {
        0 => "no warnings".to_owned(),
        count => plural(count as u64, "warning"),
    };
    let text = format!(
        "Valid: {}, {}, {}, {warnings}.\nDigest {}",
        plan.name,
        plural(plan.stages.len() as u64, "stage"),
        plural(assertions as u64, "assertion"),
        plan.digest
    );
    Ok(Answer::ok(text)
        .with("plan", json!(plan.name))
        .with("digest", json!(plan.digest))
        .with("stages", json!(plan.stages.iter().map(|stage| &stage.id).collect::<Vec<_>>()))
        .with("assertions", json!(assertions))
        .with("diagnostics", read.warnings.to_json()))
}
