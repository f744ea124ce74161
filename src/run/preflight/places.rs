//! Checks that the folders and files a run writes are writable.

use std::path::{Path, PathBuf};

use super::super::context::outputs::local;
use super::finding::Finding;
use super::inputs::Preflight;
use crate::fs::{check_file, check_folder};
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
    look("--state".to_owned(), check_folder(preflight.folder), preflight.folder);
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
                    look(format!("export of stage `{id}`"), check_file(&path), &path);
                }
            }
            StageKind::Decommission(stage) => {
                if let Some(place) = &stage.snapshot {
                    let path = preflight.plan.base.join(local(place));
                    look(format!("snapshot of stage `{id}`"), check_folder(&path), &path);
                }
            }
            StageKind::Snapshot(snapshot) => {
                let path = preflight.plan.base.join(local(&snapshot.to));
                look(format!("stage `{id}`"), check_folder(&path), &path);
            }
            _ => {}
        }
    }
    found
}
