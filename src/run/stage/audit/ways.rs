//! The ways records can travel: which of them the limits allow, how long each takes at the least, and what it costs.
//!
//! Limits and rates are those Pinecone documents (2026-11); a way that is slower than its limits takes longer.

use serde::Serialize;

use super::limits::has_import;
use crate::copy::{Mapping, SWEEP_LIMIT};
use crate::model::StageId;
use crate::model::{Deployment, IndexSpec, Observed};
use crate::plan::CopyStage;
use crate::plan::file::ServicePlan;
use crate::run::price::Estimate;
use crate::run::stage::route::{
    COLLECTION_NAMESPACES, COLLECTION_RECORDS, IMPORT_BYTES, IMPORT_NAMESPACES,
};

/// Ids a second an index lists: 200 requests of 100.
const LISTED_A_SECOND: f64 = 20_000.0;
/// Requests a second an index answers fetches.
const FETCHES_A_SECOND: f64 = 100.0;
const FETCH_IDS: f64 = 1_000.0;
/// Bytes a second a namespace takes, and bytes of one request.
const WRITTEN_A_SECOND: f64 = 50e6;
const REQUEST_BYTES: f64 = 2e6;
/// Namespaces copied at once where the plan does not say.
const PARALLEL: u32 = 4;

/// One way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Way {
    /// The copy stage, where the plan has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<StageId>,
    /// The way in the words of the plan: `stream, enumerate: sweep`.
    pub way: &'static str,
    /// Why the limits rule it out; empty where they do not.
    pub ruled_out: Vec<String>,
    /// What has to be seen to before.
    pub needs: Vec<String>,
    /// No faster than this, by documented limits; `None` where none are documented.
    pub seconds_at_least: Option<f64>,
    /// What is slowest.
    pub bound_by: Option<&'static str>,
    /// What writing costs, in US dollars.
    pub dollars: Option<f64>,
}

impl Way {
    fn new(way: &'static str) -> Self {
        Self {
            copy: None,
            way,
            ruled_out: Vec::new(),
            needs: Vec::new(),
            seconds_at_least: None,
            bound_by: None,
            dollars: None,
        }
    }

    fn rule_out(mut self, is_broken: bool, why: impl Into<String>) -> Self {
        if is_broken {
            self.ruled_out.push(why.into());
        }
        self
    }

    fn need(mut self, is_needed: bool, what: impl Into<String>) -> Self {
        if is_needed {
            self.needs.push(what.into());
        }
        self
    }

    fn taking(mut self, (seconds, bound_by): (f64, &'static str)) -> Self {
        self.seconds_at_least = Some(seconds);
        self.bound_by = Some(bound_by);
        self
    }

    fn costing(self, dollars: f64) -> Self {
        self.pricing(Some(dollars))
    }

    fn pricing(self, dollars: Option<f64>) -> Self {
        Self { dollars, ..self }
    }
}

/// What the ways are judged by.
pub(super) struct Facts<'a> {
    pub copy: &'a CopyStage,
    pub source: &'a IndexSpec,
    /// The deployment of the target, now or later; `None` where nobody says.
    pub target: Option<&'a Deployment>,
    pub mappings: &'a [Mapping],
    /// Records of the whole source: a collection takes all of it.
    pub all_records: u64,
    pub all_namespaces: usize,
    /// Mean bytes of a record.
    pub record_bytes: f64,
    pub service_plan: Option<ServicePlan>,
    pub cost: &'a Estimate,
}

impl Facts<'_> {
    fn is_pod(&self) -> bool {
        matches!(self.source.deployment, Deployment::Pod { .. })
    }

    fn is_serverless(&self) -> bool {
        matches!(self.source.deployment, Deployment::Serverless { .. })
    }

    fn records(&self) -> u64 {
        self.mappings.iter().map(|mapping| mapping.records).sum()
    }

    fn bytes(&self) -> f64 {
        self.records() as f64 * self.record_bytes
    }

    /// The clouds of both sides, where both are known and differ.
    fn other_cloud(&self) -> Option<(String, String)> {
        let Deployment::Pod { environment, .. } = &self.source.deployment else { return None };
        let Some(Deployment::Serverless { cloud, .. }) = self.target else { return None };
        let ours = ["aws", "gcp", "azure"].into_iter().find(|cloud| environment.contains(cloud))?;
        (ours != cloud).then(|| (ours.to_owned(), cloud.clone()))
    }

    /// Whether what arrives differs from what is there: a collection copies an index as it is.
    fn is_changed(&self) -> bool {
        let is_part = self.mappings.len() != self.all_namespaces;
        self.copy.asked.metadata.is_some()
            || is_part
            || self.mappings.iter().any(|mapping| mapping.source != mapping.target)
    }

    /// The least time of streaming, and what bounds it.
    fn stream(&self, lists: bool) -> (f64, &'static str) {
        let largest = self.mappings.iter().map(|mapping| mapping.records).max().unwrap_or(0);
        let parallel = self.copy.asked.parallel.unwrap_or(PARALLEL).max(1);
        let at_once = f64::from(parallel).min(self.mappings.len().max(1) as f64);
        let written = (self.bytes() / at_once).max(largest as f64 * self.record_bytes);
        let mut bounds = vec![(written / WRITTEN_A_SECOND, "50 MB/s a namespace of the target")];
        if lists {
            let per_fetch = FETCH_IDS.min((REQUEST_BYTES / self.record_bytes.max(1.0)).max(1.0));
            let fetches = self.records() as f64 / per_fetch / FETCHES_A_SECOND;
            bounds.push((fetches, "100 fetches/s of the source"));
            bounds.push((self.records() as f64 / LISTED_A_SECOND, "200 lists/s of the source"));
        }
        if let Some(rate) = self.copy.asked.rate {
            bounds.push((self.records() as f64 / rate.0.max(1e-9), "`rate` of the plan"));
        }
        bounds.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, "nothing"))
    }
}

/// Every way there is for this source, ruled out or not.
pub(super) fn ways(facts: &Facts<'_>) -> Vec<Way> {
    let copy = facts.cost.copy;
    let mut ways = if facts.is_pod() {
        let large: Vec<_> =
            facts.mappings.iter().filter(|mapping| mapping.records > SWEEP_LIMIT).collect();
        vec![
            collection(facts, "collection")
                .rule_out(facts.is_changed(), "names, metadata or a part of the index change")
                .costing(0.0),
            collection(facts, "collection, staging, then stream")
                .need(true, "a staging index, which is deleted afterwards")
                .taking(facts.stream(true))
                .costing(copy),
            Way::new("stream, enumerate: sweep")
                .rule_out(
                    !large.is_empty(),
                    format!(
                        "{} namespaces have more than {} records",
                        Observed::count(large.len() as u64),
                        Observed::count(SWEEP_LIMIT)
                    ),
                )
                .taking(facts.stream(false))
                .costing(copy),
            Way::new("stream, enumerate: partition")
                .need(!large.is_empty(), "metadata fields that split every large namespace")
                .taking(facts.stream(false))
                .costing(copy),
        ]
    } else {
        vec![
            Way::new("stream, enumerate: list")
                .taking(facts.stream(facts.is_serverless()))
                .costing(copy),
        ]
    };
    ways.push(
        Way::new("stream, enumerate: manifest")
            .need(true, "a file of every id")
            .taking(facts.stream(facts.is_serverless()))
            .costing(copy),
    );
    ways.push(import(facts));
    let of = (!facts.copy.is_only).then(|| facts.copy.id.clone());
    ways.iter_mut().for_each(|way| way.copy.clone_from(&of));
    ways
}

fn collection(facts: &Facts<'_>, name: &'static str) -> Way {
    let other = facts.other_cloud();
    let (ours, theirs) = other.clone().unwrap_or_default();
    let to_pod = matches!(facts.target, Some(Deployment::Pod { .. }));
    Way::new(name)
        .rule_out(other.is_some(), format!("the pod is on {ours}, the target on {theirs}"))
        .rule_out(to_pod, "the target is no serverless index")
        .rule_out(
            facts.all_records > COLLECTION_RECORDS,
            format!("{} records, the limit is 500 million", Observed::count(facts.all_records)),
        )
        .rule_out(
            facts.all_namespaces > COLLECTION_NAMESPACES,
            format!(
                "{} namespaces, the limit is 20,000",
                Observed::count(facts.all_namespaces as u64)
            ),
        )
        .need(true, "minutes to hours; writes after the collection are not in it")
}

fn import(facts: &Facts<'_>) -> Way {
    let namespaces = facts.mappings.len();
    Way::new("import")
        .rule_out(
            matches!(facts.target, Some(Deployment::Pod { .. })),
            "the target is no serverless index",
        )
        .rule_out(
            namespaces > IMPORT_NAMESPACES,
            format!(
                "{} namespaces, the limit of a job is 10,000",
                Observed::count(namespaces as u64)
            ),
        )
        .rule_out(
            facts.bytes() > IMPORT_BYTES,
            format!("{}, the limit of a job is 1 TB", Observed::Bytes(facts.bytes())),
        )
        .rule_out(
            has_import(facts.service_plan) == Some(false),
            "bulk import needs the plan standard or enterprise",
        )
        .need(facts.copy.asked.import.is_none(), "a place for its files: `import: { uri: s3://… }`")
        .need(true, "10 minutes at the least; every record is read from the source first")
        .need(facts.cost.import.is_none(), "billed by GB; `prices.import_gb` is not known")
        .pricing(facts.cost.import)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metric, Namespace, Rate, VectorType};
    use crate::plan::file;

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
            deployment,
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

    const COST: Estimate = Estimate {
        source_monthly: None,
        target_monthly: 1.0,
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
    }

    fn world(sizes: &[u64]) -> World {
        World {
            source: pod("us-east-1-aws"),
            target: Some(serverless("aws")),
            mappings: mappings(sizes),
            all_records: sizes.iter().sum(),
            all_namespaces: sizes.len(),
            copy: CopyStage::whole(),
            service_plan: None,
        }
    }

    impl World {
        fn ways(&self, record_bytes: f64) -> Vec<Way> {
            ways(&Facts {
                copy: &self.copy,
                source: &spec(self.source.clone()),
                target: self.target.as_ref(),
                mappings: &self.mappings,
                all_records: self.all_records,
                all_namespaces: self.all_namespaces,
                record_bytes,
                service_plan: self.service_plan,
                cost: &COST,
            })
        }

        /// The ways that the limits allow.
        fn allowed(&self) -> Vec<&'static str> {
            let all = self.ways(1e3).into_iter();
            all.filter(|way| way.ruled_out.is_empty()).map(|way| way.way).collect()
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
                        asked: file::Copy {
                            metadata: Some(Default::default()),
                            ..Default::default()
                        },
                        ..CopyStage::whole()
                    },
                    ..small()
                },
                vec![STAGING, SWEEP, PARTITION, MANIFEST, "import"],
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
            let way = world.ways(record_bytes).into_iter().find(|way| way.bound_by.is_some());
            way.map(|way| {
                (way.seconds_at_least.unwrap_or_default().round(), way.bound_by.unwrap_or_default())
            })
            .unwrap()
        };
        let list = |sizes: &[u64]| World { source: serverless("aws"), ..world(sizes) };
        // 10 GB of one namespace at 50 MB/s: other namespaces beside it do not make it faster.
        assert_eq!(time(&list(&[1_000_000]), 1e4), (200.0, "50 MB/s a namespace of the target"));
        assert_eq!(time(&list(&[250_000; 4]), 1e4).0, 50.0);
        // A million small records: 10,000 pages at 200 a second.
        assert_eq!(time(&list(&[250_000; 4]), 100.0), (50.0, "200 lists/s of the source"));
        // Records of 80 kB: 25 to a fetch.
        assert_eq!(time(&list(&[10_000; 100]), 8e4).1, "100 fetches/s of the source");
        let mut slow = list(&[1_000]);
        slow.copy.asked.rate = Some(Rate(10.0));
        assert_eq!(time(&slow, 100.0), (100.0, "`rate` of the plan"));
    }
}
