//! Findings of an audit: in its artifacts, in the report, and in assertions.

use std::collections::BTreeMap;

use serde_json::Value;
use vecshift::ErrorKind;
use vecshift::model::{
    IndexSpec, Metric, Namespace, Record, RecordId, Vector, VectorType, Vectors,
};
use vecshift::pinecone_wire::Deployment;
use vecshift::provider::pinecone::Transport;
use vecshift::report::{Look, Report, table};
use vecshift::run::{Outcome, preview};

use crate::rig::Rig;

const PLAN: &str = r#"
version: 1
name: audited
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
prices: { pod_monthly: $70, storage_gb_month: $0.30, source: contract of 2026-09 }
stages:
  - kind: audit
    AUDIT
    assert: [source.records == 300, cost.verify < $1, cost.saving >= 50%]
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - { kind: copy, COPY }
rehearsal:
  source: { kind: pod, records: 300, namespaces: 3 }
"#;

fn plan(audit: &str, copy: &str) -> String {
    PLAN.replace("AUDIT", audit).replace("COPY", copy)
}

fn artifact(rig: &Rig, name: &str) -> String {
    let state = rig.state();
    let artifacts = state.stages.iter().flat_map(|stage| &stage.artifacts);
    let found = artifacts.into_iter().find(|artifact| artifact.name == name);
    std::fs::read_to_string(&found.unwrap_or_else(|| panic!("no {name}")).path).unwrap()
}

fn findings(rig: &Rig) -> Value {
    serde_json::from_str(&artifact(rig, "audit")).unwrap()
}

fn notes(rig: &Rig) -> String {
    rig.state().stages[0].notes.join("\n")
}

fn assert_narrow(text: &str) {
    let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_findings_are_for_machines_and_for_people() {
    let rig = Rig::of_text(&plan("sample: 300\n    query_log: log*.csv", "parallel: 2")).await;
    let log = "namespace,timestamp,latency\n\
               ns_2,2026-11-01T00:00:00Z,12ms\nns_2,2026-11-01T01:00:00Z,14\nns_1,2026-11-01T02:00:00Z,9\nelsewhere,2026-11-01T02:00:00Z,9\n";
    std::fs::write(rig.file("log-1.csv"), log).unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");

    let found = findings(&rig);
    let field = |name: &str| &found["fields"][name];
    assert_eq!(field("kind")["types"]["string"], 300);
    assert_eq!(
        (&field("tags")["types"]["list"], &field("tags")["present_share"]),
        (&300.into(), &1.0.into())
    );
    assert!(field("created_at")["min"].as_f64().unwrap() >= 1.7e9);
    assert!(field("kind")["top_values"][0]["records"].as_u64().unwrap() >= 300 / 20);
    assert_eq!(found["largest_records"].as_array().unwrap().len(), 5);
    let way = |name: &str| {
        let ways = found["ways"].as_array().unwrap();
        ways.iter().find(|way| way["way"] == name).unwrap_or_else(|| panic!("{ways:#?}")).clone()
    };
    assert_eq!(
        (&way("collection")["ruled_out"], &way("collection")["dollars"]),
        (&Value::Array(vec![]), &0.0.into())
    );
    assert!(way("stream, enumerate: sweep")["seconds_at_least"].as_f64().unwrap() > 0.0);
    let holds = |plan: &str| {
        let checks = found["limits"].as_array().unwrap();
        checks.iter().filter(|check| check["plan"] == plan).all(|check| check["holds"] == true)
    };
    assert!(["starter", "builder", "standard", "enterprise"].into_iter().all(holds));
    let origin = |name: &str| {
        let origins = found["prices"]["origins"].as_array().unwrap();
        origins.iter().find(|origin| origin["name"] == name).unwrap()["from"].clone()
    };
    assert_eq!(
        (origin("storage_gb_month"), origin("million_read_units")),
        ("plan".into(), "built in".into())
    );
    // Four queries in two hours are 1,440 in 30 days.
    assert_eq!(
        (origin("queries_per_month"), &found["prices"]["queries_per_month"]),
        ("query log".into(), &1_440.into())
    );
    let log = &found["query_log"];
    assert_eq!(
        (&log["hottest"][0]["namespace"], &log["hottest"][0]["queries"]),
        (&"ns_2".into(), &2.into())
    );
    assert_eq!((&log["never_asked"], &log["unknown_queries"]), (&1.into(), &1.into()));
    let lost = found["lost_operations"].as_array().unwrap();
    assert!(lost.iter().any(|lost| lost["operation"] == "count records by a filter"));

    let text = artifact(&rig, "audit to read");
    assert_narrow(&text);
    for words in [
        "created_at",
        "! count records by a filter",
        "stream, enumerate: sweep",
        "contract of 2026-09",
        "Hottest namespaces",
        "built in, as of 2026-11",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    let notes = notes(&rig);
    for words in [
        "300 records in 3 namespaces",
        "pod_monthly (plan)",
        "hottest of 4 logged queries: `ns_2` (50 %)",
    ] {
        assert!(notes.contains(words), "{words} is not in\n{notes}");
    }
    let report = table(&Report::from_entries(&rig.entries()).unwrap(), Look::default());
    let is_path = |line: &&str| line.contains("wrote") || line.trim_start().starts_with('/');
    let wide: Vec<_> =
        report.lines().filter(|line| line.chars().count() > 80 && !is_path(line)).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_changes_rule_ways_out() {
    let audit = "sample: 50\n    service_plan: starter";
    let rig = Rig::of_text(
        &plan(audit, "namespaces: { rename: \"new_{{ namespace }}\" }")
            .replace("namespaces: 3 }", "namespaces: 120 }"),
    )
    .await;
    assert!(matches!(rig.run().await, Outcome::Done));
    let found = findings(&rig);
    let limits = found["limits"].as_array().unwrap();
    assert!(limits.iter().all(|check| check["plan"] == "starter"), "{limits:#?}");
    let notes = notes(&rig);
    assert!(
        notes.contains("120 namespaces of an index: over the limit of the plan starter (100)"),
        "{notes}"
    );
    let ruled_out = |name: &str| {
        let way = found["ways"].as_array().unwrap().iter().find(|way| way["way"] == name).unwrap();
        way["ruled_out"].to_string()
    };
    assert!(ruled_out("collection").contains("namespaces get other names"));
    assert_eq!(ruled_out("collection, staging, then stream"), "[]");
    assert!(ruled_out("import").contains("plan standard or enterprise"));
    assert_narrow(&artifact(&rig, "audit to read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_target_would_refuse_is_reported_with_the_record() {
    let note = "x".repeat(41_000);
    let rig = Rig::of_text(
        &plan("sample: 40", &format!("metadata: {{ set: {{ note: \"{note}\" }} }}"))
            .replace("source.records == 300", "source.rejects == 0"),
    )
    .await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    assert_eq!(findings(&rig)["rejects"].as_array().unwrap().len(), 40);
    let notes = notes(&rig);
    assert!(
        notes.contains("40 records (size of the metadata)") && notes.contains("limit is 40960"),
        "{notes}"
    );
    assert_narrow(&artifact(&rig, "audit to read"));
}

/// The audit's findings, the plan's output and the run's choice come from one list of ways and one estimate.
#[tokio::test(flavor = "multi_thread")]
async fn audit_plan_and_run_give_one_answer() {
    let copies = [
        ("filter: { importance: { $lt: 0.5 } }", "records are changed on the way"),
        ("namespaces: { select: [ns_1] }", "not every namespace is selected"),
        ("namespaces: { rename: \"to_{{ namespace }}\" }", "namespaces get other names"),
        ("metadata: { drop: [kind] }", "records are changed on the way"),
    ];
    for (copy, why) in copies {
        let rig = Rig::of_text(&plan("sample: 60", copy)).await;
        let looked = preview(&rig.plan, &rig.world(), &rig.state(), &rig.options()).await.unwrap();
        assert!(matches!(rig.run().await, Outcome::Done), "{copy}");
        let found = findings(&rig);
        let ways = found["ways"].as_array().unwrap();
        let ruled_out = |name: &str| {
            ways.iter().find(|way| way["way"] == name).unwrap()["ruled_out"].to_string()
        };
        assert!(ruled_out("collection").contains(why), "{copy}: {ways:#?}");
        let state = rig.state();
        let (route, reason) = state.route(&"copy".into()).unwrap();
        assert_eq!(reason, format!("not by collection: {why}"));
        assert_eq!(
            (route.name(), ruled_out("stream, enumerate: sweep").as_str()),
            ("stream", "[]")
        );
        let stage = looked.stages.iter().find(|stage| stage.kind == "copy").unwrap();
        let said = format!("strategy: stream ({reason})");
        assert!(stage.details.contains(&said), "{:?}", stage.details);
        let basis = found["basis"].as_str().unwrap();
        assert!(stage.details.iter().any(|line| line.contains(basis)), "{basis}: {stage:?}");
    }
}

/// The estimated bytes are those that were copied, to a few percent, whatever the copy leaves out or changes.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_estimated_is_what_is_copied() {
    let copy = "filter: { importance: { $lt: 0.5 } }, metadata: { drop: [tags] }";
    let rig = Rig::of_text(&plan("sample: 300", copy)).await;
    let looked = preview(&rig.plan, &rig.world(), &rig.state(), &rig.options()).await.unwrap();
    assert!(matches!(rig.run().await, Outcome::Done));
    let moved = rig.state().stages[2].tally();
    assert!(moved.left_out > 30, "{moved:?}");
    let stage = looked.stages.iter().find(|stage| stage.kind == "copy").unwrap();
    let size = vecshift::model::Observed::Bytes(moved.bytes as f64).to_string();
    assert!(stage.what.contains(&size), "{size}: {}", stage.what);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_read_stops_the_audit() {
    let rig = Rig::of_text(&plan("query_log: none.csv", "parallel: 1")).await;
    let outcome = rig.run().await;
    let Outcome::Erred { error, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// A pod that indexes one field only cannot be queried by another, and the serverless target needs to know that.
#[tokio::test(flavor = "multi_thread")]
async fn selective_indexing_becomes_a_schema_and_is_kept_to_by_queries() {
    let index = IndexSpec {
        name: "old".into(),
        dimension: Some(8),
        metric: Metric::Cosine,
        vector_type: VectorType::Dense,
        deployment: Deployment::Pod {
            environment: "us-east-1-gcp".into(),
            pod_type: "s1.x2".into(),
            pods: 2,
            replicas: 1,
            shards: 2,
            indexed: Some(vec!["kind".into()]),
        }
        .into(),
        deletion_protection: false,
        tags: BTreeMap::new(),
    };
    let record = |n: u32| Record {
        id: RecordId::new(format!("a/{n} %")),
        vectors: Vectors::plain(
            Vector::from_values((0..8).map(|at| ((n * 8 + at) as f32).sin())),
            None,
        ),
        metadata: serde_json::from_str(&format!(
            r#"{{"kind":"k{}","other":"o{}","big":{}}}"#,
            n % 3,
            n % 2,
            9_007_199_254_740_992_u64 + u64::from(n)
        ))
        .unwrap(),
    };
    let records = vec![(Namespace::new("n"), (0..30).map(record).collect())];
    let verify = "- kind: verify\n    queries: { count: 30, filtered: 100%, rate: 200/s }\n    \
                  assert: [filtered_overlap@10 >= 0.99, mismatched == 0]";
    let text = plan("sample: 30", "parallel: 1")
        .replace("source.records == 300", "source.records == 30")
        .replace("rehearsal:", &format!("  {verify}\nrehearsal:"));
    let rig = Rig::holding(&text, index, records, Transport::Auto).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let found = findings(&rig);
    assert_eq!(found["suggested_schema"].to_string(), r#"{"fields":{"kind":{"filterable":true}}}"#);
    assert_eq!(
        (&found["ids"]["unusual"], &found["fields"]["big"]["unsafe_integers"]),
        (&30.into(), &30.into())
    );
    let ways = found["ways"].to_string();
    assert!(ways.contains("the source is in gcp and the target in aws"), "{ways}");
    let notes = notes(&rig);
    assert!(notes.contains("beyond 2^53 in `big`") && notes.contains("like `a/"), "{notes}");
    let queries = rig
        .state()
        .stages
        .iter()
        .flat_map(|stage| stage.notes.clone())
        .find(|note| note.contains("different queries"));
    let queries = queries.unwrap();
    assert!(
        queries.contains("$eq") && queries.contains("$in") && !queries.contains("combined"),
        "{queries}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_there_is_sampled_where_that_is_asserted() {
    let text = r#"
version: 1
name: after
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - { kind: audit, id: before, assert: [target.records == 0] }
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - { kind: copy, assert: [copy.complete == true] }
  - kind: audit
    assert: [target.records == 60, target.rejects == 0, target.id_chars == 10, target.metadata_bytes > 0 B]
  - kind: verify
    queries: { count: 10, rate: 200/s }
    assert: [mismatched == 0, { check: cold(query) < 1h, severity: warn }]
rehearsal:
  source: { kind: pod, records: 60, namespaces: 3 }
"#;
    let rig = Rig::of_text(text).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let state = rig.state();
    let verify = state.stages.last().unwrap();
    let cold = &verify.judgements[1].judgement;
    let reason = cold.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("stage `audit`: it has read"), "{cold:?}");
}
