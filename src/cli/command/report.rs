//! `report`: prints the report of a run from its journal.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::found::{Found, Unread, is_file};
use crate::cli::output::Answer;
use crate::cli::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Entry;
use crate::report::{Early, early_html, early_junit, early_markdown, html, junit, markdown, table};
use crate::text::named;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The plan file, the plan's name, or the id of a run; default: the only plan with a journal
    pub run: Option<String>,
    /// The format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    /// Report the last rehearsal instead of the last real run
    #[arg(long)]
    pub rehearsal: bool,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal
    Table,
    /// Markdown, for a change ticket
    Md,
    /// Everything, for machines
    Json,
    /// JUnit XML, for a CI server
    Junit,
    /// A page for a browser: one file, no script, nothing from elsewhere
    Html,
}

impl Format {
    /// Returns the placeholder that a file of this format holds until the report is written.
    pub fn unfinished(self) -> String {
        let early = Early::unfinished("report");
        match self {
            Self::Table => "not finished\n".to_owned(),
            Self::Md => early_markdown(&early),
            Self::Json => "{ \"not_finished\": true }\n".to_owned(),
            Self::Junit => early_junit(&early).unwrap_or_default(),
            Self::Html => early_html(&early).unwrap_or_default(),
        }
    }
}

pub async fn perform(session: &Session, arguments: &Arguments) -> Result<Answer, Failure> {
    let (entries, found) = find(session, arguments).await?;
    let report = found.report(session, &entries)?;
    let answer = Answer::ok("").with("report", json!(report));
    let text = match arguments.format {
        Format::Table if arguments.output.is_none() => table(&report, session.output.stdout),
        Format::Table => table(&report, crate::report::Look::default()),
        Format::Md => markdown(&report),
        Format::Junit => junit(&report)?,
        Format::Html => html(&report)?,
        Format::Json => format!("{:#}", answer.document("report")),
    };
    match &arguments.output {
        Some(path) => {
            let said = format!("Report: {}", path.display());
            Ok(Answer { text: said, ..answer }.with_own(text))
        }
        None => Ok(Answer { text, ..answer }),
    }
}

/// Finds the journal, and the plan it belongs to.
async fn find(session: &Session, arguments: &Arguments) -> Result<(Vec<Entry>, Found), Failure> {
    let Some(asked) = &arguments.run else {
        let found = only(session, arguments.rehearsal).await?;
        return Ok((found.entries().await?, found));
    };
    // The plan of that name needs no look at the others, which not everybody may list.
    let found = session.find(asked, arguments.rehearsal)?;
    let missing = match found.entries().await {
        Ok(entries) => return Ok((entries, found)),
        Err(error) if error.kind() == ErrorKind::NotFound && !is_file(asked) => error,
        Err(error) => return Err(error.into()),
    };
    let names = match session.runs(arguments.rehearsal)?.plans().await {
        Err(error) if error.kind() == ErrorKind::Unauthorized => return Err(missing.into()),
        names => names?,
    };
    let mut unread = Vec::new();
    for name in &names {
        let found = session.find_named(name, arguments.rehearsal)?;
        // An unreadable journal does not hide the others.
        match found.home.entries_of(asked).await {
            Ok(Some(entries)) => return Ok((entries, found)),
            Ok(None) => {}
            Err(_) => unread.push(named(name)),
        }
    }
    Err(match unread.is_empty() {
        true => missing.into(),
        false => missing.with_context("not read", unread.join(", ")).into(),
    })
}

async fn only(session: &Session, is_rehearsal: bool) -> Result<Found, Failure> {
    let (mut readable, mut unreadable) = (Vec::new(), Vec::new());
    for name in session.runs(is_rehearsal)?.plans().await? {
        let found = session.find_named(&name, is_rehearsal)?;
        let is_vacant = async || found.is_vacant().await.unwrap_or(false);
        match found.entries().await {
            Ok(_) => readable.push(name),
            Err(error) if error.kind() == ErrorKind::NotFound && is_vacant().await => {}
            Err(error) => unreadable.push(Unread { plan: name, error }),
        }
    }
    let names = match readable.is_empty() {
        true => unreadable.into_iter().map(|one| one.plan).collect(),
        false => {
            // The one that can be read need not be the one that was meant.
            unreadable.iter().for_each(|one| session.output.talk(&one.words()));
            readable
        }
    };
    match names.as_slice() {
        [name] => Ok(session.find_named(name, is_rehearsal)?),
        [] => Err(Error::new(
            ErrorKind::NotFound,
            format!("there are no runs in {}", session.place.uri),
        )
        .with_hint("--state says where to look; --rehearsal looks at rehearsals")
        .into()),
        several => Err(Failure::Usage(format!(
            "name one of the plans: {}",
            several.iter().map(|name| named(name)).collect::<Vec<_>>().join(", ")
        ))),
    }
}
