//! The traffic of a run: looking at it before it is trusted, moving it, going on from what somebody else set.

use super::context::Context;
use super::guard;
use crate::error::Result;
use crate::journal::{Event, RunState};
use crate::model::{Share, TrafficChange};
use crate::plan::Plan;
use crate::plan::file::{Canary, StageKind};
use crate::traffic::{Driver, Standing, TrafficNow};

/// What became of setting a weight.
pub(super) enum Moved {
    Set,
    /// No weight was set: somebody else moved the traffic.
    Elsewhere(TrafficChange),
}

impl Context {
    /// The traffic as it is now, next to what this run left; `None` where the plan moves none.
    pub(super) async fn traffic_now(&self) -> Option<TrafficNow> {
        let left = self.recorder.with_state(|state| state.traffic.clone());
        match &self.driver {
            Some(driver) => Some(TrafficNow::look(&**driver, &left).await),
            None => None,
        }
    }

    /// Sets a weight where the traffic is what this run left: durable intent first, and a look at it afterwards.
    ///
    /// # Errors
    /// Where the traffic could not be read, or the weight is not set or nobody knows.
    pub(super) async fn move_traffic(
        &self,
        driver: &dyn Driver,
        step: usize,
        weight: Share,
    ) -> Result<Moved> {
        let left = self.recorder.with_state(|state| state.traffic.clone());
        let now = TrafficNow::look(driver, &left).await;
        if let Standing::Changed(change) = now.standing {
            return Ok(Moved::Elsewhere(change));
        }
        if let Some(error) = now.into_failure() {
            return Err(error);
        }
        guard::set_weight(self, driver, step, weight).await.map(|()| Moved::Set)
    }

    /// Takes up that somebody wants to go on from the weight that is there; whether it was so.
    pub(super) fn accept(
        &self,
        canary: &Canary,
        change: &TrafficChange,
        now: &TrafficNow,
    ) -> Result<bool> {
        let asked = self.recorder.with_state(|state| state.traffic.accepting.clone());
        let (Some((weight, by)), Some(to)) = (asked, change.to) else { return Ok(false) };
        if !weight.is_same(to) {
            return Ok(false);
        }
        let step = reached(canary, to);
        let print = now.print();
        self.record(Event::WeightAccepted { stage: self.id(), step, weight: to, print, by })?;
        Ok(true)
    }
}

/// The highest step at or below a weight.
fn reached(canary: &Canary, weight: Share) -> Option<usize> {
    canary.steps.iter().rposition(|step| step.weight <= weight || step.weight.is_same(weight))
}

/// Whether a canary of the plan behind `index` has begun, so that the traffic is its matter.
pub(super) fn is_moved_later(plan: &Plan, state: &RunState, index: usize) -> bool {
    plan.stages_in_order().skip(index + 1).any(|(stage, checked)| {
        matches!(stage.kind, StageKind::Canary(_))
            && state.stage(&checked.id).is_some_and(|stage| stage.has_started())
    })
}
