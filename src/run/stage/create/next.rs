//! The steps of a create stage, and which of them comes next.

use crate::journal::{Route, RunState};
use crate::model::StageId;
use crate::plan::{CopyStage, Plan};
use crate::run::view::{Next, View};

/// A step of a create stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Checks that the target can hold what the source has.
    Match,
    /// Takes an index for its own that an earlier process asked for.
    Claim,
    /// Looks at the target: one that is there already has to be as asked.
    Look,
    /// Chooses the route of a copy, because an index that already exists cannot be made from a collection.
    Choose(StageId),
    /// Asks for the collection from which the target is made.
    AskCollection(StageId),
    /// Waits until the collection is ready.
    CollectionReady(StageId),
    /// Asks for the index.
    Create,
    /// Waits until the index is ready.
    Ready,
    /// Sets its protection as the plan says.
    Protect,
    /// Writes one record to a namespace of its own.
    Probe,
    /// Waits until it can be read.
    SeeProbe,
    /// Removes it, and waits until it is gone.
    RemoveProbe,
    Measure,
}

impl Step {
    /// Returns the name under which the journal keeps that the step was taken.
    pub fn name(&self) -> String {
        match self {
            Self::Match => "match".to_owned(),
            Self::Claim => "claim".to_owned(),
            Self::Look => "look".to_owned(),
            Self::Choose(copy) => format!("choose the route of {copy}"),
            Self::AskCollection(copy) => format!("ask for the collection of {copy}"),
            Self::CollectionReady(copy) => format!("see the collection of {copy}"),
            Self::Create => "create".to_owned(),
            Self::Ready => "see it ready".to_owned(),
            Self::Protect => "protect".to_owned(),
            Self::Probe => "probe".to_owned(),
            Self::SeeProbe => "see the probe".to_owned(),
            Self::RemoveProbe => "remove the probe".to_owned(),
            Self::Measure => "measure".to_owned(),
        }
    }
}

pub fn next(view: View<'_>) -> Next<Step> {
    let stage = view.stage();
    let is_left = |step: &Step| !stage.steps_taken.contains(&step.name());
    let is_made = stage.created_index.is_some();
    let mut steps = vec![Step::Match, Step::Claim, Step::Look];
    if !is_made {
        let open = view.plan.copies.iter().filter(|copy| view.run.route(&copy.id).is_none());
        steps.extend(open.map(|copy| Step::Choose(copy.id.clone())));
    }
    if !is_made && !stage.is_found {
        if let Some(copy) = collected(view.plan, view.run) {
            steps.push(Step::AskCollection(copy.id.clone()));
            steps.push(Step::CollectionReady(copy.id));
        }
        steps.push(Step::Create);
    }
    steps.extend([Step::Ready, Step::Protect]);
    steps.extend([Step::Probe, Step::SeeProbe, Step::RemoveProbe, Step::Measure]);
    steps.into_iter().find(is_left).map_or(Next::Done, Next::Take)
}

/// Returns the copy whose collection the target is made from. It is the plan's only copy, because such an index holds
/// the whole source unchanged.
pub(super) fn collected(plan: &Plan, state: &RunState) -> Option<CopyStage> {
    let is_collected = |copy: &&CopyStage| {
        state.route(&copy.id).is_some_and(|(route, _)| route == Route::Collection)
    };
    plan.copies.iter().find(is_collected).cloned()
}
