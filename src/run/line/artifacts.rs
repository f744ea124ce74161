//! The files of a copy stage among the run's artifacts.

use std::path::PathBuf;

use crate::plan::CopyStage;
use crate::run::Context;

/// The path of a copy stage's artifact.
pub(in crate::run) fn artifact(context: &Context, copy: &CopyStage, name: &str) -> PathBuf {
    context.artifacts.join(format!("{}-{name}", copy.id))
}

/// The file of the records that a copy could not write.
pub(in crate::run) fn dead_letters(context: &Context, copy: &CopyStage) -> PathBuf {
    artifact(context, copy, "dead-letters.jsonl")
}

/// The file of the ids that a copy left alone in the target.
pub(in crate::run) fn skipped(context: &Context, copy: &CopyStage) -> PathBuf {
    artifact(context, copy, "skipped.jsonl")
}
