//! Shows a preview: as text, as a comment for a pull request, and held against what another plan would do.

mod against;
mod comment;
mod text;

use clap::ValueEnum;

pub use against::{Comparison, Other};
pub use comment::{Origin, comment};
pub use text::render;

use crate::report::{count, plural};
use crate::run::{Preview, PreviewStage};

/// The namespace names to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Names {
    /// The first dozen, if any name changes
    #[default]
    First,
    /// All of them
    All,
}

/// Returns `No changes.`, or what a run would do in one line.
pub fn verdict(preview: &Preview) -> String {
    if preview.is_empty() {
        return "No changes.".to_owned();
    }
    let counts = &preview.counts;
    let parts = [
        (counts.create, format!("{} to create", count(counts.create))),
        (counts.namespaces, format!("{} to copy", plural(counts.namespaces, "namespace"))),
        (counts.snapshots, plural(counts.snapshots, "snapshot")),
        (counts.shifts, plural(counts.shifts, "traffic shift")),
        (counts.delete, format!("{} to delete (irreversible)", count(counts.delete))),
    ];
    let parts: Vec<_> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
    match parts.is_empty() {
        true => "Plan: only assertions to judge.".to_owned(),
        false => format!("Plan: {}.", parts.join(", ")),
    }
}

/// What a stage would do, and where it stands.
fn what(stage: &PreviewStage) -> String {
    match stage.status.as_str() {
        "to do" => stage.what.clone(),
        status => format!("{} ({status})", stage.what),
    }
}

/// The markers that occur, each with its word.
fn markers(preview: &Preview) -> Vec<String> {
    let words = [
        ('+', "create"),
        ('~', "change"),
        ('>', "copy"),
        ('?', "assert"),
        ('%', "shift traffic"),
        ('-', "delete"),
        ('=', "done already"),
    ];
    let occurs = |marker: char| preview.stages.iter().any(|stage| stage.marker == marker);
    let used = words.iter().filter(|(marker, _)| occurs(*marker));
    used.map(|(marker, word)| format!("{marker} {word}")).collect()
}
