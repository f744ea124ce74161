//! Moves traffic in steps: set the weight, read it back, watch it for the bake, judge.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::copy::{recorded_selections, selections};
use super::sampling::{Wanted, ask, seeded};
use super::verify::overlap_ks;
use super::{Acted, Check, Work};
use crate::assertion::{Judge, Measured, Progress as Judged, Series};
use crate::clock::{Timestamp, after, until};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Gate, Hold};
use crate::model::{Observed, Rate, Sample, Share, Span, Verdict};
use crate::plan::Assertion;
use crate::plan::file::{Canary, HookWhen, Step, StepApproval};
use crate::run::{Context, Progress};
use crate::traffic::{Confirmed, Driver, Probe, shift};

/// Queries a second where the plan does not say.
const RATE: f64 = 20.0;
/// Different queries where the plan does not say.
const QUERIES: u64 = 200;
/// Time between two looks at the assertions.
const TICK: Duration = Duration::from_secs(10);
/// Looks at the assertions in one bake of a rehearsal.
const REHEARSED_TICKS: u32 = 2;
/// The most queries a second a rehearsal sends to fill a window.
const REHEARSED_RATE: f64 = 100.0;

pub(super) struct CanaryWork(pub Canary);

#[async_trait]
impl Work for CanaryWork {
    async fn check(&self, _: &Context) -> Result<Check> {
        Ok(Check::Holds)
    }

    async fn act(&self, context: &Context) -> Result<Acted> {
        let driver = driver_of(context)?;
        let probe = self.probe(context).await?;
        for (index, step) in self.0.steps.iter().enumerate() {
            if context.state()?.steps_passed.contains(&index) {
                continue;
            }
            let gate = Gate { stage: context.id(), step: Some(index) };
            if step.approve == Some(StepApproval::Manual)
                && let Some(acted) = self.await_approval(context, &probe, index, gate).await?
            {
                return Ok(acted);
            }
            let of = format!("{}/{}", context.id(), index + 1);
            context.run_hooks(HookWhen::BeforeStep, Some(&of)).await?;
            set_weight(context, &*driver, index, step.weight).await?;
            let watched = match self.bake(context, &probe, index, step).await? {
                Baked::Judged(watched) => watched,
                Baked::Waits(until) => return Ok(Acted::Held(Hold::Time { until })),
            };
            match watched.verdict {
                Verdict::Pass => {
                    context.record(Event::StepPassed { stage: context.id(), step: index })?
                }
                Verdict::Fail => {
                    return Ok(Acted::Judged { verdict: Verdict::Fail, reason: watched.reason });
                }
                verdict => {
                    let reason =
                        format!("step {} at {}: {}", index + 1, step.weight, watched.reason);
                    return Ok(Acted::Held(Hold::Judgement { verdict, reason }));
                }
            }
            context.run_hooks(HookWhen::AfterStep, Some(&of)).await?;
        }
        Ok(Acted::Judged { verdict: Verdict::Pass, reason: String::new() })
    }

    async fn undo(&self, context: &Context) -> Result<String> {
        if !context.recorder.with_state(|state| state.traffic_touched) {
            return Ok("traffic was never moved".to_owned());
        }
        let driver = driver_of(context)?;
        set_weight(context, &*driver, 0, Share(0.0)).await?;
        Ok(format!("weight 0% ({})", driver.describe()))
    }

    fn failure_rolls_back(&self) -> bool {
        true
    }
}

/// How watching a step ended.
enum Baked {
    Judged(Watched),
    /// The bake goes on, and this process shall not wait for it.
    Waits(Timestamp),
}

struct Watched {
    verdict: Verdict,
    reason: String,
}

fn driver_of(context: &Context) -> Result<Arc<dyn Driver>> {
    context.driver.clone().ok_or_else(|| Error::invalid("a canary stage needs `traffic`"))
}

/// Sets a weight, durable intent first, and reads it back.
async fn set_weight(
    context: &Context,
    driver: &dyn Driver,
    step: usize,
    weight: Share,
) -> Result<()> {
    let stage = context.id();
    context.record(Event::WeightIntended { stage: stage.clone(), step, weight })?;
    let actual = match shift(driver, weight).await? {
        Confirmed::Actual => Some(weight),
        Confirmed::Requested => None,
    };
    context.record(Event::WeightSet { stage, step, weight, actual })
}

impl CanaryWork {
    async fn probe(&self, context: &Context) -> Result<Probe> {
        let world = &context.world;
        let mut copied = recorded_selections(context);
        if copied.is_empty() {
            copied = selections(&context.plan, &world.source.stats().await?)?;
        }
        let top_k = self.0.probe.top_k.unwrap_or(10);
        let count = self.0.probe.queries.unwrap_or(QUERIES);
        let wanted = Wanted { count, top_k, filtered: 0.0 };
        let mut rng = seeded(context, "canary");
        let queries: Arc<[_]> = ask(context, &copied, wanted, &mut rng).await?.queries.into();
        if queries.is_empty() {
            return Err(Error::new(ErrorKind::Conflict, "the source gave no record to probe with"));
        }
        let (target, source) = (world.measured_target.clone(), world.measured_source.clone());
        Ok(Probe::new(target, Some(source), queries, context.clock.clone())
            .with_overlap_at(overlap_ks(context, top_k)))
    }

    /// Waits for a person, judging all the time what is live already. `Some` where the stage ends here.
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
                // No traffic is on the target yet: there is nothing to judge.
                context.sleep(Duration::from_secs(2)).await?;
            } else {
                watch.measure(context, probe, self.rate(), TICK).await?;
                if watch.judge(context).await == Judged::Decided(Verdict::Fail) {
                    let watched = watch.end(context, index - 1)?;
                    return Ok(Some(Acted::Judged {
                        verdict: Verdict::Fail,
                        reason: watched.reason,
                    }));
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

    /// Watches one step for its bake. A bake that was interrupted goes on to its end with fresh measurements. A
    /// process that shall not wait looks once and leaves the rest to the next one, but for the last window: somebody
    /// has to measure that.
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
            if let Judged::Decided(verdict) = watch.judge(context).await
                && (verdict == Verdict::Fail || context.clock.now() >= ends)
            {
                return watch.end(context, index).map(Baked::Judged);
            }
            let now = context.clock.now();
            context.recorder.progress(&Progress {
                stage: context.id(),
                unit: "s of bake",
                done: until(began, now).as_secs(),
                total: until(began, ends).as_secs(),
                note: Some(format!("step {} at {}", index + 1, step.weight)),
            });
            if now >= ends {
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
        // What was measured before the interruption is gone: the longest window has to fill again.
        Ok(bake.ends.max(after(now, self.fresh(context, step))))
    }

    /// The time it takes to fill the longest window that is asserted, at most the bake.
    fn fresh(&self, context: &Context, step: &Step) -> Duration {
        let assertions = &context.stage().assertions;
        let longest =
            assertions.iter().filter_map(|assertion| assertion.over).max().map(|Span(span)| span);
        longest.unwrap_or(TICK).min(step.bake.0)
    }

    /// Measures for a while; on a rehearsal's clock skips what lies between two looks.
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

/// The measurements and the judge of one try of one step.
struct Watch {
    series: Mutex<Series>,
    judge: Judge,
    /// Samples that the most demanding assertion needs.
    needed: u64,
}

/// An assertion over a window is measured ten times a window where the plan does not say: at each tick, one bad
/// stretch would use up what is tolerated.
fn paced(assertion: &Assertion) -> Assertion {
    let every = assertion.every.or(assertion.over.map(|Span(over)| Span(over / 10)));
    Assertion { every, ..assertion.clone() }
}

impl Watch {
    fn new(context: &Context) -> Self {
        let now = context.clock.now();
        let assertions = &context.stage().assertions;
        let needed = assertions.iter().filter_map(|assertion| assertion.min_samples).max();
        Self {
            series: Mutex::new(Series::new(now, assertions)),
            judge: Judge::new(now, assertions.iter().map(paced), context.options.strict),
            needed: needed.unwrap_or(30),
        }
    }

    async fn measure(
        &mut self,
        context: &Context,
        probe: &Probe,
        rate: Rate,
        real: Duration,
    ) -> Result<()> {
        let series = &self.series;
        let mut sink = |sample: Sample| {
            series.lock().unwrap_or_else(PoisonError::into_inner).record(&sample);
        };
        probe.run_for(real, rate, &context.cancel, &mut sink).await?;
        context.stop_if_cancelled()
    }

    async fn judge(&mut self, context: &Context) -> Judged {
        let mut extra = Measured::default();
        match driver_of(context) {
            Err(error) => extra.set_not_measured("weight", error.to_string()),
            Ok(driver) => match driver.read().await {
                Ok(Some(weight)) => extra.set("weight", Observed::Share(weight.0), 1),
                Ok(None) => extra.set_not_measured("weight", "the driver cannot read it back"),
                Err(error) => extra.set_not_measured("weight", error.to_string()),
            },
        };
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        self.judge.tick(context.clock.now(), &series, &extra)
    }

    fn end(&self, context: &Context, step: usize) -> Result<Watched> {
        let judgements = self.judge.judgements();
        context.record_judgements(&judgements, Some(step))?;
        let combined = context.combine(&judgements);
        Ok(Watched { verdict: combined.verdict, reason: combined.reason })
    }
}
