//! `docs`: writes the generated pages or checks them for drift. Hidden, because only vecshift's own developers need it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Answer;
use crate::cli::reference;
use crate::error::{Error, Result};
use crate::fs::{Access, replace};
use crate::plan;
use crate::provider::language;
use crate::report::plural;
use crate::run;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder of the pages
    #[arg(default_value = "docs")]
    pub folder: PathBuf,
    /// Write nothing; fail if a page is out of date
    #[arg(long)]
    pub check: bool,
}

pub fn perform(arguments: &Arguments, root: clap::Command) -> Result<Answer, Failure> {
    let pages = pages(root);
    let mut stale = Vec::new();
    for (name, text) in &pages {
        if current(&arguments.folder.join(name))?.as_ref() != Some(text) {
            stale.push(name.clone());
        }
    }
    stale.extend(orphans(&arguments.folder, &pages)?);
    if arguments.check {
        return Ok(checked(&arguments.folder, &stale, pages.len()));
    }
    for name in &stale {
        let path = arguments.folder.join(name);
        match pages.get(name) {
            Some(text) => write(&path, text)?,
            None => std::fs::remove_file(&path)
                .map_err(|error| Error::io(format!("cannot remove {}", path.display()), error))?,
        }
    }
    let text =
        format!("{} of {} were not current.", stale.len(), plural(pages.len() as u64, "page"));
    Ok(Answer::ok(text).with("written", json!(stale)))
}

/// Generates every page, keyed by its path under the folder.
fn pages(root: clap::Command) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::from([
        ("plan.md".to_owned(), plan::reference_markdown(language())),
        ("metrics.md".to_owned(), plan::metrics_markdown()),
        ("cli.md".to_owned(), reference::markdown(root)),
        ("safety.md".to_owned(), run::guarded_markdown()),
        ("plan.schema.json".to_owned(), format!("{:#}\n", language().schema())),
    ]);
    let page = |(code, text): (String, String)| {
        let name = if code.ends_with(".md") { code } else { format!("{code}.md") };
        (format!("errors/{name}"), text)
    };
    pages.extend(plan::error_pages(language()).into_iter().map(page));
    pages
}

fn current(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(format!("cannot read {}", path.display()), error)),
    }
}

/// Finds pages of codes that no longer exist.
fn orphans(folder: &Path, pages: &BTreeMap<String, String>) -> Result<Vec<String>> {
    let errors = folder.join("errors");
    let Ok(entries) = std::fs::read_dir(&errors) else { return Ok(Vec::new()) };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut orphans: Vec<_> = names
        .map(|name| format!("errors/{name}"))
        .filter(|name| !pages.contains_key(name))
        .collect();
    orphans.sort();
    Ok(orphans)
}

fn checked(folder: &Path, stale: &[String], all: usize) -> Answer {
    let (exit, text) = match stale {
        [] => (Exit::Ok, format!("{} current.", plural(all as u64, "page"))),
        stale => {
            let list = stale.join(", ");
            let text = format!(
                "Not current in {}: {list}\nWrite them with `vecshift docs`.",
                folder.display()
            );
            (Exit::Failed, text)
        }
    };
    Answer::new(exit, text).with("stale", json!(stale))
}

fn write(path: &Path, text: &str) -> Result<()> {
    replace(path, text.as_bytes(), Access::Usual)
        .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
}
