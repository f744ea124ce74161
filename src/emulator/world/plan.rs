//! The world of a plan's `rehearsal:` block.

use super::{Generator, World, dimension_of, metric_of, read};
use crate::error::{Error, Result};
use crate::model::Metric;
use crate::plan::Plan;
use crate::plan::file::RehearsalSource;
use crate::provider::Records;

impl World {
    /// Builds the source index that the plan is rehearsed with.
    ///
    /// # Errors
    /// `Invalid` if the plan has no `rehearsal:`; otherwise those of [`World::build`].
    pub fn of_plan(plan: &Plan) -> Result<Self> {
        let (source, dimension, metric) = described(plan)?;
        Self::build(&plan.source.index, source, dimension, metric, &plan.base)
    }
}

/// Makes the records that the plan is rehearsed with, for a source that is not emulated.
///
/// # Errors
/// Those of [`World::of_plan`].
pub(crate) fn records_of(plan: &Plan) -> Result<Records> {
    let (source, dimension, metric) = described(plan)?;
    let Some(data) = &source.data else {
        let (dimension, metric) = (dimension_of(source, dimension)?, metric_of(source, metric));
        return Ok(Box::new(Generator::new(dimension, metric, source)?.map(Ok)));
    };
    let most = source.records.map_or(usize::MAX, |records| records as usize);
    Ok(Box::new(read(&plan.base.join(data))?.take(most)))
}

/// Returns the source that the plan describes, and dimension and metric of the index that it makes.
fn described(plan: &Plan) -> Result<(&RehearsalSource, Option<u32>, Option<Metric>)> {
    let rehearsal = plan.rehearsal.as_ref().ok_or_else(|| {
        Error::invalid(format!("the plan `{}` has no `rehearsal:`", plan.name))
            .with_hint("describe the source it is rehearsed with; see docs/plan.md")
    })?;
    let spec = plan.create.as_ref();
    let made = (spec.and_then(|spec| spec.dimension), spec.and_then(|spec| spec.metric));
    Ok((&rehearsal.source, made.0, made.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::language;

    #[test]
    fn records_are_those_that_the_emulator_would_hold() {
        let text = r"
version: 1
name: p
source: { provider: pinecone, index: a }
target: { provider: pinecone, index: b }
stages: [{ kind: audit }]
rehearsal: { source: { kind: pod, records: 30, namespaces: 2, dimension: 4 } }
";
        let path = std::path::Path::new("plan.yaml");
        let read = language().read_text(path, text.to_owned(), &Default::default()).unwrap();
        let records: Vec<_> = records_of(&read.plan).unwrap().map(Result::unwrap).collect();
        let emulated = World::of_plan(&read.plan).unwrap().into_parts().1;
        assert_eq!(records, emulated.map(Result::unwrap).collect::<Vec<_>>());
    }
}
