//! Compares the records on both sides.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::differences::Differences;
use super::groups::Group;
use super::source::source_changed;
use crate::assertion::Measured;
use crate::copy::{Comparison, Difference, Kept, Pipeline, Tallies, compare_shard, count_extra};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Event;
use crate::model::{
    Comparing, Contents, Enumeration, FieldCompared, IndexStats, Likeness, MeasuredValue,
    Namespace, Observed, RecordId, Side, StageId, plural,
};
use crate::plan::file::{Compare, Verify};
use crate::plan::{CopyStage, MetricRef};
use crate::run::context::guard::counted;
use crate::run::line::{PARALLEL, kept_by, lists_of, pipeline};
use crate::run::sample::picks;
use crate::run::sides::fields_of;
use crate::run::{Context, Progress};
use crate::store::read::{Picks, Reading};

/// The most fields of differing types that are named individually.
const NAMED_DRIFTS: usize = 20;

/// Compares record by record, and looks for records that exist only in the target.
pub(super) async fn compare(
    asked: &Verify,
    context: &Context,
    copies: &[CopyStage],
    groups: &[Group],
) -> Result<()> {
    let seen = context.world.target.describe().await?.map(|seen| seen.spec);
    let fields = fields_of(&context.plan, seen.as_ref()).unwrap_or_default();
    let mut lines = Vec::new();
    for copy in copies {
        let pipeline = pipeline(context, copy, context.artifacts.join("unused.jsonl")).await?;
        let places = pipeline.transform.places();
        let comparing = places.comparing(&fields, asked.tolerance.as_ref())?;
        let reading = pipeline.reading().with_others();
        let kept = Arc::new(kept_by(context, copy)?);
        lines.push(Line { copy, pipeline, comparing, reading, kept });
    }
    let ways = lines.iter().map(|line| line.comparing.clone());
    let comparing = ways.reduce(Comparing::or).unwrap_or_else(|| Comparing::all(Likeness::Bits));
    let sink = Mutex::new(Sink {
        total: Comparison::default(),
        extra: Some(0),
        read: BTreeMap::new(),
        gone: BTreeMap::new(),
        differences: Differences::new(context),
    });
    let all = groups.iter().map(Group::expected).sum();
    let work = Work {
        context,
        lines,
        picks: Arc::new(picks(context, asked.compare, all)),
        is_whole: asked.compare == Compare::All,
        counts: counted(&*context.world.target).await?,
        all,
        sink: &sink,
    };
    let parallel = copies.iter().map(|copy| copy.asked.parallel.unwrap_or(PARALLEL)).min();
    let parallel = parallel.unwrap_or(PARALLEL) as usize;
    let comparisons: Vec<_> = groups.iter().map(|group| work.compare(group).boxed()).collect();
    stream::iter(comparisons).buffer_unordered(parallel).try_collect::<Vec<()>>().await?;
    let Sink { total, extra, differences, read, gone } =
        sink.into_inner().unwrap_or_else(PoisonError::into_inner);
    differences.finish().await?;
    report(context, groups, &total, extra, all)?;
    report_vectors(context, &comparing, &total.vectors)?;
    refuse_gone(context, &gone)?;
    let mut target = Measured::default();
    set(&mut target, &total, &comparing, extra);
    source_changed(asked, context, read, &mut target).await?;
    context.observed(Side::Target, &target)
}

/// Notes how vectors were compared: in one sentence, or in one for each where there are several.
fn report_vectors(context: &Context, comparing: &Comparing, tallies: &Tallies) -> Result<()> {
    if !comparing.has_several() {
        return context.note(comparing.sentence());
    }
    let tally = |name: &str| tallies.get(name).copied().unwrap_or_default();
    for field in comparing.fields() {
        context.note(field.words(tally(field.name.as_str())))?;
    }
    let fields = comparing
        .fields()
        .iter()
        .map(|field| FieldCompared::new(&field.name, field.likeness, tally(field.name.as_str())));
    context.record(Event::VectorsCompared { stage: context.id(), fields: fields.collect() })
}

/// The combined result of all comparisons of a stage.
struct Sink<'a> {
    total: Comparison,
    /// Records that exist only in the target; `None` once a namespace could not be checked for them.
    extra: Option<u64>,
    differences: Differences<'a>,
    /// Contents read from each source namespace for each of its copies.
    read: BTreeMap<(Namespace, StageId), Contents>,
    /// Manifest ids that no longer exist in a source namespace.
    gone: BTreeMap<Namespace, u64>,
}

/// A copy and its pipeline between both sides.
struct Line<'a> {
    copy: &'a CopyStage,
    pipeline: Pipeline,
    /// How its records are compared.
    comparing: Comparing,
    reading: Reading,
    /// Ids that the copy left unchanged in the target.
    kept: Arc<Kept>,
}

/// The inputs for comparing groups.
struct Work<'a, 's> {
    context: &'a Context,
    lines: Vec<Line<'a>>,
    picks: Picks,
    /// Whether every record is compared.
    is_whole: bool,
    /// The target's own counts.
    counts: IndexStats,
    all: u64,
    sink: &'a Mutex<Sink<'s>>,
}

impl Work<'_, '_> {
    /// Returns the copy that filled a group.
    fn line(&self, group: &Group) -> Result<&Line<'_>> {
        let own = self.lines.iter().find(|line| line.copy.id == group.copy);
        own.ok_or_else(|| Error::unexpected(format!("no copy `{}` is compared", group.copy)))
    }

    /// Selects the records of a group to compare, leaving out those that the copy skipped.
    fn picks_of(&self, group: &Group) -> Result<Picks> {
        let (kept, picks) = (self.line(group)?.kept.clone(), self.picks.clone());
        if kept.is_empty() {
            return Ok(picks);
        }
        let target = group.target.clone();
        Ok(Arc::new(move |id: &RecordId| picks(id) && !kept.has(&target, id)))
    }

    async fn compare(&self, group: &Group) -> Result<()> {
        let (line, picks) = (self.line(group)?, self.picks_of(group)?);
        let Line { copy, pipeline, comparing, kept, reading } = line;
        let (mut compared, mut missing) = (0, 0);
        for shard in group.shards.iter().map(|state| &state.shard) {
            let lists = lists_of(self.context, copy, shard, pipeline).await?;
            let mut take = |comparison: Comparison, found: Vec<Difference>| {
                compared += comparison.compared;
                missing += comparison.missing;
                let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
                // Where ids were left alone, not all was read.
                if kept.is_empty() {
                    let of = (shard.source.clone(), copy.id.clone());
                    *sink.read.entry(of).or_default() += comparison.source;
                }
                if comparison.vanished > 0
                    && matches!(shard.enumeration, Enumeration::Manifest { .. })
                {
                    *sink.gone.entry(shard.source.clone()).or_default() += comparison.vanished;
                }
                sink.total.add(comparison);
                report_progress(self.context, sink.total.compared, self.all);
                found.iter().try_for_each(|difference| sink.differences.put(difference))
            };
            let picks = picks.clone();
            let ends = (pipeline, reading);
            compare_shard(ends, shard, lists, comparing, picks, &mut take).await?;
        }
        // If every id was found and the target counts no more than that, it cannot hold another record.
        let proves_no_extra =
            self.is_whole && missing == 0 && compared == self.counts.count(&group.target);
        let extra = if proves_no_extra { Some(0) } else { self.extra_of(group).await? };
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        sink.extra = sink.extra.zip(extra).map(|(sum, extra)| sum + extra);
        Ok(())
    }

    async fn extra_of(&self, group: &Group) -> Result<Option<u64>> {
        let mut take = |difference: Difference| {
            let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
            sink.differences.put(&difference)
        };
        let (Line { pipeline, .. }, picks) = (self.line(group)?, self.picks_of(group)?);
        count_extra(pipeline, &group.sources(), &group.target, picks, &mut take).await
    }
}

fn report_progress(context: &Context, done: u64, all: u64) {
    context.progress(&Progress {
        stage: context.id(),
        unit: "records compared",
        done,
        total: all.max(done),
        note: context.world.waiting(),
    });
}

/// Notes the sentences of the report, whose numbers add up.
fn report(
    context: &Context,
    groups: &[Group],
    total: &Comparison,
    extra: Option<u64>,
    all: u64,
) -> Result<()> {
    let words = Observed::count;
    context.note(format!(
        "compared {} of {}: {} equal, {} different, {} missing; {}",
        words(total.compared),
        plural(all.max(total.compared), "record"),
        words(total.equal),
        words(total.mismatched),
        words(total.missing),
        match extra {
            Some(extra) => format!("{} more in the target", words(extra)),
            None => "the target cannot list what it has beyond".to_owned(),
        }
    ))?;
    let refused: u64 = groups.iter().map(Group::refused).sum();
    if total.missing > 0 && refused > 0 {
        context.note(format!(
            "the target refused {} during the copy: missing for that reason",
            plural(refused, "record")
        ))?;
    }
    let skipped: u64 = groups.iter().map(Group::skipped).sum();
    if skipped > 0 {
        context.note(format!(
            "{} {} left as the target had {}, and not compared",
            plural(skipped, "id"),
            if skipped == 1 { "was" } else { "were" },
            if skipped == 1 { "it" } else { "them" }
        ))?;
    }
    if total.vanished > 0 {
        context.note(format!(
            "named by the source and gone when they were fetched: {}; something writes to it",
            plural(total.vanished, "id")
        ))?;
    }
    let drifts: Vec<_> = total.schemas.drifts().collect();
    for drift in drifts.iter().take(NAMED_DRIFTS) {
        context.note(drift.to_string())?;
    }
    if drifts.len() > NAMED_DRIFTS {
        context.note(format!(
            "and {} more of other types",
            plural((drifts.len() - NAMED_DRIFTS) as u64, "field")
        ))?;
    }
    if total.schemas.has_more() {
        context.note(format!(
            "only the first {} metadata fields were followed; there are more",
            words(total.schemas.fields() as u64)
        ))?;
    }
    let figures = [
        ("compared", total.compared),
        ("equal", total.equal),
        ("missing", total.missing),
        ("mismatched", total.mismatched),
        ("values_mismatched", total.values_mismatched),
        ("metadata_mismatched", total.metadata_mismatched),
        ("vanished", total.vanished),
        ("schema_drift", drifts.len() as u64),
    ];
    let figures =
        figures.into_iter().map(|(name, value)| (name, Some(value))).chain([("extra", extra)]);
    let figures: BTreeMap<_, _> =
        figures.filter_map(|(name, value)| Some((name.to_owned(), value? as f64))).collect();
    context.record(Event::Measured { stage: context.id(), figures })
}

/// Refuses manifest ids that no longer exist in the source: records were removed after they were copied, and each may
/// have been replaced by one whose id nobody knows. Passes only if the plan says how many may be gone.
fn refuse_gone(context: &Context, gone: &BTreeMap<Namespace, u64>) -> Result<()> {
    if gone.is_empty() || context.asks("vanished") {
        return Ok(());
    }
    let named: Vec<String> =
        gone.iter().take(5).map(|(name, count)| format!("{count} of `{name}`")).collect();
    let more = if gone.len() > 5 { ", and more" } else { "" };
    let message = format!(
        "ids of the manifest are no longer in the source: {}{more}; records may have come in their place",
        named.join(", ")
    );
    Err(Error::new(ErrorKind::Refused, message).with_hint(
        "stop what writes to the source; then roll back and run again with ids that are current, or say how many may be \
         gone: `assert: [vanished <= 10]`",
    ))
}

fn set(target: &mut Measured, total: &Comparison, comparing: &Comparing, extra: Option<u64>) {
    let n = total.compared;
    let both = n - total.missing;
    target
        .set("compared", Observed::count(n), n)
        .set("missing", Observed::count(total.missing), n)
        .set("mismatched", Observed::count(total.mismatched), n)
        .set("values_mismatched", Observed::count(total.values_mismatched), n)
        .set("metadata_mismatched", Observed::count(total.metadata_mismatched), n)
        .set("vanished", Observed::count(total.vanished), n + total.vanished)
        .set("comparison", Observed::Word(comparing.weakest().name().to_owned()), both)
        .set("max_difference", Observed::Number(total.max_difference()), both)
        .set("schema_drift", Observed::count(total.schemas.drifts().count() as u64), both);
    for field in comparing.fields() {
        let tally = total.vectors.get(&field.name).copied().unwrap_or_default();
        let mut set = |metric: &str, observed| {
            let argument = Some(field.name.to_string());
            let metric = MetricRef { name: metric.to_owned(), argument };
            let samples = tally.compared;
            target.insert(metric, MeasuredValue::Value { observed, samples });
        };
        set("vector_mismatched", Observed::count(tally.differing));
        set("vector_max_difference", Observed::Number(tally.max_difference));
        set("vector_comparison", Observed::Word(field.likeness.name().to_owned()));
    }
    match extra {
        Some(extra) => target.set("extra", Observed::count(extra), n),
        None => target.set_not_measured("extra", "the target cannot list its ids"),
    };
}
