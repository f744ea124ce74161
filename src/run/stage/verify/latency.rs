//! Measures latencies other than those of queries.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::assertion::Measured;
use crate::clock::Stopwatch;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{Namespace, Observed, Operation, Outcome, Record, RecordId, Sample, Side};
use crate::run::Context;
use crate::run::context::guard;
use crate::run::context::poll::Patience;
use crate::run::sample::Sampled;
use crate::run::stage::probes::{probe_record, wait_empty};
use crate::store::{Reader, Target};

/// The number of fetches timed on each side.
const FETCHES: usize = 50;
/// The longest time that a record may take to become readable, and the namespace to disappear.
const READABLE: Duration = Duration::from_secs(120);
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

/// Writes records one after the other to a namespace of their own and times each until it can be read. Only done if the
/// plan asks for it, because it is the one part of a verification that writes.
pub(super) async fn read_after_write(context: &Context, writes: u32) -> Result<()> {
    let namespace = guard::probe_namespace(context, "read-after-write");
    let times = write_and_read(context, &namespace, writes).await;
    let removed = remove(context, &namespace).await;
    context.stop_if_cancelled()?;
    let mut measured = Measured::default();
    match (times, removed) {
        (Ok(times), Ok(())) => set(context, &times, &mut measured)?,
        (Ok(_), Err(error)) => {
            let reason = format!("the namespace `{namespace}` could not be removed: {error}");
            context.note(format!("left behind in the target: {reason}"))?;
            measured.set_not_measured("read_after_write", reason);
        }
        (Err(error), _) => {
            context.note(format!("read after write was not measured: {error}"))?;
            measured.set_not_measured("read_after_write", error.to_string());
        }
    }
    context.observed(Side::Target, &measured)
}

/// Times each write until it can be read; `None` for one that could not be read within two minutes.
async fn write_and_read(
    context: &Context,
    namespace: &Namespace,
    writes: u32,
) -> Result<Vec<Option<Duration>>> {
    let target = &context.world.target;
    let index = target
        .describe()
        .await?
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no target index to write to"))?;
    let mut times = Vec::new();
    for number in 0..writes {
        let id = RecordId::new(format!("vecshift-write-{number}"));
        let record = Record { id, ..probe_record(&index.spec) };
        times.push(write_one(context, &**target, namespace, &record).await?);
    }
    Ok(times)
}

async fn write_one(
    context: &Context,
    target: &dyn Target,
    namespace: &Namespace,
    record: &Record,
) -> Result<Option<Duration>> {
    let watch = Stopwatch::start();
    let (write, fetch) = (target.must_write()?, target.must_fetch()?);
    let written = write.upsert(namespace, std::slice::from_ref(record)).await?.whole()?;
    let mut pause = PAUSE;
    while watch.elapsed() < READABLE {
        let by_number = match &written.token {
            Some(token) => write.visible(namespace, token, Reader::Get).await?,
            None => None,
        };
        if by_number != Some(false) {
            let at = watch.elapsed();
            let seen = fetch.fetch(namespace, std::slice::from_ref(&record.id)).await?;
            match seen.first() {
                Some(seen) if seen == record => {
                    let is_told = by_number == Some(true);
                    return Ok(Some(if is_told { at } else { watch.elapsed() }));
                }
                Some(_) => {
                    return Err(Error::new(
                        ErrorKind::Conflict,
                        "the target gives a probe record back changed",
                    ));
                }
                None => {}
            }
        }
        context.sleep(pause).await?;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(None)
}

/// Removes the probe records and waits until they are gone.
async fn remove(context: &Context, namespace: &Namespace) -> Result<()> {
    guard::remove_probe(context, namespace).await?;
    let patience = Patience { limit: READABLE, pause: LONGEST_PAUSE };
    wait_empty(context, namespace, patience, "a namespace of probe records").await
}

fn set(context: &Context, times: &[Option<Duration>], measured: &mut Measured) -> Result<()> {
    let n = times.len() as u64;
    let slowest = times.iter().copied().collect::<Option<Vec<_>>>();
    let slowest = slowest.and_then(|times| times.into_iter().max());
    let observed =
        slowest.map_or(Observed::Unanswered, |slowest| Observed::Seconds(slowest.as_secs_f64()));
    context.note(format!(
        "read after write: {n} records of a namespace of their own were written and read, the slowest after {observed}; they are removed"
    ))?;
    if let Some(slowest) = slowest {
        let figures = BTreeMap::from([("read_after_write".to_owned(), slowest.as_secs_f64())]);
        context.record(Event::Measured { stage: context.id(), figures })?;
    }
    measured.set("read_after_write", observed, n);
    Ok(())
}
