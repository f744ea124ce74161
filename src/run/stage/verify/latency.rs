//! Measures latencies other than those of queries.

use std::collections::BTreeMap;
use std::ops::ControlFlow::{Break, Continue};
use std::time::Duration;

use crate::assertion::{Measured, MeasuredValue};
use crate::clock::{Stopwatch, ask, until};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{
    Namespace, Observed, Operation, Outcome, Record, RecordId, Sample, Side, Token,
};
use crate::run::Context;
use crate::run::context::guard;
use crate::run::sample::Sampled;
use crate::run::stage::probes::{probe_record, remove};
use crate::run::taken::Taken;
use crate::store::Reader;

/// The number of fetches timed on each side.
const FETCHES: usize = 50;
/// The longest time that a record may take to become readable, and for how much of it the step that wrote it asks.
const READABLE: Duration = Duration::from_secs(120);
const AT_ONCE: Duration = Duration::from_secs(5);
/// The first pause between two reads, and the longest: a reported time is too long by at most one pause.
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Times fetches of one record each, from both sides at the same moment.
pub(super) async fn time_fetches(
    context: &Context,
    sampled: &[Sampled],
    sink: &mut (dyn FnMut(Sample) + Send),
) {
    let world = &context.world;
    for one in sampled.iter().take(FETCHES) {
        let fetch =
            |side: Side, index: std::sync::Arc<dyn crate::store::Source>, namespace: Namespace| {
                let (clock, id) = (context.clock.clone(), RecordId::new(one.record.id.text()));
                async move {
                    let watch = Stopwatch::start();
                    let answer = match index.must_fetch() {
                        Ok(fetch) => fetch.fetch(&namespace, &[fetch.own_kind(id)]).await,
                        Err(error) => Err(error),
                    };
                    let outcome = answer
                        .map_or_else(|error| Outcome::Failed(error.kind()), |_| Outcome::Answered);
                    sample(clock.now(), side, watch.elapsed(), outcome)
                }
            };
        let (target, source) = futures::join!(
            fetch(Side::Target, world.measured_target.clone(), one.mapping.target.clone()),
            fetch(Side::Source, world.measured_source.clone(), one.mapping.source.clone()),
        );
        sink(target);
        sink(source);
    }
}

fn sample(at: crate::clock::Timestamp, side: Side, latency: Duration, outcome: Outcome) -> Sample {
    Sample {
        at,
        side,
        operation: Operation::Fetch,
        latency,
        outcome,
        overlaps: Vec::new(),
        is_filtered: false,
        has_sparse: false,
    }
}

/// The metric of the slowest of the records that are written and read.
const METRIC: &str = "read_after_write";

/// Writes a record to a namespace of its own kind and times it until it can be read, in the step of this name. Only done if
/// the plan asks for it, because it is the one part of a verification that writes.
///
/// Until a record is readable it is asked for again within the step for a few seconds, because that is what is measured;
/// after that in steps of their own. What could not be measured is said, and what follows is not measured either.
pub(super) async fn write_and_read(context: &Context, number: u32, step: &str) -> Result<Taken> {
    let slowest = match measured_before(context)? {
        None => Some(Duration::ZERO),
        Some(MeasuredValue::Value { observed: Observed::Seconds(slowest), .. }) => {
            Some(Duration::from_secs_f64(slowest))
        }
        Some(MeasuredValue::Value { .. }) => None,
        Some(MeasuredValue::NotMeasured { .. }) => return Ok(Taken::Done),
    };
    let mut measured = Measured::default();
    match write_one(context, number, step).await {
        Ok(Readable::NotYet) => return Ok(Taken::Again),
        Ok(Readable::After(time)) => {
            let slowest = slowest.map(|slowest| Observed::Seconds(slowest.max(time).as_secs_f64()));
            measured.set(METRIC, slowest.unwrap_or(Observed::Unanswered), number.into());
        }
        Ok(Readable::Never) => {
            measured.set(METRIC, Observed::Unanswered, number.into());
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        Err(error) => {
            context.note(format!("read after write was not measured: {error}"))?;
            measured.set_not_measured(METRIC, error.to_string());
        }
    }
    context.observed(Side::Target, &measured)?;
    Ok(Taken::Done)
}

fn measured_before(context: &Context) -> Result<Option<MeasuredValue>> {
    let observed = &context.stage_state()?.observed;
    Ok(observed.get(&Side::Target).and_then(|values| values.get(METRIC)).cloned())
}

/// When a record could be read.
enum Readable {
    After(Duration),
    NotYet,
    /// Not within two minutes.
    Never,
}

async fn write_one(context: &Context, number: u32, step: &str) -> Result<Readable> {
    let target = &context.world.target;
    let none = || Error::new(ErrorKind::NotFound, "there is no target index to write to");
    let index = target.describe().await?.ok_or_else(none)?;
    let state = context.stage_state()?;
    // What an earlier try wrote may be there still, and says nothing of this one.
    let own = format!("vecshift-write-{}-{}-{number}", state.attempt, state.retries);
    let record = Record { id: RecordId::new(own), ..probe_record(&index.spec) };
    let namespace = written_namespace(context);
    let begun = state.steps_begun.get(step).copied();
    if let Some(begun) = begun {
        context.sleep(LONGEST_PAUSE).await?;
        let is_seen = is_readable(context, &namespace, &record, None).await?.is_some();
        let time = until(begun, context.clock.now());
        return Ok(match is_seen {
            true => Readable::After(time),
            false if time >= READABLE => Readable::Never,
            false => Readable::NotYet,
        });
    }
    // The time from which a later step counts.
    context.keep(Event::StepBegun { stage: context.id(), step: step.to_owned() }).await?;
    let watch = Stopwatch::start();
    let written = target.must_write()?.upsert(&namespace, std::slice::from_ref(&record)).await?;
    let token = written.whole()?.token;
    let look = || async {
        let sent = watch.elapsed();
        Ok(match is_readable(context, &namespace, &record, token.as_ref()).await? {
            // The target has said so before it was asked for the record.
            Some(Seen::BySequence(asked)) => Break(sent + asked),
            Some(Seen::ByRead) => Break(watch.elapsed()),
            None => Continue(()),
        })
    };
    let pause = || (watch.elapsed() / 4).clamp(PAUSE, LONGEST_PAUSE);
    let seen = ask(|| watch.elapsed() >= AT_ONCE, look, || context.sleep(pause())).await?;
    Ok(match seen {
        Break(time) => Readable::After(time),
        Continue(()) => Readable::NotYet,
    })
}

/// How a record was found to be readable.
enum Seen {
    /// By its sequence number, after this time of asking.
    BySequence(Duration),
    ByRead,
}

/// Looks whether a record can be read as it was written.
///
/// # Errors
/// `Conflict` if it comes back changed.
async fn is_readable(
    context: &Context,
    namespace: &Namespace,
    record: &Record,
    token: Option<&Token>,
) -> Result<Option<Seen>> {
    let target = &context.world.target;
    let watch = Stopwatch::start();
    let by_number = match token {
        Some(token) => target.must_write()?.visible(namespace, token, Reader::Get).await?,
        None => None,
    };
    if by_number == Some(false) {
        return Ok(None);
    }
    let asked = watch.elapsed();
    let seen = target.must_fetch()?.fetch(namespace, std::slice::from_ref(&record.id)).await?;
    match seen.first() {
        Some(seen) if seen == record => Ok(Some(match by_number {
            Some(_) => Seen::BySequence(asked),
            None => Seen::ByRead,
        })),
        Some(_) => {
            let message = "the target gives a probe record back changed";
            Err(Error::new(ErrorKind::Conflict, message))
        }
        None => Ok(None),
    }
}

fn written_namespace(context: &Context) -> Namespace {
    guard::probe_namespace(context, "read-after-write")
}

/// Removes what was written, in the step of this name, and says what was measured.
pub(super) async fn remove_written(context: &Context, step: &str) -> Result<Taken> {
    let namespace = written_namespace(context);
    let what = "a namespace of probe records";
    match remove(context, &namespace, what, step).await {
        Ok(Taken::Again) => return Ok(Taken::Again),
        Ok(Taken::Done) => {}
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        // What hindered the writing hinders this too, and has been said.
        Err(_) if matches!(measured_before(context)?, Some(MeasuredValue::NotMeasured { .. })) => {
            return Ok(Taken::Done);
        }
        Err(error) => {
            let reason = format!("the namespace `{namespace}` could not be removed: {error}");
            context.note(format!("left behind in the target: {reason}"))?;
            let mut measured = Measured::default();
            measured.set_not_measured(METRIC, reason);
            context.observed(Side::Target, &measured)?;
            return Ok(Taken::Done);
        }
    }
    let Some(MeasuredValue::Value { observed, samples }) = measured_before(context)? else {
        return Ok(Taken::Done);
    };
    context.note(format!(
        "read after write: {samples} records of a namespace of their own were written and read, the slowest after {observed}; they are removed"
    ))?;
    if let Observed::Seconds(slowest) = observed {
        let figures = BTreeMap::from([(METRIC.to_owned(), slowest)]);
        context.record(Event::Measured { stage: context.id(), figures })?;
    }
    Ok(Taken::Done)
}
