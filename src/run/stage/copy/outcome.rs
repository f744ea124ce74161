//! What became of the records of a copy: notes, files, figures and metrics; and what undoing it leaves.

use super::mapping::write_mapping;
use super::retries::RETRIES;
use crate::assertion::Measured;
use crate::copy::refusals;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Route, RunState};
use crate::model::{Observed, Side, Tally, plural};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::context::guard;
use crate::run::line::artifacts::{dead_letters, skipped};
use crate::run::line::manifest::forget_ids;
use crate::run::route::{chosen_route, recorded_route};
use crate::run::stage::resource::words;

/// The most gaps that are noted one by one.
const NAMED: usize = 20;

/// Writes down what became of the records, and measures it.
///
/// # Errors
/// `Conflict` if the copy is not complete and no assertion asks whether it is.
pub(super) async fn measure(context: &Context, copy: &CopyStage) -> Result<()> {
    let state = context.stage_state()?;
    let (tally, gaps) = (state.tally(), state.gaps.clone().unwrap_or_default());
    if tally.failed > 0 {
        let path = dead_letters(context, copy);
        for sentence in refusals(&path)?.sentences() {
            context.note(format!("not copied: {sentence}"))?;
        }
        context.wrote("dead letters", path, tally.failed).await?;
    }
    if tally.skipped > 0 {
        context.wrote("ids left alone", skipped(context, copy), tally.skipped).await?;
    }
    if tally.missing > 0 {
        forget_ids(context, copy)?;
    }
    write_mapping(context, copy).await?;
    note_gaps(context, &gaps)?;
    let retries = context.world.retries();
    figures(context, retries)?;
    let mut measured = settled(tally);
    measured.set("copy.complete", Observed::Bool(gaps.is_empty()), tally.enumerated).set(
        "copy.retries",
        Observed::count(retries),
        tally.enumerated,
    );
    // The rate covers records that passed through here; the time of an import is up to the target.
    match state.rate() {
        Some(rate) => measured.set("copy.rate", Observed::PerSecond(rate), tally.enumerated),
        None => {
            measured.set_not_measured("copy.rate", unmeasured(chosen_route(context, copy)?, tally))
        }
    };
    if !gaps.is_empty() && !context.asks("copy.complete") {
        // A copy is complete only if proven; a plan without this assertion does not pass without proof.
        let message = format!("the copy is not complete: {}", gaps.join("; "));
        return Err(Error::new(ErrorKind::Conflict, message));
    }
    context.observed(Side::Target, &measured)
}

fn note_gaps(context: &Context, gaps: &[String]) -> Result<()> {
    for gap in gaps.iter().take(NAMED) {
        context.note(format!("not complete: {gap}"))?;
    }
    match gaps.len().saturating_sub(NAMED) {
        0 => Ok(()),
        more => context.note(format!("not complete: {} more", plural(more as u64, "namespace"))),
    }
}

/// Measures what is known once every record is settled.
pub(super) fn settled(tally: Tally) -> Measured {
    let mut measured = Measured::default();
    measured
        .set("copy.records", Observed::count(tally.copied), tally.enumerated)
        .set("copy.failed", Observed::count(tally.failed), tally.enumerated)
        .set("copy.missing", Observed::count(tally.missing), tally.enumerated)
        .set("copy.left_out", Observed::count(tally.left_out), tally.enumerated)
        .set("copy.skipped", Observed::count(tally.skipped), tally.enumerated);
    measured
}

/// Explains why the rate of copying is unknown.
fn unmeasured(route: Route, tally: Tally) -> &'static str {
    match (route, tally.copied) {
        (Route::Collection, _) => "the provider copied the records; vecshift moved none",
        (_, 0) => "no record was copied",
        _ => "the journal does not say how long copying took",
    }
}

/// Records the figures of all processes so far.
///
/// # Errors
/// If the run has no such stage.
fn figures(context: &Context, retries: u64) -> Result<()> {
    let state = context.stage_state()?;
    let tally = state.tally();
    let is_collected = state.route.as_ref().is_some_and(|(route, _)| *route == Route::Collection);
    let figures = [
        ("records", Some(tally.copied as f64)),
        ("bytes", (!is_collected).then_some(tally.bytes as f64)),
        ("failed", Some(tally.failed as f64)),
        ("missing", Some(tally.missing as f64)),
        ("left_out", Some(tally.left_out as f64)),
        ("skipped", (tally.skipped > 0).then_some(tally.skipped as f64)),
        ("records_per_second", state.rate()),
        (RETRIES, Some(retries as f64)),
    ];
    let known = figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let figures = known.collect();
    context.record(Event::Measured { stage: context.id(), figures })
}

/// Counts the records that have reached the target through all copies.
pub(crate) async fn arrived(context: &Context) -> Result<u64> {
    let mut all = 0;
    for copy in &context.plan.copies {
        all += arrived_by(context, copy).await?;
    }
    Ok(all)
}

/// Counts the records that have reached the target through one copy. Files count only once they are imported.
async fn arrived_by(context: &Context, copy: &CopyStage) -> Result<u64> {
    if recorded_route(context, copy) != Some(Route::Import) {
        let copied = |state: &RunState| state.stage(&copy.id).map_or(0, |own| own.tally().copied);
        return Ok(copied(&context.state));
    }
    let own = guard::folder_name(context, copy);
    let Some(bulk) = context.world.target.bulk() else { return Ok(0) };
    let imports = match bulk.imports().await {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        imports => imports?,
    };
    let own = imports.iter().filter(|import| import.uri.trim_end_matches('/').ends_with(&own));
    // An import that reports no count may have written some.
    Ok(own.map(|import| import.records.unwrap_or(1)).sum())
}

/// Undoes a copy, once what it made along the way is removed. Returns what was kept on purpose.
pub(crate) async fn undo(context: &Context, copy: &CopyStage) -> Result<String> {
    let removed = words(&context.stage_state()?.removed);
    let copied = arrived_by(context, copy).await?;
    Ok(format!("kept {} in the target{removed}", plural(copied, "record")))
}
