//! Checks traffic before it is trusted, moves it, and accepts weights that somebody else set.

use super::context::Context;
use super::context::guard;
use crate::error::Result;
use crate::journal::{Event, RunState};
use crate::model::{Share, TrafficChange};
use crate::plan::Plan;
use crate::plan::file::Canary;
use crate::traffic::{Driver, Standing, TrafficNow};

/// The result of trying to set a weight.
pub(super) enum Moved {
    Set,
    /// No weight was set, because somebody else has moved the traffic.
    Elsewhere(TrafficChange),
}

impl Context {
    /// Reads the traffic and compares it with what this run left; `None` if the plan moves none.
    pub(super) async fn traffic_now(&self) -> Option<TrafficNow> {
        let left = self.state.traffic.clone();
        match &self.driver {
            Some(driver) => Some(TrafficNow::look(&**driver, &left).await),
            None => None,
        }
    }

    /// Sets a weight if the traffic is still what this run left: records the intent, sets it, and reads it back.
    ///
    /// # Errors
    /// If the traffic could not be read, the weight was not set, or it is unknown whether it was.
    pub(super) async fn move_traffic(
        &self,
        driver: &dyn Driver,
        step: usize,
        weight: Share,
    ) -> Result<Moved> {
        let left = self.state.traffic.clone();
        let now = TrafficNow::look(driver, &left).await;
        if let Standing::Changed(change) = now.standing {
            return Ok(Moved::Elsewhere(change));
        }
        if let Some(error) = now.into_failure() {
            return Err(error);
        }
        guard::set_weight(self, driver, step, weight).await.map(|()| Moved::Set)
    }

    /// Accepts the current weight if somebody asked to continue from it. Returns whether that was so.
    pub(super) fn accept(
        &self,
        canary: &Canary,
        change: &TrafficChange,
        now: &TrafficNow,
    ) -> Result<bool> {
        let asked = self.state.traffic.accepting.clone();
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

/// Returns whether a canary later in the plan has begun and is therefore responsible for the traffic.
pub(super) fn is_moved_later(plan: &Plan, state: &RunState, index: usize) -> bool {
    plan.stages.iter().skip(index + 1).any(|stage| {
        stage.moves_traffic() && state.stage(&stage.id).is_some_and(|stage| stage.has_started())
    })
}
