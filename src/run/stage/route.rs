//! The way the records travel: chosen once for a run, with the reason.

use super::copy::{Enumerated, Enumerator, copy_of};
use crate::copy::Mapping;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Route};
use crate::model::{Deployment, IndexSpec, IndexStats, VectorType};
use crate::plan::Plan;
use crate::plan::file::{self, EnumerateBy, NamedEnumeration, Strategy};
use crate::run::{Context, World};

/// The most records and namespaces that the collection path takes (Pinecone, "Migrate a pod-based index to
/// serverless", 2026).
const COLLECTION_RECORDS: u64 = 500_000_000;
const COLLECTION_NAMESPACES: usize = 20_000;

/// The way that was chosen.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub route: Route,
    pub why: String,
    /// How each namespace is enumerated; empty where another index lists the ids.
    pub enumerated: Vec<Enumerated>,
}

/// What the choice depends on.
pub(crate) struct Facts<'a> {
    pub plan: &'a Plan,
    pub source: &'a IndexSpec,
    pub stats: &'a IndexStats,
    pub mappings: &'a [Mapping],
    /// The target that is there, or the one the plan asks for.
    pub target: Option<&'a IndexSpec>,
    /// Whether the target is there and was not made by this run.
    pub is_found: bool,
    pub is_same_project: bool,
}

impl Facts<'_> {
    /// Why no collection of the source can be taken and made into an index beside the target.
    pub fn against_collection(&self) -> Option<String> {
        let Deployment::Pod { environment, .. } = &self.source.deployment else {
            return Some("only pod indexes have collections".to_owned());
        };
        let Some(target) = self.target else {
            return Some("the plan does not say what the target is".to_owned());
        };
        let Deployment::Serverless { cloud, .. } = &target.deployment else {
            return Some("the target is not serverless".to_owned());
        };
        if !self.is_same_project {
            return Some("source and target are not in the same project".to_owned());
        }
        match cloud_of(environment) {
            Some(from) if from != cloud => {
                return Some(format!("the source is in {from} and the target in {cloud}"));
            }
            _ => {}
        }
        if self.stats.total > COLLECTION_RECORDS {
            return Some("it takes at most 500 million records".to_owned());
        }
        if self.stats.namespaces.len() > COLLECTION_NAMESPACES {
            return Some("it takes at most 20,000 namespaces".to_owned());
        }
        None
    }

    /// Why the target itself cannot be what is made from the collection.
    pub fn against_unchanged(&self) -> Option<String> {
        if self.is_found {
            return Some("the target is there already".to_owned());
        }
        if self.plan.create_spec().is_none() {
            return Some("the plan has no create stage".to_owned());
        }
        let target = self.target?;
        if target.dimension != self.source.dimension {
            return Some("the dimensions differ".to_owned());
        }
        if target.metric != self.source.metric {
            return Some("the metrics differ".to_owned());
        }
        if target.vector_type != VectorType::Dense {
            return Some("the target holds sparse vectors only".to_owned());
        }
        change_on_the_way(&copy_of(self.plan), self.stats, self.mappings)
    }
}

/// What a copy changes, so that records cannot be taken over as they are.
fn change_on_the_way(
    copy: &file::Copy,
    stats: &IndexStats,
    mappings: &[Mapping],
) -> Option<String> {
    if mappings.iter().any(|mapping| mapping.source != mapping.target) {
        return Some("namespaces get other names".to_owned());
    }
    let held = stats.namespaces.values().filter(|records| **records > 0).count();
    if mappings.iter().filter(|mapping| mapping.records > 0).count() != held {
        return Some("not every namespace is selected".to_owned());
    }
    copy.changes_records().then(|| "records are changed on the way".to_owned())
}

/// The cloud a pod environment's name tells: `us-east-1-aws` is in `aws`.
fn cloud_of(environment: &str) -> Option<&'static str> {
    ["aws", "gcp", "azure"]
        .into_iter()
        .find(|cloud| environment.split('-').any(|part| part == *cloud))
}

/// Chooses the way, asking the source for as much as it takes, at most `most_counts` counts a namespace.
///
/// # Errors
/// `Refused` where the plan names a way that does not apply, or where no way reaches every record.
pub(crate) async fn choose(
    facts: &Facts<'_>,
    world: &World,
    most_counts: Option<u64>,
) -> Result<Chosen> {
    let copy = copy_of(facts.plan);
    if let Some(chosen) = within_provider(facts, &copy)? {
        return Ok(chosen);
    }
    let enumerator = Enumerator {
        plan: facts.plan,
        copy: &copy,
        source: world.source.clone(),
        spec: facts.source,
        most_counts,
        known: Some(&world.partitions),
    };
    let enumerated = enumerator.all(facts.mappings).await?;
    if let Err(gap) = super::copy::refuse_gaps(&enumerated) {
        return despite(gap, facts, &copy);
    }
    let against = facts.against_collection().or_else(|| facts.against_unchanged());
    let why = match (copy.strategy, against) {
        (Strategy::Stream, _) => "the plan says so".to_owned(),
        (_, Some(why)) => format!("not by collection: {why}"),
        (_, None) => "the plan says how ids are found".to_owned(),
    };
    Ok(Chosen { route: Route::Stream, why, enumerated })
}

/// The way where the source need not be asked for its ids; `None` where it must.
fn within_provider(facts: &Facts<'_>, copy: &file::Copy) -> Result<Option<Chosen>> {
    let is_auto = copy.enumerate == EnumerateBy::Named(NamedEnumeration::Auto);
    let is_staged = copy.enumerate == EnumerateBy::Named(NamedEnumeration::Staging);
    let (collection, unchanged) = (facts.against_collection(), facts.against_unchanged());
    Ok(Some(match (copy.strategy, collection, unchanged) {
        (Strategy::Import, ..) => {
            return Err(Error::unsupported("`strategy: import` is not in this version"));
        }
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
            "a pod in the same project and cloud, and nothing changes on the way: free of write units",
        ),
        (Strategy::Stream | Strategy::Auto, ..) => return Ok(None),
    }))
}

/// The way where not every id can be found: through staging where it applies and nobody says otherwise.
fn despite(gap: Error, facts: &Facts<'_>, copy: &file::Copy) -> Result<Chosen> {
    if copy.enumerate != EnumerateBy::Named(NamedEnumeration::Auto) {
        return Err(gap);
    }
    let Some(why) = facts.against_collection() else {
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

/// The way that was chosen earlier in this run.
pub(super) fn recorded_route(context: &Context) -> Option<Route> {
    context.recorder.with_state(|state| state.route().map(|(route, _)| route))
}

/// The way of this run: what the journal holds, else chosen now and recorded.
///
/// # Errors
/// As [`choose`].
pub(super) async fn route_of(context: &Context) -> Result<Route> {
    if let Some(route) = recorded_route(context) {
        return Ok(route);
    }
    let world = &context.world;
    let source = world.source.describe().await?.ok_or_else(|| super::audit::no_source(context))?;
    let stats = world.source.stats().await?;
    let mappings = super::copy::mappings(&context.plan, &stats)?;
    let seen = world.target.describe().await?;
    let asked = super::spec_of(&context.plan);
    let target = seen.as_ref().map(|seen| &seen.spec).or(asked.as_ref());
    let facts = Facts {
        plan: &context.plan,
        source: &source.spec,
        stats: &stats,
        mappings: &mappings,
        target,
        is_found: seen.is_some(),
        is_same_project: world.is_same_project,
    };
    let chosen = choose(&facts, world, None).await?;
    let (route, reason) = (chosen.route, chosen.why);
    context.record(Event::RouteChosen { stage: context.id(), route, reason })?;
    Ok(route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_names_its_cloud() {
        for (environment, cloud) in [
            ("us-east-1-aws", Some("aws")),
            ("us-west4-gcp-free", Some("gcp")),
            ("eastus-azure", Some("azure")),
            ("gcp-starter", Some("gcp")),
            ("somewhere", None),
        ] {
            assert_eq!(cloud_of(environment), cloud);
        }
    }
}
