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
    /// Writes records to a namespace of their own and reads them: the only step that writes.
    Write,
    /// Compares the counts of both sides.
    Counts,
    /// Compares every record or a sample, which reads everything.
    Compare,
}

impl Step {
    pub fn name(self) -> &'static str {
        match self {
            Self::SeeCounts => "see the counts",
            Self::SeeOthers => "see what was written",
            Self::Cold => "cold queries",
            Self::SeeAll => "see everything that was written",
            Self::Queries => "queries",
            Self::Write => "read after write",
            Self::Counts => "counts",
            Self::Compare => "compare",
        }
    }
}

pub fn next(asked: &Verify, view: View<'_>) -> Next<Step> {
    let mut steps = vec![Step::SeeCounts, Step::SeeOthers, Step::Cold, Step::SeeAll];
    steps.extend(asked.queries.as_ref().map(|_| Step::Queries));
    steps.extend(writes(asked, view.asked()).map(|_| Step::Write));
    steps.extend([Step::Counts, Step::Compare]);
    view.first_left(&steps, Step::name).map_or(Next::Done, Next::Take)
}

/// Returns how many records are written and read; `None` if the plan does not ask for it.
pub(super) fn writes(asked: &Verify, stage: &Stage) -> Option<u32> {
    let is_asserted = stage.assertions.iter().any(|one| one.metric.name == "read_after_write");
    asked.read_after_write.or(is_asserted.then_some(WRITES))
}
