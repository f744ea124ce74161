//! What the choice of a way depends on, and what speaks against a collection.

use crate::copy::Mapping;
use crate::error::Result;
use crate::model::{Deployment, IndexDescription, IndexSpec, IndexStats, VectorType};
use crate::plan::{CopyStage, Plan};
use crate::run::World;
use crate::run::stage::create::spec_of;

/// The most records and namespaces that the collection path takes (Pinecone, "Migrate a pod-based index to
/// serverless", 2026).
pub(in crate::run::stage) const COLLECTION_RECORDS: u64 = 500_000_000;
pub(in crate::run::stage) const COLLECTION_NAMESPACES: usize = 20_000;

/// What the choice depends on.
pub(crate) struct Facts<'a> {
    pub plan: &'a Plan,
    pub copy: &'a CopyStage,
    pub source: &'a IndexSpec,
    pub stats: &'a IndexStats,
    pub mappings: &'a [Mapping],
    /// The target that is there, or the one the plan asks for.
    pub target: Option<IndexSpec>,
    /// Whether the target is there and was not made by this run.
    pub is_found: bool,
    /// What the target holds already; asked for where the plan imports.
    pub held: IndexStats,
    pub is_same_project: bool,
}

impl<'a> Facts<'a> {
    /// Collects the facts for the target as it was `seen`.
    ///
    /// # Errors
    /// Those of the target.
    pub async fn of(
        plan: &'a Plan,
        copy: &'a CopyStage,
        world: &World,
        source: &'a IndexSpec,
        stats: &'a IndexStats,
        mappings: &'a [Mapping],
        seen: Option<&IndexDescription>,
    ) -> Result<Self> {
        let imports = copy.asked.import.is_some();
        let held = match seen {
            Some(seen) if imports && seen.ready => world.target.stats().await?,
            _ => IndexStats::default(),
        };
        Ok(Self {
            plan,
            copy,
            source,
            stats,
            mappings,
            is_found: seen.is_some(),
            target: seen.map(|seen| seen.spec.clone()).or_else(|| spec_of(plan)),
            held,
            is_same_project: world.is_same_project,
        })
    }
}

impl Facts<'_> {
    /// Why no collection of the source can be taken and made into an index beside the target.
    pub fn against_collection(&self) -> Option<String> {
        let Deployment::Pod { environment, .. } = &self.source.deployment else {
            return Some("only pod indexes have collections".to_owned());
        };
        let Some(target) = &self.target else {
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
        let target = self.target.as_ref()?;
        if target.dimension != self.source.dimension {
            return Some("the dimensions differ".to_owned());
        }
        if target.metric != self.source.metric {
            return Some("the metrics differ".to_owned());
        }
        if target.vector_type != VectorType::Dense {
            return Some("the target holds sparse vectors only".to_owned());
        }
        if !self.copy.is_only {
            return Some(
                "it fills the whole target, and other copy stages write to it too".to_owned(),
            );
        }
        change_on_the_way(self.copy, self.stats, self.mappings)
    }
}

/// What a copy changes, so that records cannot be taken over as they are.
fn change_on_the_way(copy: &CopyStage, stats: &IndexStats, mappings: &[Mapping]) -> Option<String> {
    if mappings.iter().any(|mapping| mapping.source != mapping.target) {
        return Some("namespaces get other names".to_owned());
    }
    let held = stats.namespaces.values().filter(|records| **records > 0).count();
    if mappings.iter().filter(|mapping| mapping.records > 0).count() != held {
        return Some("not every namespace is selected".to_owned());
    }
    copy.asked.changes_records().then(|| "records are changed on the way".to_owned())
}

/// The cloud in a pod environment's name: `us-east-1-aws` is in `aws`.
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
