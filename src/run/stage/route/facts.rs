//! The facts that decide a copy's route, and the obstacles to a collection.

use crate::copy::Mapping;
use crate::error::Result;
use crate::model::{IndexDescription, IndexSpec, IndexStats, VectorType};
use crate::pinecone_wire::Deployment;
use crate::plan::{CopyStage, Plan};
use crate::provider::advice::Pace;
use crate::provider::registry::{asked_for, connector};
use crate::run::World;
use crate::run::price::{Estimate, Pricing};
use crate::run::stage::copy::Selection;
use crate::run::stage::weight::Weight;

/// The most records and namespaces that a migration by collection supports (Pinecone, "Migrate a pod-based index to
/// serverless", 2026).
const COLLECTION_RECORDS: u64 = 500_000_000;
const COLLECTION_NAMESPACES: usize = 20_000;

/// The facts that decide a copy's route.
pub(crate) struct Facts<'a> {
    pub copy: &'a CopyStage,
    pub mappings: &'a [Mapping],
    pub source: &'a IndexSpec,
    pub stats: &'a IndexStats,
    /// The existing target, or else the one the plan asks for.
    pub target: Option<IndexSpec>,
    /// Whether the target exists and was not made by this run.
    pub is_found: bool,
    /// Whether the plan makes the target.
    pub is_made: bool,
    /// The target's record counts.
    pub held: &'a IndexStats,
    pub is_same_project: bool,
    /// The documented limits of both sides.
    pub source_pace: Pace,
    pub target_pace: Pace,
    /// Whether the target's service takes bulk imports, if that is known.
    pub takes_imports: Option<bool>,
    pub weight: Weight,
    /// The cost of the copy.
    pub cost: Estimate,
}

/// The observed state of both sides.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a> {
    pub source: &'a IndexSpec,
    pub stats: &'a IndexStats,
    pub target: Option<&'a IndexDescription>,
    /// The target's record counts, as returned by [`held_by`].
    pub held: &'a IndexStats,
}

/// Returns the target's counts; empty if it does not exist or is not ready yet.
///
/// # Errors
/// Any error of the target.
pub(crate) async fn held_by(
    world: &World,
    target: Option<&IndexDescription>,
) -> Result<IndexStats> {
    match target {
        Some(seen) if seen.ready => world.target.stats().await,
        _ => Ok(IndexStats::default()),
    }
}

impl<'a> Facts<'a> {
    /// Collects the facts for one copy between these sides.
    pub fn of(
        plan: &Plan,
        world: &World,
        selection: &'a Selection,
        sides: Sides<'a>,
        weight: Weight,
    ) -> Self {
        let Sides { source, stats, target, held } = sides;
        let is_found = target.is_some();
        let target = target.map(|seen| seen.spec.clone()).or_else(|| asked_for(plan));
        let connectors = [&plan.source, &plan.target].map(|end| connector(&end.provider).ok());
        let pace = |at: usize, spec: Option<&IndexSpec>| {
            connectors[at].zip(spec).map(|(one, spec)| one.pace(&spec.deployment))
        };
        Self {
            copy: &selection.copy,
            mappings: &selection.mappings,
            source,
            stats,
            is_found,
            is_made: plan.create_spec().is_some(),
            source_pace: pace(0, Some(source)).unwrap_or_default(),
            target_pace: pace(1, target.as_ref()).unwrap_or_default(),
            takes_imports: connectors[1].and_then(|one| one.takes_imports(plan.service_plan())),
            target,
            held,
            is_same_project: world.is_same_project,
            cost: Pricing::of(plan, None).estimate(&source.deployment, weight.load()),
            weight,
        }
    }
}

impl Facts<'_> {
    pub(super) fn is_pod(&self) -> bool {
        matches!(Deployment::of(&self.source.deployment), Some(Deployment::Pod { .. }))
    }

    /// Lists the obstacles to making a staging index from a collection of the source.
    pub(super) fn against_collection(&self) -> Vec<String> {
        let source = Deployment::of(&self.source.deployment);
        let Some(Deployment::Pod { environment, .. }) = &source else {
            return vec!["only pod indexes have collections".to_owned()];
        };
        let mut against = Vec::new();
        match self.target.as_ref().map(|target| Deployment::of(&target.deployment)) {
            None => against.push("the plan does not say what the target is".to_owned()),
            Some(Some(Deployment::Serverless { cloud, .. })) => {
                let from = cloud_of(environment).filter(|from| *from != cloud);
                against.extend(
                    from.map(|from| format!("the source is in {from} and the target in {cloud}")),
                );
            }
            Some(_) => against.push("the target is not serverless".to_owned()),
        }
        if !self.is_same_project {
            against.push("source and target are not in the same project".to_owned());
        }
        if self.stats.total > COLLECTION_RECORDS {
            against.push("it takes at most 500 million records".to_owned());
        }
        if self.stats.namespaces.len() > COLLECTION_NAMESPACES {
            against.push("it takes at most 20,000 namespaces".to_owned());
        }
        against
    }

    /// Lists the obstacles to making the target itself from the collection.
    pub(super) fn against_unchanged(&self) -> Vec<String> {
        if self.is_found {
            return vec!["the target is there already".to_owned()];
        }
        let mut against = Vec::new();
        let mut add = |is_so: bool, why: &str| against.extend(is_so.then(|| why.to_owned()));
        add(!self.is_made, "the plan has no create stage");
        if let Some(target) = &self.target {
            add(target.dimension != self.source.dimension, "the dimensions differ");
            add(target.metric != self.source.metric, "the metrics differ");
            add(target.vector_type != VectorType::Dense, "the target holds sparse vectors only");
        }
        add(!self.copy.is_only, "it fills the whole target, and other copy stages write to it too");
        let is_renamed = self.mappings.iter().any(|mapping| mapping.source != mapping.target);
        add(is_renamed, "namespaces get other names");
        let held = self.stats.namespaces.values().filter(|records| **records > 0).count();
        let selected = self.mappings.iter().filter(|mapping| mapping.records > 0).count();
        add(selected != held, "not every namespace is selected");
        add(self.copy.asked.changes_records(), "records are changed on the way");
        against
    }
}

/// Returns the cloud named by a pod environment: `us-east-1-aws` is in `aws`.
fn cloud_of(environment: &str) -> Option<&'static str> {
    ["aws", "gcp", "azure"]
        .into_iter()
        .find(|cloud| environment.split('-').any(|part| part == *cloud))
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
