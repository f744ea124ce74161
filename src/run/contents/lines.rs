//! The ways between both sides, one a copy stage.

use crate::copy::Pipeline;
use crate::error::Result;
use crate::model::StageId;
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::stage::pipeline;

/// A copy stage and the pipeline by which it reads, changes and looks up records.
pub(in crate::run) struct Line {
    pub copy: CopyStage,
    pub pipeline: Pipeline,
}

/// The lines of every copy stage of the plan, and one for what none of them takes.
pub(in crate::run) struct Lines {
    own: Vec<Line>,
    whole: Line,
}

impl Lines {
    /// # Errors
    /// `NotFound` where there is no source.
    pub async fn of(context: &Context) -> Result<Self> {
        let mut own = Vec::new();
        for copy in context.plan.copies() {
            own.push(Line::of(context, copy).await?);
        }
        let whole = Line::of(context, CopyStage::whole()).await?;
        Ok(Self { own, whole })
    }

    /// The line of a copy stage; that of no stage where there is none of this name.
    pub fn get(&self, copy: Option<&StageId>) -> &Line {
        let own = self.own.iter().find(|line| Some(&line.copy.id) == copy);
        own.unwrap_or(&self.whole)
    }
}

impl Line {
    async fn of(context: &Context, copy: CopyStage) -> Result<Self> {
        let unused = context.artifacts.join("unused.jsonl");
        let pipeline = pipeline(context, &copy, unused).await?;
        Ok(Self { copy, pipeline })
    }
}
