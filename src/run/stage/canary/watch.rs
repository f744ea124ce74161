//! Measures and judges one step for a while, and checks where the traffic is.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::next::TICK;
use crate::assertion::{Judge, Measured, Progress as Judged, Readings, Series};
use crate::clock::{Timestamp, after, until};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, WatchState};
use crate::model::{Observed, Rate, Sample, Samples, Span, TrafficChange, Verdict};
use crate::plan::Assertion;
use crate::plan::file::Step as Asked;
use crate::run::Context;
use crate::run::contents::{Depth, Look};
use crate::run::judge::{combine, judged};
use crate::traffic::{Probe, Standing, TrafficNow};

/// The number of failed reads of the traffic in a row after which measurements cannot be attributed to a weight.
const MOST_BLIND: u32 = 3;
/// The default rate of queries per second.
const RATE: f64 = 20.0;
/// The time after which a step that has gone well is evaluated less often, and how often then.
const SETTLED: Duration = Duration::from_secs(600);
const LONG_TICK: Duration = Duration::from_secs(30);
/// Evaluations of the assertions during one bake of a rehearsal.
const REHEARSED_TICKS: u32 = 2;
/// The most queries per second that a rehearsal sends to fill a window.
const REHEARSED_RATE: f64 = 100.0;
/// Parts of the shortest window in which samples are kept.
const PARTS: u32 = 60;

/// The measurements and the judge of one attempt at a step, as far as they have come.
pub(super) struct Watch {
    step: usize,
    started: Timestamp,
    series: Series,
    judge: Judge,
    /// Samples that were taken now, by the beginning of their part.
    taken: BTreeMap<Timestamp, Samples>,
    /// The number of failed reads of the traffic in a row.
    blind: u32,
    is_blind: bool,
}

/// The result of one evaluation.
pub(super) enum Looked {
    Judged(Judged),
    /// The traffic is not where the run left it.
    Moved(TrafficChange),
}

/// Sets the default interval of an assertion over a window to a tenth of that window. Evaluated at every tick, a single
/// bad stretch would use up all the tolerated failures.
fn paced(assertion: &Assertion) -> Assertion {
    let every = assertion.every.or(assertion.over.map(|Span(over)| Span(over / 10)));
    Assertion { every, ..assertion.clone() }
}

impl Watch {
    /// Goes on with what was measured of this step, or begins to watch it.
    pub fn of(context: &Context, step: usize) -> Result<Self> {
        let known = context.stage_state()?.watch.as_ref().filter(|watch| watch.step == step);
        let watch = known.cloned().unwrap_or_else(|| WatchState::begin(step, context.clock.now()));
        let assertions = &context.stage().assertions;
        let mut series = Series::new(watch.started, assertions);
        watch.parts.iter().for_each(|(at, samples)| series.add(*at, samples));
        let judge = Judge::new(watch.started, assertions.iter().map(paced), context.options.strict);
        let readings: Option<Readings> =
            serde_json::from_value(watch.readings).map_err(|error| {
                Error::unexpected("the readings of a step cannot be read").with_source(error)
            })?;
        Ok(Self {
            step,
            started: watch.started,
            series,
            judge: judge.resume(readings.unwrap_or_default()),
            taken: BTreeMap::new(),
            blind: watch.blind,
            is_blind: false,
        })
    }

    /// Measures until the next evaluation. On a rehearsal's clock, skips most of the time in between.
    pub async fn tick(
        &mut self,
        context: &Context,
        probe: &Probe,
        rate: Option<Rate>,
        (step, ends): (&Asked, Timestamp),
    ) -> Result<()> {
        let now = context.clock.now();
        let left = until(now, ends);
        if !context.clock.is_scaled() {
            let tick = match until(self.started, now) < SETTLED {
                true => TICK,
                false => LONG_TICK,
            };
            let tick = tick.min(left.max(Duration::from_millis(100)));
            return self.measure(context, probe, rate, tick).await;
        }
        let needed = context.stage().assertions.iter().filter_map(|one| one.min_samples).max();
        let needed = needed.unwrap_or(30) as f64;
        let stride = step.bake.0 / REHEARSED_TICKS;
        let seconds = (needed * 1.2 / REHEARSED_RATE).clamp(0.25, 10.0);
        let real = Duration::from_secs_f64(seconds);
        context.clock.skip(stride.saturating_sub(real).min(left));
        let rate = rate.unwrap_or(Rate(RATE)).0;
        let rate = Rate(rate.max(needed * 1.2 / seconds).max(40.0));
        self.measure(context, probe, Some(rate), real).await
    }

    pub async fn measure(
        &mut self,
        context: &Context,
        probe: &Probe,
        rate: Option<Rate>,
        real: Duration,
    ) -> Result<()> {
        let (started, width) = (self.started, part(context));
        let taken = Mutex::new(BTreeMap::<Timestamp, Samples>::new());
        let mut sink = |sample: Sample| {
            let whole = until(started, sample.at).as_nanos() / width.as_nanos();
            let begin = after(started, width * u32::try_from(whole).unwrap_or(u32::MAX));
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            taken.entry(begin).or_default().record(&sample);
        };
        let rate = rate.unwrap_or(Rate(RATE));
        probe.run_for(real, rate, &context.cancel, &mut sink).await?;
        context.stop_if_cancelled()?;
        self.taken = taken.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.taken.iter().for_each(|(at, samples)| self.series.add(*at, samples));
        Ok(())
    }

    /// Judges what was measured, at the weight the driver reads back. A failed assertion takes precedence over moved
    /// traffic: it takes the traffic back, whoever moved it.
    ///
    /// # Errors
    /// If a driver that can read has failed to for a while, or at the end of a bake (`is_last`): the measurements then
    /// belong to no known weight.
    pub async fn judge(&mut self, context: &Context, is_last: bool) -> Result<Looked> {
        let now = context.traffic_now().await;
        let mut extra = Measured::default();
        match now.as_ref().map(|now| (now.share(), now)) {
            Some((Some(share), _)) => extra.set("weight", Observed::Share(share.0), 1),
            Some((None, now)) => extra.set_not_measured("weight", now.words()),
            None => extra.set_not_measured("weight", "the plan has no `traffic`"),
        };
        // Reading every record of the source is expensive, so it happens only at the end of a bake and as often as an
        // assertion's `every` says.
        let wants = || self.judge.wants("source.changed", context.clock.now());
        if context.asks("source.changed") && (is_last || wants()) {
            measure_source(context, &mut extra).await?;
        }
        let judged = self.judge.tick(context.clock.now(), &self.series, &extra);
        if judged == Judged::Decided(Verdict::Fail) {
            return Ok(Looked::Judged(judged));
        }
        match now {
            Some(TrafficNow { standing: Standing::Changed(change), .. }) => {
                return Ok(Looked::Moved(change));
            }
            Some(TrafficNow { seen: Err(error), .. }) => {
                self.is_blind = true;
                if is_last || self.blind + 1 >= MOST_BLIND {
                    return Err(error);
                }
            }
            _ => {}
        }
        Ok(Looked::Judged(judged))
    }

    /// Records what was measured, for the next one who watches this step.
    pub fn keep(&self, context: &Context) -> Result<()> {
        let readings = serde_json::to_value(self.judge.readings()).map_err(|error| {
            Error::unexpected("the readings of a step cannot be written").with_source(error)
        })?;
        context.record(Event::Watched {
            stage: context.id(),
            step: self.step,
            started: self.started,
            parts: self.taken.iter().map(|(at, samples)| (*at, samples.clone())).collect(),
            forget_before: forgotten(context),
            readings,
            is_blind: self.is_blind,
        })
    }

    /// Records the judgements as if the step ended now. Returns the verdict, with the reason.
    pub fn end(&self, context: &Context) -> Result<(Verdict, String)> {
        let judgements = self.judge.judgements();
        let events = judged(context.stage_state()?, &judgements, Some(self.step));
        events.into_iter().try_for_each(|event| context.record(event))?;
        Ok(combine(&judgements, context.options.strict))
    }
}

/// Returns the length of the parts in which samples are kept: a small share of the shortest window.
fn part(context: &Context) -> Duration {
    let windows = context.stage().assertions.iter().filter_map(|assertion| assertion.over);
    let shortest = windows.min().map_or(TICK, |Span(over)| over / PARTS);
    shortest.clamp(Duration::from_millis(10), TICK)
}

/// Returns the time before which samples lie outside every window; `None` if there is none.
fn forgotten(context: &Context) -> Option<Timestamp> {
    let windows = context.stage().assertions.iter().map(|one| one.over.map(|Span(over)| over));
    let longest = windows.collect::<Option<Vec<_>>>()?.into_iter().max()?;
    context.clock.now().checked_sub(longest + TICK).ok()
}

/// Reads the source and compares it with what was copied.
async fn measure_source(context: &Context, measured: &mut Measured) -> Result<()> {
    let looked = async { Look::of(context, Depth::Source).await?.take().await };
    match looked.await {
        Ok(found) => {
            for sentence in found.sentences() {
                context.note(sentence)?;
            }
            found.measure_source(measured);
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        Err(error) => {
            measured.set_not_measured("source.changed", error.to_string());
        }
    }
    Ok(())
}
