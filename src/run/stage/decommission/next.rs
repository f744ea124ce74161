//! The steps of a decommission, and which of them comes next.

use crate::clock::Timestamp;
use crate::clock::after;
use crate::journal::{Hold, RunState, StageStatus};
use crate::model::Side;
use crate::plan::file::Decommission;
use crate::run::view::{Next, View};

/// A step of a decommission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Finds out what became of a deletion that an earlier process may have asked for.
    Settle,
    /// Compares the counts of both sides with what was copied.
    Count,
    /// Asks for the confirmation of exactly this deletion.
    Confirm,
    /// Writes every record of the source to files.
    Snapshot,
    /// Reads the source, and compares it with the target and the snapshot.
    Look,
    /// Lifts the protection of the source.
    Lift,
    /// Looks again, because lifting the protection took time.
    LookAgain,
    /// Asks for the deletion of the source: the point of no return.
    Delete,
    /// Waits until the source is gone.
    SeeGone,
}

impl Step {
    pub fn name(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::Count => "count",
            Self::Confirm => "confirm",
            Self::Snapshot => "snapshot",
            Self::Look => "look",
            Self::Lift => "lift the protection",
            Self::LookAgain => "look again",
            Self::Delete => "delete",
            Self::SeeGone => "see it gone",
        }
    }
}

pub fn next(asked: &Decommission, view: View<'_>) -> Next<Step> {
    let stage = view.stage();
    if let Some(hold) = view.hold() {
        return Next::Wait(hold.clone());
    }
    if let Some(step) = view.first_left(&[Step::Settle], Step::name) {
        return Next::Take(step);
    }
    if stage.deleted {
        return Next::Done;
    }
    if stage.delete_intended {
        // Nothing else is left to decide.
        return Next::Take(Step::SeeGone);
    }
    if let Some(until) = wait_of(asked, view) {
        return Next::Wait(Hold::Time { until });
    }
    let is_lifted = stage.protection.contains_key(&Side::Source);
    let steps: &[Step] = match (stage.verdict.is_some(), asked.snapshot.is_some(), is_lifted) {
        (false, true, _) => &[Step::Count, Step::Confirm, Step::Snapshot, Step::Look],
        (false, false, _) => &[Step::Count, Step::Confirm, Step::Look],
        (true, _, true) => &[Step::Lift, Step::LookAgain, Step::Delete],
        (true, _, false) => &[Step::Lift, Step::Delete],
    };
    view.first_left(steps, Step::name).map_or(Next::Done, Next::Take)
}

/// Returns the end of the retention, if it has not passed.
fn wait_of(asked: &Decommission, view: View<'_>) -> Option<Timestamp> {
    let since = full_traffic_since(view.run).unwrap_or(view.terms.now);
    let end = after(since, asked.after?.0);
    (view.terms.now < end).then_some(end)
}

/// Returns when the weight was set to 100 %, or without a canary, when the previous stage ended.
fn full_traffic_since(state: &RunState) -> Option<Timestamp> {
    let full = state.stages.iter().filter(|stage| !stage.steps_passed.is_empty());
    let set = full.filter_map(|stage| stage.weight_set_at).max();
    let passed = state.stages.iter().filter(|stage| stage.status == StageStatus::Passed);
    set.or_else(|| passed.filter_map(|stage| stage.ended).max())
}
