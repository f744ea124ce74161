//! Ways to copy from and to Pinecone's indexes, and the obstacles to them.
//!
//! Limits as documented by Pinecone: "Migrate a pod-based index to serverless" (2026), "Import records" and "Database
//! limits" (seen 2026-11).

use super::limits::has_import;
use crate::journal::Route;
use crate::model::{Observed, VectorType};
use crate::pinecone_wire::Deployment;
use crate::pinecone_wire::limits::{IMPORT_BYTES, IMPORT_FILES, IMPORT_NAMESPACES, TOP_K};
use crate::provider::advice::{Candidate, Facts, Files};
use crate::storage::is_s3;

/// The most records and namespaces that a migration by collection supports.
const COLLECTION_RECORDS: u64 = 500_000_000;
const COLLECTION_NAMESPACES: usize = 20_000;
/// The most records of a namespace that one query reaches.
const SWEEP: u64 = TOP_K as u64;

/// Returns the routes and enumerations by which the records of an index could be copied.
pub(super) fn candidates(facts: &Facts<'_>) -> Vec<Candidate> {
    match Deployment::of(&facts.source.deployment) {
        Some(Deployment::Pod { environment, .. }) => of_pod(facts, &environment),
        _ => vec![Candidate::listed(facts)],
    }
}

fn of_pod(facts: &Facts<'_>, environment: &str) -> Vec<Candidate> {
    let cost = Some(facts.cost.copy);
    let large = facts.mappings.iter().filter(|mapping| mapping.records > SWEEP).count();
    let too_large = format!(
        "{} namespaces have more than {} records",
        Observed::count(large as u64),
        Observed::count(SWEEP)
    );
    vec![
        collection(facts, environment, Route::Collection, "collection")
            .ruled_out(against_unchanged(facts))
            .costing(Some(0.0)),
        collection(facts, environment, Route::Staging, "collection, staging, then stream")
            .need(true, "a staging index, which is deleted afterwards")
            .taking(facts.stream(facts.target_pace))
            .costing(cost),
        Candidate::new(Route::Stream, "stream, enumerate: sweep")
            .ruled_out((large > 0).then_some(too_large))
            .taking(facts.stream(facts.source_pace))
            .costing(cost),
        Candidate::new(Route::Stream, "stream, enumerate: partition")
            .need(large > 0, "metadata fields that split every large namespace")
            .taking(facts.stream(facts.source_pace))
            .costing(cost),
    ]
}

fn collection(facts: &Facts<'_>, environment: &str, route: Route, name: &'static str) -> Candidate {
    Candidate::new(route, name)
        .ruled_out(against_collection(facts, environment))
        .need(true, "minutes to hours; writes after the collection are not in it")
}

/// Lists the obstacles to making a staging index from a collection of the source.
fn against_collection(facts: &Facts<'_>, environment: &str) -> Vec<String> {
    let mut against = Vec::new();
    match facts.target.as_ref().map(|target| Deployment::of(&target.deployment)) {
        None => against.push("the plan does not say what the target is".to_owned()),
        Some(Some(Deployment::Serverless { cloud, .. })) => {
            let from = cloud_of(environment).filter(|from| *from != cloud);
            against.extend(
                from.map(|from| format!("the source is in {from} and the target in {cloud}")),
            );
        }
        Some(_) => against.push("the target is not serverless".to_owned()),
    }
    if !facts.is_same_project {
        against.push("source and target are not in the same project".to_owned());
    }
    if facts.stats.total > COLLECTION_RECORDS {
        against.push("it takes at most 500 million records".to_owned());
    }
    if facts.stats.namespaces.len() > COLLECTION_NAMESPACES {
        against.push("it takes at most 20,000 namespaces".to_owned());
    }
    against
}

/// Lists the obstacles to making the target itself from the collection.
fn against_unchanged(facts: &Facts<'_>) -> Vec<String> {
    if facts.is_found {
        return vec!["the target is there already".to_owned()];
    }
    let mut against = Vec::new();
    let mut add = |is_so: bool, why: &str| against.extend(is_so.then(|| why.to_owned()));
    add(!facts.is_made, "the plan has no create stage");
    if let Some(target) = &facts.target {
        add(target.dimension != facts.source.dimension, "the dimensions differ");
        add(target.metric != facts.source.metric, "the metrics differ");
        add(target.vector_type != VectorType::Dense, "the target holds sparse vectors only");
    }
    add(!facts.copy.is_only, "it fills the whole target, and other copy stages write to it too");
    let is_renamed = facts.mappings.iter().any(|mapping| mapping.source != mapping.target);
    add(is_renamed, "namespaces get other names");
    let held = facts.stats.namespaces.values().filter(|records| **records > 0).count();
    let selected = facts.mappings.iter().filter(|mapping| mapping.records > 0).count();
    add(selected != held, "not every namespace is selected");
    add(facts.copy.asked.changes_records(), "records are changed on the way");
    against
}

/// Returns the cloud named by a pod environment: `us-east-1-aws` is in `aws`.
fn cloud_of(environment: &str) -> Option<&'static str> {
    ["aws", "gcp", "azure"]
        .into_iter()
        .find(|cloud| environment.split('-').any(|part| part == *cloud))
}

/// Lists the obstacles to importing files into the target.
pub(super) fn against_import(facts: &Facts<'_>, files: &Files) -> Vec<String> {
    let mut against = Vec::new();
    let place = facts.copy.asked.import.as_ref();
    match facts.target.as_ref().map(|target| Deployment::of(&target.deployment)) {
        None => against.push("the plan does not say what the target is".to_owned()),
        Some(Some(Deployment::Serverless { cloud, .. })) => {
            if place.is_some_and(|import| is_s3(&import.uri)) && cloud != "aws" {
                against.push(format!("an index in {cloud} cannot import from Amazon S3"));
            }
        }
        Some(_) => against.push("the target is not serverless".to_owned()),
    }
    if has_import(facts.service_plan) == Some(false) {
        against.push("it needs the service's plan standard or enterprise".to_owned());
    }
    against.extend(over_limits(files));
    against
}

/// Explains why one import does not take so much.
fn over_limits(files: &Files) -> Option<String> {
    let count = |number: u64| Observed::count(number);
    if files.namespaces > IMPORT_NAMESPACES {
        let (found, most) = (count(files.namespaces as u64), count(IMPORT_NAMESPACES as u64));
        return Some(format!("{found} namespaces, an import takes {most}"));
    }
    if files.bytes > IMPORT_BYTES as f64 {
        let (bytes, most) = (Observed::Bytes(files.bytes), Observed::Bytes(IMPORT_BYTES as f64));
        return Some(format!("about {bytes}, an import takes {most}"));
    }
    (files.files > IMPORT_FILES as u64).then(|| {
        format!(
            "about {} files, an import takes {}",
            count(files.files),
            count(IMPORT_FILES as u64)
        )
    })
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

    #[test]
    fn what_one_import_takes_is_kept_to() {
        let files = Files { namespaces: 10_000, files: 100_000, bytes: 1e12 };
        assert_eq!(over_limits(&files), None);
        let over = |files: Files| over_limits(&files).unwrap();
        let bytes = over(Files { bytes: 1.031e12, ..files });
        assert_eq!(bytes, "about 1,031 GB, an import takes 1,000 GB");
        let many = over(Files { files: 100_001, ..files });
        assert_eq!(many, "about 100,001 files, an import takes 100,000");
        let namespaces = over(Files { namespaces: 10_001, ..files });
        assert_eq!(namespaces, "10,001 namespaces, an import takes 10,000");
    }
}
