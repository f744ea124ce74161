//! States of the emulator's resources: failing and stalling, read capacity, slow deletion, and what older versions
//! lack.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::{Value, json};
use vecshift::model::{Metadata, Namespace, Record, RecordId, Share, Vector, Vectors};
use vecshift::pinecone_wire::proto;
use vecshift::plan::file::{Faults, ResourceFault};

use crate::emulator::{COLLECTION_AFTER, READY_AFTER, Rig, grpc, serverless};

async fn collect(rig: &Rig, name: &str) -> Answered {
    let asked = json!({"name": name, "source": "pod"});
    rig.control("POST", "/collections", Some(asked)).await.expect(201);
    rig.clock.skip(COLLECTION_AFTER);
    Answered(rig.control("GET", &format!("/collections/{name}"), None).await.expect(200))
}

struct Answered(Value);

fn from(collection: &str, name: &str) -> Value {
    let mut body = serverless(name, 3);
    body["spec"]["serverless"]["source_collection"] = json!(collection);
    body
}

#[tokio::test]
async fn a_collection_may_fail_or_stall() {
    let rig = Rig::start().await;
    rig.pod("pod").await;
    let set = |fault| {
        rig.emulator.set_faults(Faults { collection: Some(fault), ..Faults::default() });
    };
    set(ResourceFault::Fails);
    let Answered(failed) = collect(&rig, "failed").await;
    assert_eq!(failed["status"], "Failed");
    assert!(failed.get("vector_count").is_none());
    rig.control("POST", "/indexes", Some(from("failed", "x"))).await.expect(400);
    set(ResourceFault::Stalls);
    let Answered(stalled) = collect(&rig, "stalled").await;
    assert_eq!(stalled["status"], "Initializing");
    assert_eq!(rig.emulator.collections(), ["failed", "stalled"]);
    // A pod with a pending collection cannot be deleted; without it, it can.
    rig.control("DELETE", "/indexes/pod", None).await.expect(412);
    rig.control("DELETE", "/collections/stalled", None).await.expect(202);
    rig.control("DELETE", "/indexes/pod", None).await.expect(202);
    assert!(rig.emulator.indexes().is_empty());
}

#[tokio::test]
async fn an_index_from_a_collection_may_fail_or_stall() {
    let rig = Rig::start().await;
    rig.pod("pod").await;
    collect(&rig, "snap").await;
    for (fault, state) in
        [(ResourceFault::Fails, "InitializationFailed"), (ResourceFault::Stalls, "Initializing")]
    {
        rig.emulator.set_faults(Faults { restore: Some(fault), ..Faults::default() });
        rig.create(from("snap", "copy")).await;
        let model = rig.control("GET", "/indexes/copy", None).await.expect(200);
        assert_eq!(model["status"], json!({"ready": false, "state": state}));
        let host = model["host"].as_str().unwrap();
        rig.get(host, "/vectors/list").await.refused(503, 14);
        rig.control("DELETE", "/indexes/copy", None).await.expect(202);
    }
    // Other indexes are not affected.
    rig.serverless("fresh").await;
    let model = rig.control("GET", "/indexes/fresh", None).await.expect(200);
    assert_eq!(model["status"]["ready"], true);
}

#[tokio::test]
async fn read_capacity_is_requested_shown_and_changed() {
    let rig = Rig::start().await;
    let dedicated = |replicas: u32| {
        json!({"mode": "Dedicated", "dedicated": {"node_type": "b1", "scaling": "Manual",
            "manual": {"replicas": replicas, "shards": 1}}})
    };
    let mut body = serverless("twins", 3);
    body["spec"]["serverless"]["read_capacity"] = dedicated(1);
    let host = rig.create(body).await;
    let patch = |capacity: Value| json!({"spec": {"serverless": {"read_capacity": capacity}}});
    let model = rig.control("PATCH", "/indexes/twins", Some(patch(dedicated(2)))).await.expect(202);
    let capacity = &model["spec"]["serverless"]["read_capacity"];
    assert_eq!(capacity["dedicated"]["manual"], json!({"replicas": 2, "shards": 1}));
    assert_eq!(
        capacity["status"],
        json!({"state": "Scaling", "current_replicas": 1, "current_shards": 1})
    );
    rig.control("PATCH", "/indexes/twins", Some(patch(dedicated(3)))).await.expect(403);
    rig.clock.skip(READY_AFTER);
    let model = rig.control("GET", "/indexes/twins", None).await.expect(200);
    assert_eq!(model["spec"]["serverless"]["read_capacity"]["status"]["state"], "Ready");
    assert_eq!(model["status"]["ready"], true);

    rig.control("PATCH", "/indexes/twins", Some(patch(dedicated(0)))).await.expect(202);
    rig.clock.skip(READY_AFTER);
    let model = rig.control("GET", "/indexes/twins", None).await.expect(200);
    assert_eq!(model["status"], json!({"ready": false, "state": "Disabled"}));
    rig.get(&host, "/vectors/list").await.refused(503, 14);
    let wrong = patch(json!({"mode": "Dedicated"}));
    rig.control("PATCH", "/indexes/twins", Some(wrong)).await.expect(400);
    rig.control("PATCH", "/indexes/twins", Some(patch(json!({"mode": "OnDemand"}))))
        .await
        .expect(202);
}

#[tokio::test]
async fn a_deleted_index_may_be_terminating_for_a_while() {
    let terminating_for = Duration::from_secs(9);
    let rig = Rig::of(|options| options.terminating_for = terminating_for).await;
    let host = rig.serverless("twins").await;
    rig.control("DELETE", "/indexes/twins", None).await.expect(202);
    let model = rig.control("GET", "/indexes/twins", None).await.expect(200);
    assert_eq!(model["status"], json!({"ready": false, "state": "Terminating"}));
    rig.get(&host, "/vectors/list").await.refused(404, 5);
    rig.control("POST", "/indexes", Some(serverless("twins", 3))).await.expect(409);
    rig.control("DELETE", "/indexes/twins", None).await.expect(202);
    rig.clock.skip(terminating_for);
    rig.control("GET", "/indexes/twins", None).await.expect(404);
    assert_eq!(rig.control("GET", "/indexes", None).await.expect(200), json!({"indexes": []}));
    rig.serverless("twins").await;
}

#[tokio::test]
async fn an_answer_may_say_when_to_come_back() {
    let rig = Rig::of(|options| options.retry_after = Some(Duration::from_secs(7))).await;
    let host = rig.serverless("twins").await;
    rig.emulator.set_faults(Faults { rate_limited: Some(Share(1.0)), ..Faults::default() });
    let answer = rig.get(&host, "/vectors/list").await;
    assert_eq!((answer.status, &answer.headers["retry-after"]), (429, &"7".parse().unwrap()));
    let asked = proto::DescribeIndexStatsRequest::default();
    let path = proto::path::DESCRIBE_INDEX_STATS;
    let status =
        grpc::<_, proto::DescribeIndexStatsResponse>(&host, path, asked).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert_eq!(status.metadata().get("retry-after").unwrap(), "7");
    rig.emulator.set_faults(Faults::default());
    let answer = rig.get(&host, "/vectors/list").await;
    assert_eq!(answer.status, 200);
    assert!(!answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_version_lacks_what_came_later() {
    let rig = Rig::start().await;
    let at = async |version: &str, method: &str, path: &str, body: Option<Value>| {
        rig.control_at(version, method, path, body).await.status
    };
    rig.serverless("twins").await;
    assert_eq!(at("2025-01", "GET", "/backups", None).await, 404);
    assert_eq!(at("2025-04", "GET", "/backups", None).await, 200);
    let asked = json!({"filter": {"a": 1}});
    let path = "/vectors/fetch_by_metadata";
    assert_eq!(at("2025-04", "POST", path, Some(asked.clone())).await, 404);
    assert_eq!(at("2025-10", "POST", path, Some(asked)).await, 200);

    let shown = rig.control_at("2025-04", "GET", "/indexes/twins", None).await.expect(200);
    assert_eq!(shown["spec"]["serverless"], json!({"cloud": "aws", "region": "us-east-1"}));

    // A key that a version does not know is ignored: this index is empty, not a copy.
    let body = from("nothing", "empty");
    assert_eq!(at("2024-10", "POST", "/indexes", Some(body.clone())).await, 201);
    let mut body = body;
    body["name"] = json!("copy");
    assert_eq!(at("2025-04", "POST", "/indexes", Some(body)).await, 404);
}

#[tokio::test]
async fn quotas_of_indexes_and_namespaces_hold() {
    let rig = Rig::of(|options| (options.indexes, options.namespaces) = (1, 2)).await;
    let host = rig.serverless("twins").await;
    let refused = rig.control("POST", "/indexes", Some(serverless("more", 3))).await.expect(403);
    assert_eq!(refused["error"]["code"], "FORBIDDEN");
    rig.pod("pod").await;
    let upsert = async |namespace: &str| {
        let body = json!({"namespace": namespace, "vectors": [{"id": "1", "values": [1, 2, 3]}]});
        rig.post(&host, "/vectors/upsert", body).await
    };
    for namespace in ["a", "b", "a"] {
        upsert(namespace).await.expect(200);
    }
    upsert("c").await.refused(403, 7);
    rig.post(&host, "/namespaces", json!({"name": "c"})).await.refused(403, 7);
    rig.try_call("DELETE", &format!("{host}/namespaces/a"), None).await.unwrap().expect(200);
    rig.post(&host, "/namespaces", json!({"name": "c"})).await.expect(200);
}

#[tokio::test]
async fn a_namespace_takes_its_schema_over_that_of_the_index() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    let schema = json!({"fields": {"kind": {"filterable": true}}});
    let made = json!({"name": "a", "schema": schema});
    rig.post(&host, "/namespaces", made).await.expect(200);
    for wrong in [json!({"fields": {"kind": {"filterable": false}}}), json!({})] {
        let body = json!({"name": "b", "schema": wrong});
        rig.post(&host, "/namespaces", body).await.refused(400, 3);
    }
    let vectors =
        json!([{"id": "1", "values": [1, 2, 3], "metadata": {"kind": "x", "other": "y"}}]);
    for namespace in ["a", "b"] {
        let body = json!({"namespace": namespace, "vectors": vectors});
        rig.post(&host, "/vectors/upsert", body).await.expect(200);
    }
    let matched = async |namespace: &str, filter: Value| {
        let body = json!({"namespace": namespace, "filter": filter, "dryRun": true,
            "setMetadata": {"seen": true}});
        rig.post(&host, "/vectors/update", body).await.expect(200)["matchedRecords"].as_u64()
    };
    assert_eq!(matched("a", json!({"kind": "x"})).await, Some(1));
    assert_eq!(matched("a", json!({"other": "y"})).await, Some(0));
    assert_eq!(matched("b", json!({"other": "y"})).await, Some(1));
    let url = "/namespaces/a";
    let model = rig.control_at("2026-07", "GET", url, None).await.expect(200);
    assert_eq!(model["schema"], schema);
    assert!(model["size_bytes"].as_u64() > Some(12), "{model}");
    let sparse =
        json!({"id": "1", "namespace": "a", "sparseValues": {"indices": [1], "values": [1]}});
    rig.post(&host, "/vectors/update", sparse).await.refused(400, 3);
}

#[tokio::test]
async fn somebody_else_writes_into_an_index() {
    let rig = Rig::start().await;
    let host = rig.pod("pod").await;
    let namespace = Namespace::new("a");
    let record = |id: &str| Record {
        id: id.into(),
        vectors: Vectors::plain(Vector::from_values([1.0, 2.0, 3.0]), None),
        metadata: Metadata::default(),
    };
    let count = async || {
        let stats = rig.post(&host, "/describe_index_stats", json!({})).await.expect(200);
        stats["totalVectorCount"].as_u64()
    };
    rig.emulator.insert("pod", &namespace, vec![record("1"), record("2")]).unwrap();
    assert_eq!(count().await, Some(2));
    let gone: Vec<RecordId> = vec!["1".into(), "9".into()];
    rig.emulator.remove("pod", &namespace, gone).unwrap();
    assert_eq!(count().await, Some(1));
    assert_eq!(rig.emulator.counters().writes("pod"), 0);
    assert!(rig.emulator.remove("nothing", &namespace, Vec::new()).is_err());
}
