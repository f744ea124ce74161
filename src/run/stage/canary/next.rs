//! The steps of a canary, and which of them comes next.

use std::time::Duration;

use crate::clock::until;
use crate::journal::{Gate, Hold};
use crate::model::Span;
use crate::plan::Stage;
use crate::plan::file::{Canary, HookWhen, Step as Asked, StepApproval};
use crate::run::hooks;
use crate::run::view::{Next, View};

/// A step of a canary; the numbers are those of its own steps, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Checks that the traffic is where the run left it, or where somebody accepted it.
    Settle,
    /// Does the same again while an approval is waited for.
    Look,
    /// Measures and judges what is live already while the approval of the next step is waited for.
    Attend(usize),
    Shift(usize),
    /// Begins the bake.
    Bake(usize),
    /// Measures and judges for a while.
    Watch(usize),
    /// Ends the stage after its last step.
    Finish,
}

impl Step {
    /// Returns the name under which the journal keeps that the step was taken; `None` for one that is taken again and
    /// again.
    pub fn name(self) -> Option<String> {
        match self {
            Self::Settle => Some("settle".to_owned()),
            Self::Shift(step) => Some(format!("shift {}", step + 1)),
            Self::Bake(step) => Some(format!("bake {}", step + 1)),
            Self::Look | Self::Attend(_) | Self::Watch(_) | Self::Finish => None,
        }
    }
}

/// The time between two evaluations of the assertions where nothing says otherwise.
pub(super) const TICK: Duration = Duration::from_secs(10);

pub fn next(asked: &Canary, view: View<'_>) -> Next<Step> {
    let stage = view.stage();
    if stage.verdict.is_some() {
        return Next::Done;
    }
    match view.hold() {
        Some(hold @ (Hold::Traffic { .. } | Hold::Time { .. })) => return Next::Wait(hold.clone()),
        // Nobody watches while no process waits.
        Some(hold @ Hold::Approval { .. }) if view.terms.detaches => {
            return Next::Wait(hold.clone());
        }
        _ => {}
    }
    let is_left = |step: Step| step.name().is_some_and(|name| !stage.steps_taken.contains(&name));
    if is_left(Step::Settle) {
        return Next::Take(Step::Settle);
    }
    let hook = |when: HookWhen, step: usize| {
        let of = format!("{}/{}", stage.id, step + 1);
        hooks::of_stage(view.plan, view.run, (when, view.index), &of).map(Next::Hook)
    };
    if let Some(next) = stage.last_passed.and_then(|step| hook(HookWhen::AfterStep, step)) {
        return next;
    }
    let open = asked.steps.iter().enumerate().find(|(at, _)| !stage.steps_passed.contains(at));
    let Some((at, step)) = open else { return Next::Take(Step::Finish) };
    let is_accepted = stage.accepted.is_some_and(|(accepted, _)| accepted == at);
    if step.approve == Some(StepApproval::Manual)
        && !is_accepted
        && let Some(next) = await_approval(view, at)
    {
        return next;
    }
    if let Some(next) = hook(HookWhen::BeforeStep, at) {
        return next;
    }
    let begin = [Step::Shift(at), Step::Bake(at)].into_iter().find(|step| is_left(*step));
    if let Some(step) = begin {
        return Next::Take(step);
    }
    // A process that does not wait measures once and leaves the rest to the next one, except for the last window, which
    // somebody has to measure.
    let has_looked = stage.watch.as_ref().is_some_and(|watch| watch.step == at);
    match stage.bake.filter(|bake| bake.step == at).map(|bake| bake.ends) {
        Some(ends)
            if view.terms.detaches
                && has_looked
                && until(view.terms.now, ends) > fresh(view.asked(), step) =>
        {
            Next::Wait(Hold::Time { until: ends })
        }
        _ => Next::Take(Step::Watch(at)),
    }
}

/// Decides what to do until somebody has approved a step: what is live already is judged meanwhile.
fn await_approval(view: View<'_>, at: usize) -> Option<Next<Step>> {
    let stage = view.stage();
    let gate = Gate { stage: stage.id.clone(), step: Some(at) };
    if view.run.approvals.contains(&gate) {
        return None;
    }
    if view.terms.is_rehearsal || !view.run.requested.contains(&gate) {
        return Some(Next::Ask(gate));
    }
    let moment = (HookWhen::Paused, view.index);
    let has_hook = hooks::of_stage(view.plan, view.run, moment, stage.id.as_str()).is_some();
    let hold = Hold::Approval { gate };
    if has_hook || view.terms.detaches || stage.hold.as_ref() != Some(&hold) {
        return Some(Next::Wait(hold));
    }
    Some(Next::Take(match at.checked_sub(1) {
        // The target has no traffic yet, so there is nothing to judge.
        None => Step::Look,
        Some(live) => Step::Attend(live),
    }))
}

/// Returns the time to fill the longest asserted window, at most the bake itself.
pub(super) fn fresh(stage: &Stage, step: &Asked) -> Duration {
    let windows = stage.assertions.iter().filter_map(|assertion| assertion.over);
    windows.max().map_or(TICK, |Span(span)| span).min(step.bake.0)
}
