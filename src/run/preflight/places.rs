//! Checks that the folders and files a run writes are writable.

use std::path::{Path, PathBuf};

use super::super::outputs::local;
use super::{Finding, Preflight};
use crate::plan::StageKind;

pub(super) fn find(preflight: &Preflight<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut look = |about: String, result: std::io::Result<()>, path: &Path| {
        if let Err(error) = result {
            let problem = format!("{} cannot be written: {error}", path.display());
            let hint = "name another place, or see who may write there and what is in the way";
            found.push(Finding::new(about, problem, hint));
        }
    };
    look("--state".to_owned(), folder(preflight.folder), preflight.folder);
    if preflight.options.is_rehearsal {
        // A rehearsal writes everything below that folder, whatever the plan says.
        return found;
    }
    for stage in preflight.stages() {
        let id = &stage.id;
        match &stage.kind {
            StageKind::Audit(audit) => {
                let export = audit.export.as_deref().map(|export| PathBuf::from(local(export)));
                // Relative paths lie among the artifacts.
                for path in export.into_iter().filter(|path| path.is_absolute()) {
                    look(format!("export of stage `{id}`"), file(&path), &path);
                }
            }
            StageKind::Decommission(stage) => {
                if let Some(place) = &stage.snapshot {
                    let path = preflight.plan.base.join(local(place));
                    look(format!("snapshot of stage `{id}`"), folder(&path), &path);
                }
            }
            _ => {}
        }
    }
    found
}

/// Checks that files can be created in a folder, which need not exist yet.
fn folder(path: &Path) -> std::io::Result<()> {
    let there = path.ancestors().find(|folder| folder.symlink_metadata().is_ok());
    let there = there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !there.metadata()?.is_dir() {
        let message = format!("{} is not a folder", there.display());
        return Err(std::io::Error::new(std::io::ErrorKind::NotADirectory, message));
    }
    tempfile::tempfile_in(there).map(drop)
}

/// Checks that a file, which may exist already, can be written.
fn file(path: &Path) -> std::io::Result<()> {
    match path.symlink_metadata() {
        Ok(_) => std::fs::OpenOptions::new().append(true).open(path).map(drop),
        Err(_) => folder(path.parent().unwrap_or(Path::new("."))),
    }
}
