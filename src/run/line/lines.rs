//! The pipelines between source and target, one for each copy stage.

use std::sync::Arc;

use super::artifacts::skipped;
use super::pipeline::pipeline;
use crate::copy::{Kept, Pipeline};
use crate::error::Result;
use crate::model::StageId;
use crate::plan::CopyStage;
use crate::plan::file::Existing;
use crate::run::Context;
use crate::store::read::Reading;

/// A copy stage, the pipeline that changes and looks up its records, and how they are read.
pub(in crate::run) struct Line {
    pub copy: CopyStage,
    pub pipeline: Pipeline,
    /// Ids that it left as the target had them.
    pub kept: Arc<Kept>,
    pub reading: Reading,
}

/// The lines of all copy stages, and one for namespaces that no stage copies.
pub(in crate::run) struct Lines {
    own: Vec<Line>,
    whole: Line,
}

impl Lines {
    /// Builds a line for each copy stage of the plan.
    ///
    /// # Errors
    /// `NotFound` if there is no source index.
    pub async fn of(context: &Context) -> Result<Self> {
        let mut own = Vec::new();
        for copy in &context.plan.copies {
            own.push(Line::of(context, copy.clone()).await?);
        }
        let whole = Line::of(context, CopyStage::whole()).await?;
        Ok(Self { own, whole })
    }

    /// Returns the line of a copy stage, or the one for uncopied namespaces if there is no such stage.
    pub fn get(&self, copy: Option<&StageId>) -> &Line {
        let own = self.own.iter().find(|line| Some(&line.copy.id) == copy);
        own.unwrap_or(&self.whole)
    }
}

impl Line {
    async fn of(context: &Context, copy: CopyStage) -> Result<Self> {
        let unused = context.artifacts.join("unused.jsonl");
        let pipeline = pipeline(context, &copy, unused).await?;
        let reading = pipeline.reading().with_others();
        let kept = Arc::new(kept_by(context, &copy)?);
        Ok(Self { copy, pipeline, kept, reading })
    }
}

/// Reads the ids that a copy left unchanged in the target.
///
/// # Errors
/// If their file cannot be read.
pub(crate) fn kept_by(context: &Context, copy: &CopyStage) -> Result<Kept> {
    match copy.asked.existing {
        Some(Existing::Skip) => Kept::read(&skipped(context, copy)),
        _ => Ok(Kept::default()),
    }
}
