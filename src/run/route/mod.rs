//! Chooses the route of a copy, once for a run, with the reason.
//!
//! `audit` shows, `plan` estimates with, and a run chooses from the same list of candidates and obstacles.

mod candidates;
mod enumeration;
mod facts;
mod import;

pub(crate) use self::candidates::{candidate_of, candidates};
pub(crate) use self::enumeration::{Enumerated, Enumerator, refuse_gaps, see_distinct};
pub(crate) use self::facts::{Sides, facts_of, held_by};
pub(crate) use self::import::taken;
use super::sample::{Weight, sample_of, usual_size};
use super::selection::{Selection, mappings};
use super::sides::{no_source, refuse_unfit};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Route};
use crate::plan::file::{self, EnumerateBy, NamedEnumeration, Strategy};
use crate::plan::{CopyStage, Plan};
use crate::provider::advice::{Candidate, Facts};
use crate::run::{Context, World};

/// The chosen route.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub route: Route,
    pub why: String,
    /// The enumeration of each namespace; empty if another index lists the ids.
    pub enumerated: Vec<Enumerated>,
}

impl Chosen {
    /// Checks access to whatever the route needs besides the two indexes. A rehearsal uses none of it and does not
    /// check.
    ///
    /// # Errors
    /// Any error of the place for an import's files.
    pub async fn reach(&self, copy: &CopyStage, world: &World) -> Result<()> {
        match (self.route, &copy.asked.import) {
            (Route::Import, Some(import)) => {
                let reached = world.open_place(&import.uri)?.reach().await;
                reached.map_err(|error| error.with_context("uri", &import.uri))
            }
            _ => Ok(()),
        }
    }
}

/// Chooses the route. Asks the source whatever that requires, at most `most_counts` counts per namespace.
///
/// # Errors
/// `Refused` if the plan names a route that does not apply, or no route reaches every record.
pub(crate) async fn choose(
    plan: &Plan,
    facts: &Facts<'_>,
    world: &World,
    most_counts: Option<u64>,
) -> Result<Chosen> {
    let copy = &facts.copy.asked;
    if let Some(chosen) = within_provider(facts, copy)? {
        return Ok(chosen);
    }
    let enumerator = Enumerator {
        plan,
        copy,
        source: world.source_of(&facts.copy.id),
        most_counts,
        is_anew: false,
        view: None,
    };
    let enumerated = enumerator.all(facts.mappings).await?;
    if let Err(gap) = refuse_gaps(&enumerated) {
        return despite(gap, facts, copy);
    }
    let candidates = candidates(facts, &enumerated);
    let has_collections = candidates.iter().any(|candidate| candidate.route == Route::Collection);
    let collection = match against(&candidates, Route::Collection) {
        _ if !has_collections => "the records are read and written one by one".to_owned(),
        Some(why) => format!("not by collection: {why}"),
        None => "the plan says how ids are found".to_owned(),
    };
    let (route, why) = match (copy.strategy, &copy.import, against(&candidates, Route::Import)) {
        (Strategy::Import, _, Some(why)) => return Err(does_not_apply("strategy: import", &why)),
        (Strategy::Import, _, None) => (Route::Import, "the plan says so".to_owned()),
        (Strategy::Auto, Some(_), Some(why)) => {
            (Route::Stream, format!("{collection}; not by import: {why}"))
        }
        (Strategy::Auto, Some(_), None) => {
            (Route::Import, format!("{collection}; the plan has a place for files to import"))
        }
        (Strategy::Stream, ..) => (Route::Stream, "the plan says so".to_owned()),
        (Strategy::Auto | Strategy::Collection, ..) => (Route::Stream, collection),
    };
    Ok(Chosen { route, why, enumerated })
}

/// Returns the first obstacle to a route; `None` if there is none.
fn against(candidates: &[Candidate], route: Route) -> Option<String> {
    match candidates.iter().find(|candidate| candidate.route == route) {
        Some(candidate) => candidate.ruled_out.first().cloned(),
        None => Some("the source's system has no such way".to_owned()),
    }
}

/// Returns the route if it can be chosen without asking the source for its ids; otherwise `None`.
fn within_provider(facts: &Facts<'_>, copy: &file::Copy) -> Result<Option<Chosen>> {
    let is_auto = copy.enumerate == EnumerateBy::Named(NamedEnumeration::Auto);
    let is_staged = copy.enumerate == EnumerateBy::Named(NamedEnumeration::Staging);
    let candidates = candidates(facts, &[]);
    let (staging, collection) =
        (against(&candidates, Route::Staging), against(&candidates, Route::Collection));
    Ok(Some(match (copy.strategy, staging, collection) {
        (Strategy::Collection, Some(why), _) => {
            return Err(does_not_apply("strategy: collection", &why));
        }
        (Strategy::Collection, None, None) => chosen(Route::Collection, "the plan says so"),
        (Strategy::Collection, None, Some(why)) => {
            chosen(Route::Staging, &format!("the plan says so; {why}"))
        }
        (_, Some(why), _) if is_staged => return Err(does_not_apply("enumerate: staging", &why)),
        (_, None, _) if is_staged => chosen(Route::Staging, "the plan says so"),
        (Strategy::Auto, None, None) if is_auto => chosen(
            Route::Collection,
            "nothing changes on the way, so the provider can copy the records by itself",
        ),
        (Strategy::Stream | Strategy::Import | Strategy::Auto, ..) => return Ok(None),
    }))
}

/// Returns the route if some ids cannot be found: through staging if that applies and the plan does not say otherwise.
fn despite(gap: Error, facts: &Facts<'_>, copy: &file::Copy) -> Result<Chosen> {
    let is_auto = copy.enumerate == EnumerateBy::Named(NamedEnumeration::Auto);
    if !is_auto || copy.strategy == Strategy::Import {
        return Err(gap);
    }
    let Some(why) = against(&candidates(facts, &[]), Route::Staging) else {
        let why = format!("not every id can be found otherwise: {}", gap.message());
        return Ok(chosen(Route::Staging, &why));
    };
    let hint = gap.hint().unwrap_or_default().to_owned();
    Err(gap.with_hint(format!("{hint} (which does not apply here: {why})")))
}

fn chosen(route: Route, why: &str) -> Chosen {
    Chosen { route, why: why.to_owned(), enumerated: Vec::new() }
}

fn does_not_apply(asked: &str, why: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("`{asked}` does not apply: {why}"))
        .with_hint("use `strategy: auto`: it takes the best way that applies and says why")
}

/// Returns the route of a copy that was chosen earlier in this run.
pub(crate) fn recorded_route(context: &Context, copy: &CopyStage) -> Option<Route> {
    context.state.route(&copy.id).map(|(route, _)| route)
}

/// Returns the route of a copy that must have been chosen.
///
/// # Errors
/// `Unexpected` if it was not.
pub(super) fn chosen_route(context: &Context, copy: &CopyStage) -> Result<Route> {
    recorded_route(context, copy).ok_or_else(|| {
        Error::unexpected(format!("no route was chosen for the records of `{}`", copy.id))
    })
}

/// Returns the route of a copy: the one in the journal, otherwise one that is chosen and recorded now.
///
/// # Errors
/// Any error of [`choose`].
pub(crate) async fn route_of(context: &Context, copy: &CopyStage) -> Result<Route> {
    let world = &context.world;
    let source = world.source.describe().await?.ok_or_else(|| no_source(context))?;
    let (plan, seen) = (&context.plan, world.target.describe().await?);
    // A route that was chosen before the target was made says nothing of what was made.
    refuse_unfit(plan, copy, &source.spec, seen.as_ref().map(|seen| &seen.spec))?;
    if let Some(route) = recorded_route(context, copy) {
        return Ok(route);
    }
    let stats = world.source.stats().await?;
    let mappings = mappings(plan, copy, &stats)?;
    let selection = Selection { copy: copy.clone(), mappings };
    // Only an import has a limit in bytes.
    let sampled = match copy.asked.import {
        Some(_) => {
            let own = std::slice::from_ref(&selection);
            sample_of(plan, world, &source.spec, own, usual_size(plan)).await?
        }
        None => Vec::new(),
    };
    let weight = Weight::of(
        plan,
        &selection,
        (&source.spec, seen.as_ref().map(|seen| &seen.spec)),
        &sampled,
    )?;
    let held = held_by(world, seen.as_ref()).await?;
    let (source, target) = (&source.spec, seen.as_ref());
    let sides = Sides { source, stats: &stats, target, held: &held };
    let facts = facts_of(plan, world, &selection, sides, &weight);
    let chosen = choose(plan, &facts, world, None).await?;
    if !context.options.is_rehearsal {
        chosen.reach(copy, world).await?;
    }
    let (route, reason) = (chosen.route, chosen.why);
    context.record(Event::RouteChosen { stage: copy.id.clone(), route, reason })?;
    Ok(route)
}
