//! The routes that a copy could take: those of the source's system, a list of the user's, and a bulk import.

use super::enumeration::Enumerated;
use super::import::against_import;
use crate::journal::Route;
use crate::plan::file::EnumerateBy;
use crate::provider::advice::{Bound, Candidate, Facts};
use crate::provider::registry::connector;

/// Returns every candidate of a copy for its kind of source. `enumerated` gives its shards, if known.
pub(crate) fn candidates(facts: &Facts<'_>, enumerated: &[Enumerated]) -> Vec<Candidate> {
    let of_source = connector(facts.systems.0);
    let mut candidates = of_source.map(|one| one.candidates(facts)).unwrap_or_default();
    let cost = Some(facts.cost.copy);
    let names = matches!(facts.copy.asked.enumerate, EnumerateBy::Manifest(_));
    candidates.push(
        Candidate::new(Route::Stream, "stream, enumerate: manifest")
            .need(!names, "a file of every id")
            .taking(facts.stream(facts.source_pace))
            .costing(cost),
    );
    candidates.push(import(facts, enumerated));
    let of = (!facts.copy.is_only).then(|| facts.copy.id.clone());
    candidates.iter_mut().for_each(|candidate| candidate.copy.clone_from(&of));
    candidates
}

/// Returns the candidate of a route; if there are several, the one with this enumeration.
pub(crate) fn candidate_of<'a>(
    candidates: &'a [Candidate],
    route: Route,
    by: &str,
) -> Option<&'a Candidate> {
    let mut of_route = candidates.iter().filter(|candidate| candidate.route == route);
    let named = of_route.clone().find(|candidate| candidate.words.ends_with(by));
    named.or_else(|| of_route.next())
}

fn import(facts: &Facts<'_>, enumerated: &[Enumerated]) -> Candidate {
    let known: Vec<u64> =
        enumerated.iter().flat_map(Enumerated::shards).map(|shard| shard.expected).collect();
    let against = match known.is_empty() {
        true => against_import(facts, facts.mappings.iter().map(|mapping| mapping.records)),
        false => against_import(facts, known.into_iter()),
    };
    Candidate::new(Route::Import, "import")
        .ruled_out(against)
        .need(true, "10 minutes at the least; every record is read from the source first")
        .need(facts.cost.import.is_none(), "billed by GB; `prices.import_gb` is not known")
        .taking(Bound::slowest(facts.reading(facts.source_pace).bounds()))
        .costing(facts.cost.import)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copy::Mapping;
    use crate::model::{IndexSpec, IndexStats, Metric, Namespace, Rate, VectorType};
    use crate::pinecone_wire::Deployment;
    use crate::plan::CopyStage;
    use crate::plan::file::{self, ServicePlan};
    use crate::provider::advice::{Estimate, Size};

    fn pod(environment: &str) -> Deployment {
        Deployment::Pod {
            environment: environment.into(),
            pod_type: "p1.x1".into(),
            pods: 1,
            replicas: 1,
            shards: 1,
            indexed: None,
        }
    }

    fn serverless(cloud: &str) -> Deployment {
        Deployment::Serverless { cloud: cloud.into(), region: "r".into() }
    }

    fn spec(deployment: Deployment) -> IndexSpec {
        IndexSpec {
            name: "old".into(),
            dimension: Some(8),
            metric: Metric::Cosine,
            vector_type: VectorType::Dense,
            deployment: deployment.into(),
            deletion_protection: false,
            tags: Default::default(),
        }
    }

    fn mappings(sizes: &[u64]) -> Vec<Mapping> {
        let mapping = |(at, records): (usize, &u64)| {
            let name = Namespace::new(format!("n{at}"));
            Mapping { source: name.clone(), target: name, records: *records }
        };
        sizes.iter().enumerate().map(mapping).collect()
    }

    fn copy() -> CopyStage {
        let place = file::Import { uri: "file:///files".into(), integration: None };
        CopyStage {
            asked: file::Copy { import: Some(place), ..Default::default() },
            ..CopyStage::whole()
        }
    }

    const COST: Estimate = Estimate {
        source_monthly: None,
        target_monthly: Some(1.0),
        copy: 2.0,
        import: None,
        verify: 3.0,
    };

    struct World {
        source: Deployment,
        target: Option<Deployment>,
        mappings: Vec<Mapping>,
        all_records: u64,
        all_namespaces: usize,
        copy: CopyStage,
        service_plan: Option<ServicePlan>,
        is_same_project: bool,
    }

    fn world(sizes: &[u64]) -> World {
        World {
            source: pod("us-east-1-aws"),
            target: Some(serverless("aws")),
            mappings: mappings(sizes),
            all_records: sizes.iter().sum(),
            all_namespaces: sizes.len(),
            copy: copy(),
            service_plan: None,
            is_same_project: true,
        }
    }

    impl World {
        fn candidates(&self, record_bytes: f64) -> Vec<Candidate> {
            let target = self.target.clone().map(spec);
            let records = self.mappings.iter().map(|mapping| mapping.records).sum();
            let bytes = |mapping: &Mapping| mapping.records as f64 * record_bytes;
            let held = (0..self.all_namespaces).map(|at| (Namespace::new(format!("n{at}")), 1));
            let stats = IndexStats {
                total: self.all_records,
                namespaces: held.collect(),
                ..IndexStats::default()
            };
            let pinecone: file::Provider = serde_json::from_value("pinecone".into()).unwrap();
            let system = connector(&pinecone).unwrap();
            let endpoint = file::Endpoint {
                provider: pinecone.clone(),
                index: "i".into(),
                own: Default::default(),
            };
            let facts = Facts {
                copy: &self.copy,
                mappings: &self.mappings,
                source: &spec(self.source.clone()),
                stats: &stats,
                target,
                is_found: false,
                is_made: true,
                held: &IndexStats::default(),
                is_same_project: self.is_same_project,
                service_plan: self.service_plan,
                systems: (&pinecone, &pinecone),
                source_pace: system.pace(&endpoint, &self.source.clone().into()),
                target_pace: system.pace(&endpoint, &serverless("aws").into()),
                size: Size {
                    records,
                    namespace_bytes: self.mappings.iter().map(bytes).collect(),
                    record_bytes,
                },
                cost: COST,
            };
            candidates(&facts, &[])
        }

        /// Returns the candidates that limits allow.
        fn allowed(&self) -> Vec<&'static str> {
            let all = self.candidates(1e3).into_iter();
            all.filter(Candidate::is_open).map(|candidate| candidate.words).collect()
        }
    }

    const STAGING: &str = "collection, staging, then stream";
    const SWEEP: &str = "stream, enumerate: sweep";
    const PARTITION: &str = "stream, enumerate: partition";
    const MANIFEST: &str = "stream, enumerate: manifest";
    const LIST: &str = "stream, enumerate: list";

    #[test]
    fn each_limit_rules_out_its_ways_and_no_other() {
        let small = || world(&[10, 10_000]);
        let rename = |mut world: World| {
            world.mappings[0].target = Namespace::new("other");
            world
        };
        let cases = [
            (small(), vec!["collection", STAGING, SWEEP, PARTITION, MANIFEST, "import"]),
            (world(&[10_001]), vec!["collection", STAGING, PARTITION, MANIFEST, "import"]),
            (rename(small()), vec![STAGING, SWEEP, PARTITION, MANIFEST, "import"]),
            (
                World { all_namespaces: 3, ..small() },
                vec![STAGING, SWEEP, PARTITION, MANIFEST, "import"],
            ),
            (
                World {
                    copy: CopyStage {
                        asked: file::Copy { metadata: Some(Default::default()), ..copy().asked },
                        ..copy()
                    },
                    ..small()
                },
                vec![STAGING, SWEEP, PARTITION, MANIFEST, "import"],
            ),
            (
                World {
                    copy: CopyStage {
                        asked: file::Copy { filter: Some(Default::default()), ..copy().asked },
                        ..copy()
                    },
                    ..small()
                },
                vec![STAGING, SWEEP, PARTITION, MANIFEST, "import"],
            ),
            (
                World { copy: CopyStage { is_only: false, ..copy() }, ..small() },
                vec![STAGING, SWEEP, PARTITION, MANIFEST, "import"],
            ),
            (
                World { is_same_project: false, ..small() },
                vec![SWEEP, PARTITION, MANIFEST, "import"],
            ),
            (
                World { all_records: 500_000_001, ..small() },
                vec![SWEEP, PARTITION, MANIFEST, "import"],
            ),
            (
                World { source: pod("us-west4-gcp"), ..small() },
                vec![SWEEP, PARTITION, MANIFEST, "import"],
            ),
            (
                World { target: Some(pod("us-east-1-aws")), ..small() },
                vec![SWEEP, PARTITION, MANIFEST],
            ),
            (
                World { service_plan: Some(ServicePlan::Builder), ..small() },
                vec!["collection", STAGING, SWEEP, PARTITION, MANIFEST],
            ),
            (World { source: serverless("gcp"), ..small() }, vec![LIST, MANIFEST, "import"]),
            (world(&[1; 10_001]), vec!["collection", STAGING, SWEEP, PARTITION, MANIFEST]),
            (world(&[1; 20_001]), vec![SWEEP, PARTITION, MANIFEST]),
            (World { all_records: 500_000_000, ..small() }, small().allowed()),
        ];
        for (at, (world, allowed)) in cases.into_iter().enumerate() {
            assert_eq!(world.allowed(), allowed, "case {at}");
        }
    }

    #[test]
    fn a_stream_is_as_slow_as_its_slowest_limit() {
        let time = |world: &World, record_bytes: f64| {
            let candidate = world
                .candidates(record_bytes)
                .into_iter()
                .find(|candidate| candidate.bound_by.is_some());
            candidate
                .map(|candidate| {
                    (
                        candidate.seconds_at_least.unwrap_or_default().round(),
                        candidate.bound_by.unwrap_or_default(),
                    )
                })
                .unwrap()
        };
        let list = |sizes: &[u64]| World { source: serverless("aws"), ..world(sizes) };
        // 10 GB in one namespace at 50 MB/s, compared with four namespaces written concurrently.
        assert_eq!(time(&list(&[1_000_000]), 1e4), (200.0, "50 MB/s a namespace of the target"));
        assert_eq!(time(&list(&[250_000; 4]), 1e4).0, 50.0);
        // A million small records take 10,000 pages at 200 per second.
        assert_eq!(time(&list(&[250_000; 4]), 100.0), (50.0, "200 lists/s of the source"));
        // With records of 80 kB, a fetch returns 25, so eight namespaces accept more than the fetches deliver.
        let mut large = list(&[10_000; 100]);
        large.copy.asked.parallel = Some(8);
        assert_eq!(time(&large, 8e4).1, "100 fetches/s of the source");
        let mut slow = list(&[1_000]);
        slow.copy.asked.rate = Some(Rate(10.0));
        assert_eq!(time(&slow, 100.0), (100.0, "`rate` of the plan"));
    }
}
