//! `artifacts ls` and `artifacts get`: the files that a run wrote, wherever it ran.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::columns::Columns;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, error_text};
use crate::cli::output::{Answer, complain};
use crate::cli::received::{Failed, receive};
use crate::cli::session::Session;
use crate::error::{Error, ErrorKind};
use crate::journal::{Artifact, RunState};
use crate::model::StageId;
use crate::report::count;
use crate::state::Home;
use crate::text::{REMARK, named_in};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the files that a run wrote
    Ls(ListArguments),
    /// Copy files that a run wrote to this machine, checked against their sums in the journal
    Get(GetArguments),
}

impl Command {
    /// Returns the plan file, or the plan's name.
    pub fn plan(&self) -> &Path {
        Path::new(match self {
            Self::Ls(of) => &of.plan,
            Self::Get(of) => &of.plan,
        })
    }
}

#[derive(Debug, Args)]
pub struct ListArguments {
    /// The plan file, or the plan's name
    pub plan: String,
    /// An earlier run; default: the last
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}

#[derive(Debug, Args)]
pub struct GetArguments {
    /// The plan file, or the plan's name
    pub plan: String,
    /// The names of files, or what they are, as `artifacts ls` lists them; default: all
    pub names: Vec<String>,
    /// An earlier run; default: the last
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// The folder to copy to
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub to: PathBuf,
}

/// A file of a run.
struct Row {
    stage: StageId,
    artifact: Artifact,
}

impl Row {
    /// The name of its file, on whatever machine the run wrote it.
    fn file(&self) -> String {
        let path = &self.artifact.path;
        let name = path.rsplit(['/', '\\']).find(|part| !part.is_empty());
        name.unwrap_or(path).to_owned()
    }

    fn is_named(&self, names: &[String]) -> bool {
        names.is_empty()
            || names.iter().any(|name| *name == self.artifact.name || *name == self.file())
    }
}

pub async fn perform(session: &Session, command: &Command) -> Result<Answer, Failure> {
    match command {
        Command::Ls(arguments) => list(session, arguments).await,
        Command::Get(arguments) => get(session, arguments).await,
    }
}

async fn list(session: &Session, arguments: &ListArguments) -> Result<Answer, Failure> {
    let (state, rows, _) = rows(session, &arguments.plan, arguments.run.as_deref()).await?;
    let text = match rows.is_empty() {
        true => format!("The run {} has written no files yet.", state.run),
        false => table(&rows, session.output.stdout.width),
    };
    let documents: Vec<_> = rows.iter().map(json).collect();
    Ok(Answer::ok(text).with("run", state.run).with("artifacts", documents))
}

async fn get(session: &Session, arguments: &GetArguments) -> Result<Answer, Failure> {
    let (state, mut rows, home) = rows(session, &arguments.plan, arguments.run.as_deref()).await?;
    let all: Vec<String> = rows.iter().map(Row::file).collect();
    for name in &arguments.names {
        if !rows.iter().any(|row| row.is_named(std::slice::from_ref(name))) {
            let message = format!("the run {} wrote no `{name}`", state.run);
            let hint = format!("it wrote: {}", all.join(", "));
            return Err(Error::new(ErrorKind::NotFound, message).with_hint(hint).into());
        }
    }
    rows.retain(|row| row.is_named(&arguments.names));
    let (mut files, mut lines, mut replaced) = (Vec::new(), Vec::new(), Vec::new());
    let mut failed: Vec<Failed> = Vec::new();
    let mut untried = rows.iter();
    for row in untried.by_ref() {
        let is_one = all.iter().filter(|name| **name == row.file()).count() == 1;
        let name = if is_one { row.file() } else { format!("{}-{}", row.stage, row.file()) };
        let to = arguments.to.join(name);
        let was_there = to.exists();
        match receive(&*home, &state.run, &row.artifact, &to).await {
            Ok(missing) => failed.extend(missing),
            Err(one) => {
                let is_over = one.is_of_the_place();
                failed.push(one);
                if is_over {
                    break;
                }
                continue;
            }
        }
        let file = to.display().to_string();
        let shown = named_in(&file, REMARK);
        match was_there {
            true => {
                lines.push(format!("{shown} (in place of the one that was there)"));
                replaced.push(file.clone());
            }
            false => lines.push(shown.into_owned()),
        }
        files.push(file);
    }
    let text = match rows.is_empty() {
        true => format!("The run {} has written no files yet.", state.run),
        false => lines.join("\n"),
    };
    let untried: Vec<String> = untried.map(Row::file).collect();
    failed.iter().for_each(|one| complain(&error_text(&one.error, session.output.stderr.colour)));
    if !untried.is_empty() {
        complain(&format!("Not tried any more: {}", untried.join(", ")));
    }
    let exit = if failed.is_empty() { Exit::Ok } else { Exit::Error };
    Ok(Answer::new(exit, text)
        .with("run", state.run)
        .with("files", files)
        .with("replaced", replaced)
        .with("failed", failed.iter().map(Failed::json).collect::<Vec<_>>())
        .with("untried", untried))
}

async fn rows(
    session: &Session,
    plan: &str,
    run: Option<&str>,
) -> Result<(RunState, Vec<Row>, std::sync::Arc<dyn Home>), Failure> {
    let found = session.find(plan, false)?;
    let entries = match run {
        None => found.entries().await?,
        Some(run) => found.home.entries_of(run).await?.ok_or_else(|| {
            let message = format!("there is no run `{run}` of `{}`", found.name);
            Error::new(ErrorKind::NotFound, message)
        })?,
    };
    let state = RunState::fold(&entries)?;
    let of_stage = |stage: &std::sync::Arc<crate::journal::StageState>| {
        let row = |artifact: &Artifact| Row { stage: stage.id.clone(), artifact: artifact.clone() };
        stage.artifacts.iter().map(row).collect::<Vec<_>>()
    };
    let rows = state.stages.iter().flat_map(of_stage).collect();
    Ok((state, rows, found.home))
}

fn json(row: &Row) -> serde_json::Value {
    let mut json = json!(row.artifact);
    json["stage"] = json!(row.stage);
    json["file"] = json!(row.file());
    json
}

fn table(rows: &[Row], width: u16) -> String {
    let header = ["stage", "what", "file", "records", "bytes"];
    let mut table = Columns::new(width, header).with_numbers([3, 4]);
    for row in rows {
        let bytes = row.artifact.written.as_ref().map(|written| count(written.bytes));
        table.add([
            row.stage.to_string(),
            row.artifact.name.clone(),
            row.file(),
            count(row.artifact.records),
            bytes.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.text()
}
