//! Measuring and judging one step, and looking at the traffic meanwhile.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::assertion::{Judge, Measured, Progress as Judged, Series};
use crate::error::{ErrorKind, Result};
use crate::model::{Observed, Rate, Sample, Span, TrafficChange, Verdict};
use crate::plan::Assertion;
use crate::run::Context;
use crate::run::contents::{Depth, Look};
use crate::traffic::{Probe, Standing, TrafficNow};

/// Looks in a row that may fail before nobody can say what is measured.
const MOST_BLIND: u32 = 3;

/// The measurements and the judge of one try of one step.
pub(super) struct Watch {
    series: Mutex<Series>,
    judge: Judge,
    /// Samples that the most demanding assertion needs.
    pub needed: u64,
    /// Looks at the traffic in a row that failed.
    blind: u32,
}

/// How watching a step ended.
pub(super) struct Watched {
    pub verdict: Verdict,
    pub reason: String,
}

/// What one look came to.
pub(super) enum Looked {
    Judged(Judged),
    /// The traffic is not where the run left it.
    Moved(TrafficChange),
}

/// An assertion over a window is measured ten times a window where the plan does not say: at each tick, one bad
/// stretch would use up what is tolerated.
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

    /// Judges what was measured at the weight that the driver shows. A failed assertion comes first: it takes the
    /// traffic back, whoever moved it.
    ///
    /// # Errors
    /// Where the driver can read and could not for a while, or not at the end of a bake (`is_last`): what was measured
    /// then belongs to no weight.
    pub async fn judge(&mut self, context: &Context, is_last: bool) -> Result<Looked> {
        let now = context.traffic_now().await;
        let mut extra = Measured::default();
        match now.as_ref().map(|now| (now.share(), now)) {
            Some((Some(share), _)) => extra.set("weight", Observed::Share(share.0), 1),
            Some((None, now)) => extra.set_not_measured("weight", now.words()),
            None => extra.set_not_measured("weight", "the plan has no `traffic`"),
        };
        // Every record of the source is read at the end of a bake, and as often as an assertion's `every` says.
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
