//! Moves traffic in steps: set the weight, read it back, watch it for the bake, judge.

mod watch;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::copy::{recorded_selections, selections};
use super::sampling::{Wanted, ask, seeded};
use super::verify::overlap_ks;
use super::{Acted, Check, Work};
use crate::assertion::Progress as Judged;
use crate::clock::{Timestamp, after, until};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Gate, Hold};
use crate::model::{Rate, Share, Span, TrafficChange, Verdict};
use crate::plan::file::{Canary, HookWhen, Step, StepApproval};
use crate::run::guard::set_weight;
use crate::run::traffic::{Moved, is_moved_later};
use crate::run::{Context, Progress};
use crate::traffic::{Driver, Probe, Seen, Standing};
use watch::{Looked, Watch, Watched};

/// The default rate of queries per second.
const RATE: f64 = 20.0;
/// The default number of distinct queries.
const QUERIES: u64 = 200;
/// The time between two evaluations of the assertions.
const TICK: Duration = Duration::from_secs(10);
/// Evaluations of the assertions during one bake of a rehearsal.
const REHEARSED_TICKS: u32 = 2;
/// The most queries per second that a rehearsal sends to fill a window.
const REHEARSED_RATE: f64 = 100.0;

pub(super) struct CanaryWork(pub Canary);

#[async_trait]
impl Work for CanaryWork {
    async fn check(&self, context: &Context) -> Result<Check> {
        let is_over = context.recorder.with_state(|state| {
            state.is_past_no_return() || is_moved_later(&context.plan, state, context.index)
        });
        let now = if is_over { None } else { context.traffic_now().await };
        let Some(now) = now else { return Ok(Check::Holds) };
        match &now.standing {
            Standing::Changed(change) if context.recorder.with_state(|state| state.is_open()) => {
                match context.accept(&self.0, change, &now)? {
                    true => Ok(Check::Holds),
                    false => Ok(Check::Moved(change.clone())),
                }
            }
            Standing::Changed(change) => Ok(Check::Moved(change.clone())),
            Standing::AsLeft => Ok(Check::Holds),
            Standing::Unknown => now.into_failure().map_or(Ok(Check::Holds), Err),
        }
    }

    async fn act(&self, context: &Context) -> Result<Acted> {
        let driver = driver_of(context)?;
        if let Some(change) = self.settle(context).await? {
            return Ok(held(change));
        }
        let probe = self.probe(context).await?;
        for (index, step) in self.0.steps.iter().enumerate() {
            if context.state()?.steps_passed.contains(&index) {
                continue;
            }
            if let Some(acted) = self.step(context, &*driver, &probe, index, step).await? {
                return Ok(acted);
            }
        }
        Ok(Acted::Judged { verdict: Verdict::Pass, reason: String::new() })
    }

    /// Takes the traffic back, whoever moved it; does nothing if this run never set a weight.
    async fn undo(&self, context: &Context) -> Result<String> {
        let left = context.recorder.with_state(|state| state.traffic.clone());
        if !left.is_touched() {
            return Ok("traffic was never moved".to_owned());
        }
        let driver = driver_of(context)?;
        let place = driver.describe();
        let mut was = String::new();
        match driver.read().await {
            Ok(Seen::Weight { share, print }) if share.is_same(Share(0.0)) => {
                let (stage, weight) = (context.id(), Share(0.0));
                let actual = Some(weight);
                let set = Event::WeightSet { stage, step: 0, weight, actual, print, despite: None };
                context.record(set)?;
                return Ok(format!("the weight is 0% already ({place})"));
            }
            Ok(Seen::Unset(what)) => {
                return Ok(format!("nothing sends traffic to the target: {what} ({place})"));
            }
            Ok(Seen::Foreign(what)) if left.left.is_none() => {
                return Ok(format!("no weight was ever set, and {what} ({place})"));
            }
            Ok(Seen::Weight { share, .. })
                if left.weight().is_some_and(|weight| !weight.is_same(share)) =>
            {
                was = format!("; it was {share} before, which the run had not set");
            }
            _ => {}
        }
        set_weight(context, &*driver, 0, Share(0.0)).await?;
        Ok(format!("weight 0% ({place}){was}"))
    }

    fn failure_rolls_back(&self) -> bool {
        true
    }
}

/// The result of watching a step.
enum Baked {
    Judged(Watched),
    /// The bake continues, but this process does not wait for it.
    Waits(Timestamp),
    /// Somebody else moved the traffic, so the measurements do not belong to the step.
    Moved(TrafficChange),
}

fn driver_of(context: &Context) -> Result<Arc<dyn Driver>> {
    context.driver.clone().ok_or_else(|| Error::invalid("a canary stage needs `traffic`"))
}

fn held(change: TrafficChange) -> Acted {
    Acted::Held(Hold::Traffic { change })
}

impl CanaryWork {
    /// Checks that the traffic is what the run left or what somebody has accepted; `Some` if it is neither.
    async fn settle(&self, context: &Context) -> Result<Option<TrafficChange>> {
        let Some(now) = context.traffic_now().await else { return Ok(None) };
        match &now.standing {
            Standing::Changed(change) if context.accept(&self.0, change, &now)? => Ok(None),
            Standing::Changed(change) => Ok(Some(change.clone())),
            Standing::AsLeft => Ok(None),
            Standing::Unknown => now.into_failure().map_or(Ok(None), Err),
        }
    }

    /// Performs one step from its approval to its verdict; `Some` if the stage ends here.
    async fn step(
        &self,
        context: &Context,
        driver: &dyn Driver,
        probe: &Probe,
        index: usize,
        step: &Step,
    ) -> Result<Option<Acted>> {
        let accepted = context.state()?.accepted.filter(|(accepted, _)| *accepted == index);
        let weight = accepted.map_or(step.weight, |(_, weight)| weight);
        let gate = Gate { stage: context.id(), step: Some(index) };
        if step.approve == Some(StepApproval::Manual)
            && accepted.is_none()
            && let Some(acted) = self.await_approval(context, probe, index, gate).await?
        {
            return Ok(Some(acted));
        }
        let of = format!("{}/{}", context.id(), index + 1);
        context.run_hooks(HookWhen::BeforeStep, Some(&of)).await?;
        if let Moved::Elsewhere(change) = context.move_traffic(driver, index, weight).await? {
            return Ok(Some(held(change)));
        }
        let watched = match self.bake(context, probe, index, step).await? {
            Baked::Judged(watched) => watched,
            Baked::Waits(until) => return Ok(Some(Acted::Held(Hold::Time { until }))),
            Baked::Moved(change) => return Ok(Some(held(change))),
        };
        match watched.verdict {
            Verdict::Pass => {
                context.record(Event::StepPassed { stage: context.id(), step: index })?
            }
            Verdict::Fail => {
                return Ok(Some(Acted::Judged { verdict: Verdict::Fail, reason: watched.reason }));
            }
            verdict => {
                let reason = format!("step {} at {weight}: {}", index + 1, watched.reason);
                return Ok(Some(Acted::Held(Hold::Judgement { verdict, reason })));
            }
        }
        context.run_hooks(HookWhen::AfterStep, Some(&of)).await?;
        Ok(None)
    }

    async fn probe(&self, context: &Context) -> Result<Probe> {
        let world = &context.world;
        let mut copied = recorded_selections(context);
        if copied.is_empty() {
            copied = selections(&context.plan, &world.source.stats().await?)?;
        }
        let top_k = self.0.probe.top_k.unwrap_or(10);
        let count = self.0.probe.queries.unwrap_or(QUERIES);
        let wanted = Wanted { count, top_k, filtered: 0.0 };
        let mut rng = seeded(&context.plan, "canary");
        let queries: Arc<[_]> = ask(context, &copied, wanted, &mut rng).await?.queries.into();
        if queries.is_empty() {
            return Err(Error::new(ErrorKind::Conflict, "the source gave no record to probe with"));
        }
        let (target, source) =
            (world.measured_target.must_search()?, world.measured_source.search());
        Ok(Probe::new(target, source, queries, context.clock.clone())
            .with_overlap_at(overlap_ks(context, top_k)))
    }

    /// Waits for an approval while judging what is already live; `Some` if the stage ends here.
    async fn await_approval(
        &self,
        context: &Context,
        probe: &Probe,
        index: usize,
        gate: Gate,
    ) -> Result<Option<Acted>> {
        if context.is_approved(&gate) {
            return self.note_approval(context, gate).map(|()| None);
        }
        let hold = Hold::Approval { gate: gate.clone() };
        let is_asked = context.recorder.with_state(|state| state.requested.contains(&gate));
        if !is_asked {
            context.record(Event::ApprovalRequested { gate: gate.clone() })?;
        }
        if context.state()?.hold.as_ref() != Some(&hold) {
            context.record(Event::StageHeld { stage: context.id(), hold: hold.clone() })?;
            context.run_hooks(HookWhen::Paused, Some(context.id().as_str())).await?;
        }
        let mut watch = Watch::new(context);
        while !context.is_approved(&gate) {
            if context.must_detach() {
                return Ok(Some(Acted::Held(hold)));
            }
            if index == 0 {
                // The target has no traffic yet, so there is nothing to judge.
                if let Some(change) = self.settle(context).await? {
                    return Ok(Some(held(change)));
                }
                context.sleep(Duration::from_secs(2)).await?;
            } else {
                watch.measure(context, probe, self.rate(), TICK).await?;
                match watch.judge(context, false).await? {
                    Looked::Judged(Judged::Decided(Verdict::Fail)) => {
                        let Watched { verdict, reason } = watch.end(context, index - 1)?;
                        return Ok(Some(Acted::Judged { verdict, reason }));
                    }
                    Looked::Judged(_) => {}
                    Looked::Moved(change) => return Ok(Some(held(change))),
                }
            }
            context.attend()?;
        }
        Ok(None)
    }

    fn note_approval(&self, context: &Context, gate: Gate) -> Result<()> {
        let is_recorded = context.recorder.with_state(|state| state.approvals.contains(&gate));
        if is_recorded {
            return Ok(());
        }
        context.record(Event::ApprovalRequested { gate: gate.clone() })?;
        context.record(Event::Approved { gate, by: "the rehearsal".to_owned() })
    }

    /// Watches one step until the end of its bake. An interrupted bake continues with fresh measurements. A process
    /// that does not wait evaluates once and leaves the rest to the next one, except for the last window, which
    /// somebody has to measure.
    async fn bake(
        &self,
        context: &Context,
        probe: &Probe,
        index: usize,
        step: &Step,
    ) -> Result<Baked> {
        let ends = self.bake_end(context, index, step)?;
        context.record(Event::BakeStarted { stage: context.id(), step: index, ends })?;
        let began = context.clock.now();
        let mut watch = Watch::new(context);
        loop {
            self.tick(context, probe, &mut watch, step, ends).await?;
            let is_over = context.clock.now() >= ends;
            match watch.judge(context, is_over).await? {
                Looked::Moved(change) => {
                    watch.end(context, index)?;
                    return Ok(Baked::Moved(change));
                }
                Looked::Judged(Judged::Decided(verdict)) if verdict == Verdict::Fail || is_over => {
                    return watch.end(context, index).map(Baked::Judged);
                }
                Looked::Judged(_) => {}
            }
            let now = context.clock.now();
            context.recorder.progress(&Progress {
                stage: context.id(),
                unit: Progress::SECONDS_OF_BAKE,
                done: until(began, now).as_secs(),
                total: until(began, ends).as_secs(),
                note: Some(format!("step {} at {}", index + 1, step.weight)),
            });
            if is_over {
                return watch.end(context, index).map(Baked::Judged);
            }
            if context.must_detach() && until(now, ends) > self.fresh(context, step) {
                watch.end(context, index)?;
                return Ok(Baked::Waits(ends));
            }
        }
    }

    fn bake_end(&self, context: &Context, index: usize, step: &Step) -> Result<Timestamp> {
        let now = context.clock.now();
        let Some(bake) = context.state()?.bake.filter(|bake| bake.step == index) else {
            return Ok(after(now, step.bake.0));
        };
        // Measurements from before the interruption are lost, so the longest window has to fill again.
        Ok(bake.ends.max(after(now, self.fresh(context, step))))
    }

    /// Returns the time to fill the longest asserted window, at most the bake itself.
    fn fresh(&self, context: &Context, step: &Step) -> Duration {
        let assertions = &context.stage().assertions;
        let longest =
            assertions.iter().filter_map(|assertion| assertion.over).max().map(|Span(span)| span);
        longest.unwrap_or(TICK).min(step.bake.0)
    }

    /// Measures until the next evaluation. On a rehearsal's clock, skips most of the time in between.
    async fn tick(
        &self,
        context: &Context,
        probe: &Probe,
        watch: &mut Watch,
        step: &Step,
        ends: Timestamp,
    ) -> Result<()> {
        let left = until(context.clock.now(), ends);
        if !context.clock.is_scaled() {
            let tick = TICK.min(left.max(Duration::from_millis(100)));
            return watch.measure(context, probe, self.rate(), tick).await;
        }
        let stride = step.bake.0 / REHEARSED_TICKS;
        let needed = watch.needed as f64;
        let seconds = (needed * 1.2 / REHEARSED_RATE).clamp(0.25, 10.0);
        let real = Duration::from_secs_f64(seconds);
        context.clock.skip(stride.saturating_sub(real).min(left));
        let rate = Rate(self.rate().0.max(needed * 1.2 / seconds).max(40.0));
        watch.measure(context, probe, rate, real).await
    }

    fn rate(&self) -> Rate {
        self.0.probe.rate.unwrap_or(Rate(RATE))
    }
}
