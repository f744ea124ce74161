//! Moves traffic in steps: set the weight, read it back, watch it for the bake, judge.

mod next;
mod watch;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

pub use self::next::Step;
use self::next::fresh;
pub(super) use self::next::next;
use self::watch::{Looked, Watch};
use super::check::Check;
use crate::assertion::Progress as Judged;
use crate::clock::{Timestamp, after, until};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Hold};
use crate::model::{Share, TrafficChange, Verdict};
use crate::plan::file::{Canary, Step as Asked};
use crate::run::context::guard::set_weight;
use crate::run::sample::{Wanted, ask, overlap_ks, seeded};
use crate::run::selection::{recorded_selections, selections};
use crate::run::traffic::{Moved, is_moved_later};
use crate::run::{Context, Note, Progress};
use crate::traffic::{Driver, Probe, ProbeQuery, Seen, Standing};

/// The default number of distinct queries.
const QUERIES: u64 = 200;
/// The pause between two looks at the traffic while an approval is waited for.
const LOOK: Duration = Duration::from_secs(2);

pub(super) async fn check(asked: &Canary, context: &Context) -> Result<Check> {
    let state = &context.state;
    let is_over = state.is_past_no_return() || is_moved_later(&context.plan, state, context.index);
    let now = if is_over { None } else { context.traffic_now().await };
    let Some(now) = now else { return Ok(Check::Holds) };
    match &now.standing {
        Standing::Changed(change) if context.state.is_open() => {
            match context.accept(asked, change, &now)? {
                true => Ok(Check::Holds),
                false => Ok(Check::Moved(change.clone())),
            }
        }
        Standing::Changed(change) => Ok(Check::Moved(change.clone())),
        Standing::AsLeft => Ok(Check::Holds),
        Standing::Unknown => now.into_failure().map_or(Ok(Check::Holds), Err),
    }
}

/// Takes the traffic back, whoever moved it; does nothing if this run never set a weight.
pub(super) async fn undo(context: &Context) -> Result<String> {
    let left = context.state.traffic.clone();
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

pub(super) async fn take(step: Step, asked: &Canary, context: &Context) -> Result<()> {
    match step {
        Step::Settle => settle(asked, context).await,
        Step::Look => {
            context.sleep(LOOK).await?;
            settle(asked, context).await
        }
        Step::Attend(live) => attend(asked, context, live).await,
        Step::Shift(at) => {
            let weight = weight_of(asked, context, at)?;
            match context.move_traffic(&*driver_of(context)?, at, weight).await? {
                Moved::Set => Ok(()),
                Moved::Elsewhere(change) => held(context, change),
            }
        }
        Step::Bake(at) => {
            let ends = bake_end(context, at, step_of(asked, at)?)?;
            context.record(Event::BakeStarted { stage: context.id(), step: at, ends })
        }
        Step::Watch(at) => watch(asked, context, at).await,
        Step::Finish => judged(context, Verdict::Pass, String::new()),
    }
}

fn driver_of(context: &Context) -> Result<Arc<dyn Driver>> {
    context.driver.clone().ok_or_else(|| Error::invalid("a canary stage needs `traffic`"))
}

fn step_of(asked: &Canary, at: usize) -> Result<&Asked> {
    asked.steps.get(at).ok_or_else(|| Error::unexpected("the canary has no such step"))
}

/// Returns the weight of a step: the one that somebody accepted, or else the plan's.
fn weight_of(asked: &Canary, context: &Context, at: usize) -> Result<Share> {
    let accepted = context.stage_state()?.accepted.filter(|(accepted, _)| *accepted == at);
    Ok(accepted.map_or(step_of(asked, at)?.weight, |(_, weight)| weight))
}

fn held(context: &Context, change: TrafficChange) -> Result<()> {
    context.record(Event::StageHeld { stage: context.id(), hold: Hold::Traffic { change } })
}

fn judged(context: &Context, verdict: Verdict, reason: String) -> Result<()> {
    context.record(Event::StageJudged { stage: context.id(), verdict, reason })
}

/// Checks that the traffic is what the run left or what somebody has accepted, and holds the stage if it is neither.
async fn settle(asked: &Canary, context: &Context) -> Result<()> {
    driver_of(context)?;
    let Some(now) = context.traffic_now().await else { return Ok(()) };
    match &now.standing {
        Standing::Changed(change) if context.accept(asked, change, &now)? => Ok(()),
        Standing::Changed(change) => held(context, change.clone()),
        Standing::AsLeft => Ok(()),
        Standing::Unknown => now.into_failure().map_or(Ok(()), Err),
    }
}

/// Judges what is live while the approval of the next step is waited for.
async fn attend(asked: &Canary, context: &Context, live: usize) -> Result<()> {
    let probe = probe(asked, context).await?;
    let mut watch = Watch::of(context, live)?;
    watch.measure(context, &probe, asked.probe.rate, next::TICK).await?;
    let looked = watch.judge(context, false).await?;
    watch.keep(context)?;
    match looked {
        Looked::Judged(Judged::Decided(Verdict::Fail)) => {
            let (verdict, reason) = watch.end(context)?;
            judged(context, verdict, reason)
        }
        Looked::Judged(_) => Ok(()),
        Looked::Moved(change) => held(context, change),
    }
}

/// Watches a step for a short while, and ends it when its bake is over or an assertion has failed.
async fn watch(asked: &Canary, context: &Context, at: usize) -> Result<()> {
    let (probe, step) = (probe(asked, context).await?, step_of(asked, at)?);
    let bake = context.stage_state()?.bake;
    let bake = bake.ok_or_else(|| Error::unexpected("the bake was not begun"))?;
    let mut watch = Watch::of(context, at)?;
    watch.tick(context, &probe, asked.probe.rate, (step, bake.ends)).await?;
    let now = context.clock.now();
    let is_over = now >= bake.ends;
    let looked = watch.judge(context, is_over).await?;
    watch.keep(context)?;
    context.progress(&Progress {
        stage: context.id(),
        unit: Progress::SECONDS_OF_BAKE,
        done: until(bake.started, now).as_secs(),
        total: until(bake.started, bake.ends).as_secs(),
        note: Some(Note::Remark(format!("step {} at {}", at + 1, step.weight))),
    });
    match looked {
        Looked::Moved(change) => {
            watch.end(context)?;
            held(context, change)
        }
        Looked::Judged(Judged::Decided(Verdict::Fail)) => end(asked, context, &watch, at),
        Looked::Judged(_) if is_over => end(asked, context, &watch, at),
        Looked::Judged(_) => {
            // Another process may measure the rest; what was seen so far is reported meanwhile.
            if context.must_detach() && until(now, bake.ends) > fresh(context.stage(), step) {
                watch.end(context)?;
            }
            Ok(())
        }
    }
}

/// Records how a step ended.
fn end(asked: &Canary, context: &Context, watch: &Watch, at: usize) -> Result<()> {
    let (verdict, reason) = watch.end(context)?;
    match verdict {
        Verdict::Pass => context.record(Event::StepPassed { stage: context.id(), step: at }),
        Verdict::Fail => judged(context, Verdict::Fail, reason),
        verdict => {
            let weight = weight_of(asked, context, at)?;
            judged(context, verdict, format!("step {} at {weight}: {reason}", at + 1))
        }
    }
}

async fn probe(asked: &Canary, context: &Context) -> Result<Probe> {
    let world = &context.world;
    let limit = asked.probe.limit.unwrap_or(10);
    let queries = queries(asked, context, limit).await?;
    let (target, source) = (world.measured_target.must_search()?, world.measured_source.search());
    Ok(Probe::new(target, source, queries, context.clock.clone())
        .with_overlap_at(overlap_ks(context, limit)))
}

/// Returns the queries of the stage, the same ones for the same plan and source.
async fn queries(asked: &Canary, context: &Context, limit: u32) -> Result<Arc<[ProbeQuery]>> {
    let all = || context.queries.lock().unwrap_or_else(PoisonError::into_inner);
    let known = all().get(&context.id()).cloned();
    if let Some(queries) = known {
        return Ok(queries);
    }
    let mut copied = recorded_selections(context);
    if copied.is_empty() {
        copied = selections(&context.plan, &context.world.source.stats().await?)?;
    }
    let count = asked.probe.queries.unwrap_or(QUERIES);
    let using = asked.probe.using.as_deref();
    let wanted = Wanted { count, limit, filtered: 0.0, using };
    let mut rng = seeded(&context.plan, "canary");
    let queries: Arc<[_]> = ask(context, &copied, wanted, &mut rng).await?.queries.into();
    if queries.is_empty() {
        return Err(Error::new(ErrorKind::Conflict, "the source gave no record to probe with"));
    }
    all().insert(context.id(), queries.clone());
    Ok(queries)
}

/// Returns the end of a bake that begins now, or goes on with fresh measurements.
fn bake_end(context: &Context, at: usize, step: &Asked) -> Result<Timestamp> {
    let now = context.clock.now();
    let Some(bake) = context.stage_state()?.bake.filter(|bake| bake.step == at) else {
        return Ok(after(now, step.bake.0));
    };
    // What was measured before the interruption does not count, so the longest window has to fill again.
    Ok(bake.ends.max(after(now, fresh(context.stage(), step))))
}
