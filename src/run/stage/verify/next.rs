//! The steps of a verify stage, and which of them comes next.

use crate::plan::Stage;
use crate::plan::file::Verify;
use crate::run::view::{Next, View};

/// The default number of records written for an assertion on `read_after_write`.
const WRITES: u32 = 5;

/// A step of a verify stage. Each spoils another, hence their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Waits until the namespaces whose first query is to be timed count what was written, without reading from them.
    SeeCounts,
    /// Waits until every write to the others is readable.
    SeeOthers,
    /// Times the first query of namespaces that nothing has read in this run.
    Cold,
    /// Waits until every write is readable.
    SeeAll,
    /// Sends queries to both sides at the same moments.
    Queries,
    /// Writes a record, numbered from 1, to a namespace of its own kind and reads it. Only this step writes.
    Write(u32),
    /// Removes those records, and waits until they are gone.
    RemoveWritten,
    /// Compares the counts of both sides.
    Counts,
    /// Compares every record or a sample, which reads everything.
    Compare,
}

impl Step {
    /// Returns the name under which the journal keeps that the step was taken.
    pub fn name(self) -> String {
        let name = match self {
            Self::SeeCounts => "see the counts",
            Self::SeeOthers => "see what was written",
            Self::Cold => "cold queries",
            Self::SeeAll => "see everything that was written",
            Self::Queries => "queries",
            Self::Write(number) => return format!("read after write {number}"),
            Self::RemoveWritten => "remove what was written",
            Self::Counts => "counts",
            Self::Compare => "compare",
        };
        name.to_owned()
    }
}

pub fn next(asked: &Verify, view: View<'_>) -> Next<Step> {
    let mut steps = vec![Step::SeeCounts, Step::SeeOthers, Step::Cold, Step::SeeAll];
    steps.extend(asked.queries.as_ref().map(|_| Step::Queries));
    if let Some(writes) = writes(asked, view.asked()) {
        steps.extend((1..=writes).map(Step::Write));
        steps.push(Step::RemoveWritten);
    }
    steps.extend([Step::Counts, Step::Compare]);
    let is_left = |step: &Step| !view.stage().steps_taken.contains(&step.name());
    steps.into_iter().find(is_left).map_or(Next::Done, Next::Take)
}

/// Returns how many records are written and read; `None` if the plan does not ask for it.
pub(super) fn writes(asked: &Verify, stage: &Stage) -> Option<u32> {
    let is_asserted = stage.assertions.iter().any(|one| one.metric.name == "read_after_write");
    asked.read_after_write.or(is_asserted.then_some(WRITES))
}
