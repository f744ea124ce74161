//! Whole migrations over REST, and the client's other calls, checked by the proxy.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vecshift::clock::Clock;
use vecshift::copy::all_ids;
use vecshift::emulator::{Emulator, EmulatorOptions, World as EmulatedWorld};
use vecshift::journal::Holder;
use vecshift::model::Cursor;
use vecshift::model::{
    Filter, IndexSpec, Metric, Namespace, Record, RecordId, SparseVector, Vector, VectorType,
    Vectors,
};
use vecshift::pinecone_wire::Deployment;
use vecshift::plan::Plan;
use vecshift::provider::pinecone::{Index, Settings, Transport};
use vecshift::provider::{Environment, Secret};
use vecshift::run::{Outcome, PreparedRun, RunOptions, Silent, World, rehearsed_driver, roll_back};
use vecshift::state::{Backend, Folder};
use vecshift::store::{
    Admin, Describe, Fetch, Filtering, IndexChange, Query, Reader, Remove, Scope, Search, Source,
    Write,
};

use super::proxy::Proxy;
use super::{VERSIONS, specification};
use crate::world::{KEY, POD, emulator, plan_of};

const WHAT: &str =
    "the client's requests and the emulator's answers against Pinecone's OpenAPI files";

/// A pod moves, from the audit to the deletion of the source.
const POD_PLAN: &str = r#"
version: 1
name: contract
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  flagd: { file: flag.json, flag: new-index, bucket_by: user }
stages:
  - { kind: audit, sample: 50, assert: [source.records == 240] }
  - kind: create
    spec:
      serverless: { cloud: aws, region: us-east-1 }
      dimension: 16
      metric: dotproduct
      deletion_protection: enabled
      tags: { team: search }
    assert: [target.ready == true]
  - kind: copy
    namespaces: { rename: "moved_{{ namespace }}" }
    metadata: { set: { moved: "yes" } }
    assert: [copy.complete == true, copy.failed == 0]
  - kind: verify
    queries: { count: 30, top_k: 5, filtered: 50% }
    assert: [count_delta == 0, missing == 0, mismatched == 0, metadata_mismatched == 0]
  - kind: canary
    probe: { queries: 10 }
    steps: [{ weight: 100%, bake: 30m }]
    assert: [error_rate < 50% over 10m]
  - { kind: decommission, after: 1d, snapshot: "file:backup", confirm: old, assert: [snapshot.complete == true] }
rehearsal:
  source: { kind: pod, records: 240, namespaces: 3 }
"#;

/// A serverless index is copied, and everything is taken back.
const SERVERLESS_PLAN: &str = r#"
version: 1
name: contract-back
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: create
    spec: { serverless: { cloud: gcp, region: us-central1 }, dimension: 16, metric: cosine }
  - { kind: copy, assert: [copy.complete == true] }
  - { kind: verify, assert: [missing == 0, mismatched == 0] }
rehearsal:
  source: { kind: serverless, records: 240, namespaces: 2 }
"#;

struct Rig {
    folder: tempfile::TempDir,
    plan: Plan,
    proxy: Proxy,
    emulator: Emulator,
}

impl Rig {
    /// Starts a migration; `None` if the files are missing. `refused` is a version that the server appears not to
    /// know.
    async fn of(text: &str, refused: Option<&'static str>) -> Option<Self> {
        let specification = specification(WHAT)?;
        let folder = tempfile::tempdir().unwrap();
        let plan = plan_of(folder.path(), text);
        let emulator = Emulator::start(EmulatorOptions {
            api_key: Some(KEY.to_owned()),
            ready_after: Duration::from_millis(20),
            ..EmulatorOptions::default()
        });
        let emulator = emulator.await.unwrap();
        emulator.load(EmulatedWorld::of_plan(&plan).unwrap()).await.unwrap();
        let proxy = Proxy::start(&emulator.url(), specification, refused).await;
        Some(Self { folder, plan, proxy, emulator })
    }

    async fn prepare(&self) -> PreparedRun {
        let mut environment = Environment::stand_in(self.proxy.url(), Secret::new(KEY));
        environment.transport = Transport::Rest;
        let mut options = RunOptions::new(Holder::new("tester", "here", std::process::id()));
        options.is_rehearsal = true;
        PreparedRun::new(
            self.plan.clone(),
            World::open(&self.plan, &environment).unwrap(),
            rehearsed_driver(&self.plan, self.folder.path()).unwrap(),
            Folder::new(self.folder.path().join("state"), "here", Clock::system())
                .home(&self.plan.name),
            Clock::rehearsal(Duration::from_millis(50)),
            options,
            Arc::new(Silent),
        )
        .await
        .unwrap()
    }

    async fn run(&self) -> Outcome {
        self.prepare().await.execute(CancellationToken::new()).await.unwrap()
    }
}

async fn migrate(refused: Option<&'static str>) -> Option<Proxy> {
    let rig = Rig::of(POD_PLAN, refused).await?;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    rig.proxy.assert_clean();
    Some(rig.proxy)
}

/// The same pod moves by a collection, and with its ids from a staging index made from one.
#[tokio::test(flavor = "multi_thread")]
async fn collections_and_what_is_made_from_them_are_asked_for_as_the_files_say() {
    let unchanged = POD_PLAN.replace(
        "    namespaces: { rename: \"moved_{{ namespace }}\" }\n    metadata: { set: { moved: \"yes\" } }\n",
        "",
    );
    let staged = POD_PLAN.replace("  - kind: copy\n", "  - kind: copy\n    enumerate: staging\n");
    for plan in [unchanged, staged] {
        let Some(rig) = Rig::of(&plan, None).await else { return };
        let outcome = rig.run().await;
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
        rig.proxy.assert_clean();
        for wanted in ["create_collection", "describe_collection", "delete_collection"] {
            let operation = (VERSIONS[0], wanted.to_owned());
            assert!(rig.proxy.seen().operations.contains(&operation), "{wanted} did not pass");
        }
    }
}

/// The same pod moves as files that the target imports; one import fails.
#[tokio::test(flavor = "multi_thread")]
async fn imports_are_asked_for_as_the_files_say() {
    let import = "  - kind: copy\n    import: { uri: \"s3://shelf\", integration: shelf }\n    ready_within: 5m\n";
    let Some(rig) = Rig::of(&POD_PLAN.replace("  - kind: copy\n", import), None).await else {
        return;
    };
    rig.emulator.set_faults(serde_json::from_str(r#"{"import":"stalls"}"#).unwrap());
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Erred { .. }), "{outcome:?}");
    let outcome = roll_back(rig.prepare().await, true, CancellationToken::new()).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    rig.emulator.set_faults(Default::default());
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    rig.proxy.assert_clean();
    for wanted in ["startBulkImport", "listBulkImports", "cancelBulkImport"] {
        let operation = (VERSIONS[0], wanted.to_owned());
        assert!(rig.proxy.seen().operations.contains(&operation), "{wanted} did not pass");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_of_a_pod_speaks_2026_04_as_the_files_say() {
    let Some(proxy) = migrate(None).await else { return };
    assert!(proxy.seen().operations.iter().all(|(version, _)| *version == VERSIONS[0]));
    for wanted in ["create_index", "upsertVectors", "queryVectors", "fetchVectors", "delete_index"]
    {
        let operation = (VERSIONS[0], wanted.to_owned());
        assert!(proxy.seen().operations.contains(&operation), "{wanted} did not pass");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_falls_back_speaks_2025_10_as_the_files_say() {
    let Some(proxy) = migrate(Some(VERSIONS[0])).await else { return };
    let seen = proxy.seen();
    assert!(seen.operations.len() > 5, "{seen:?}");
    assert!(seen.operations.iter().all(|(version, _)| *version == VERSIONS[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_is_rolled_back_speaks_as_the_files_say() {
    let Some(rig) = Rig::of(SERVERLESS_PLAN, None).await else { return };
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let outcome = roll_back(rig.prepare().await, true, CancellationToken::new()).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    rig.proxy.assert_clean();
    let operation = (VERSIONS[0], "listVectors".to_owned());
    assert!(rig.proxy.seen().operations.contains(&operation));
}

/// Covers what migrations of generated worlds do not ask for: sparse and hybrid records, awkward ids, the rest of the
/// two traits.
#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_the_client_is_what_the_files_say() {
    for refused in [None, Some(VERSIONS[0])] {
        let Some(specification) = specification(WHAT) else { return };
        let emulator = emulator(Default::default()).await;
        let proxy = Proxy::start(&emulator.url(), specification, refused).await;
        let index = |name: &str| {
            Index::new(Settings {
                index: name.to_owned(),
                endpoint: proxy.url().to_owned(),
                api_key: Secret::new(KEY),
                transport: Transport::Rest,
                user_agent: "vecshift-contract".to_owned(),
                rates: Default::default(),
            })
            .unwrap()
        };
        read_a_pod(&index(POD)).await;
        write_all(&index("hybrid"), hybrid("hybrid"), records(true)).await;
        write_all(&index("sparse"), sparse("sparse"), records(false)).await;
        proxy.assert_clean();
    }
}

async fn read_a_pod(pod: &Index) {
    let namespace = Namespace::new("");
    pod.describe().await.unwrap().unwrap();
    assert_eq!(pod.stats().await.unwrap().total, 20);
    let filter = Filter::read(&serde_json::json!({ "n": { "$gte": 15 } })).unwrap();
    assert_eq!(pod.count(&filter).await.unwrap().namespaces[&namespace], 5);
    let query = Query {
        vectors: Vectors::plain(Vector::from_values([1.0, 2.0, 3.0]), None),
        limit: 100,
        filter: Some(filter),
    };
    assert_eq!(pod.query(&namespace, &query).await.unwrap().len(), 5);
    assert!(Source::scan(pod).unwrap().whole().is_none());
}

async fn write_all(index: &Index, spec: IndexSpec, records: Vec<Record>) {
    let namespace = Namespace::new("a b/c%d");
    assert!(index.describe().await.unwrap().is_none());
    index.create(&spec).await.unwrap();
    while !index.describe().await.unwrap().unwrap().ready {
        tokio::task::yield_now().await;
    }
    let ids: Vec<RecordId> = records.iter().map(|record| record.id.clone()).collect();
    let written = index.upsert(&namespace, &records).await.unwrap();
    assert_eq!(written.count, records.len() as u64);
    if let Some(token) = written.token {
        index.visible(&namespace, &token, Reader::Search).await.unwrap();
    }
    assert_eq!(Fetch::fetch(index, &namespace, &ids).await.unwrap().len(), records.len());
    let scope = Scope { namespace: &namespace, records: 0 };
    let mut listed = all_ids(index, scope, &Cursor::Start).await.unwrap();
    assert_eq!(listed.next(100).await.unwrap().unwrap().ids.len(), records.len());
    let first = &records[0];
    let query = Query { vectors: first.vectors.clone(), limit: 3, filter: None };
    assert!(!index.query(&namespace, &query).await.unwrap().is_empty());
    index.delete(&namespace, &ids[..1]).await.unwrap();
    index.delete_namespace(&namespace).await.unwrap();
    let protect = |on| IndexChange { deletion_protection: Some(on) };
    index.configure(&protect(true)).await.unwrap();
    index.delete_index().await.unwrap_err();
    index.configure(&protect(false)).await.unwrap();
    index.delete_index().await.unwrap();
}

fn hybrid(name: &str) -> IndexSpec {
    IndexSpec { dimension: Some(3), vector_type: VectorType::Dense, ..sparse(name) }
}

fn sparse(name: &str) -> IndexSpec {
    IndexSpec {
        name: name.to_owned(),
        dimension: None,
        metric: Metric::Dotproduct,
        vector_type: VectorType::Sparse,
        deployment: Deployment::Serverless {
            cloud: "aws".to_owned(),
            region: "us-east-1".to_owned(),
        }
        .into(),
        deletion_protection: false,
        tags: Default::default(),
    }
}

fn records(is_dense: bool) -> Vec<Record> {
    let ids =
        ["a", "with space", "100%/é".trim_end_matches('é'), &"x".repeat(512)].map(RecordId::from);
    let dense = if is_dense { vec![1.0, -0.0, 1e-40] } else { Vec::new() };
    let metadata = serde_json::json!({
        "text": "Grüße 世界", "number": 9_007_199_254_740_991_i64, "flag": true, "list": ["a"], "none": [],
    });
    ids.into_iter()
        .map(|id| Record {
            id,
            vectors: Vectors::plain(
                Vector::from_values(dense.clone()),
                SparseVector::new(vec![7, 4_000_000_000], Vector::from_values([0.5, 0.25])),
            ),
            metadata: serde_json::from_value(metadata.clone()).unwrap(),
        })
        .collect()
}
