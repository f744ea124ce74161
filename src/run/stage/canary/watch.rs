//! Measures and judges one step while checking where the traffic is.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::assertion::{Judge, Measured, Progress as Judged, Series};
use crate::error::{ErrorKind, Result};
use crate::model::{Observed, Rate, Sample, Span, TrafficChange, Verdict};
use crate::plan::Assertion;
use crate::run::Context;
use crate::run::contents::{Depth, Look};
use crate::traffic::{Probe, Standing, TrafficNow};

/// The number of failed reads of the traffic in a row after which measurements cannot be attributed to a weight.
const MOST_BLIND: u32 = 3;

/// The measurements and the judge for one attempt at a step.
pub(super) struct Watch {
    series: Mutex<Series>,
    judge: Judge,
    /// The number of samples that the most demanding assertion needs.
    pub needed: u64,
    /// The number of failed reads of the traffic in a row.
    blind: u32,
}

/// The verdict on a step, with the reason.
pub(super) struct Watched {
    pub verdict: Verdict,
    pub reason: String,
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
    pub fn new(context: &Context) -> Self {
        let now = context.clock.now();
        let assertions = &context.stage().assertions;
        let needed = assertions.iter().filter_map(|assertion| assertion.min_samples).max();
        Self {
            series: Mutex::new(Series::new(now, assertions)),
            judge: Judge::new(now, assertions.iter().map(paced), context.options.strict),
            needed: needed.unwrap_or(30),
            blind: 0,
        }
    }

    pub async fn measure(
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
        let judged = {
            let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
            self.judge.tick(context.clock.now(), &series, &extra)
        };
        if judged == Judged::Decided(Verdict::Fail) {
            return Ok(Looked::Judged(judged));
        }
        match now {
            Some(TrafficNow { standing: Standing::Changed(change), .. }) => {
                return Ok(Looked::Moved(change));
            }
            Some(TrafficNow { seen: Err(error), .. }) => {
                self.blind += 1;
                if is_last || self.blind >= MOST_BLIND {
                    return Err(error);
                }
            }
            _ => self.blind = 0,
        }
        Ok(Looked::Judged(judged))
    }

    pub fn end(&self, context: &Context, step: usize) -> Result<Watched> {
        let judgements = self.judge.judgements();
        context.record_judgements(&judgements, Some(step))?;
        let combined = context.combine(&judgements);
        Ok(Watched { verdict: combined.verdict, reason: combined.reason })
    }
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
