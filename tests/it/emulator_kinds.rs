//! Differences between pods and serverless indexes, and the world of a rehearsal.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::{Value, json};
use vecshift::emulator::World;
use vecshift::model::{Metric, Span};
use vecshift::pinecone_wire::proto;
use vecshift::plan::file::{Faults, RehearsalKind, RehearsalSource};

use crate::emulator::{Rig, grpc, records};

const LAG: Duration = Duration::from_millis(300);

async fn lagging() -> Rig {
    Rig::with(Faults { lag: Some(Span(LAG)), ..Faults::default() }, false).await
}

#[tokio::test]
async fn pods_lack_lists_namespaces_and_log_sequence_numbers() {
    let rig = lagging().await;
    let host = rig.pod("pod").await;
    let answer = rig.post(&host, "/vectors/upsert", json!({"vectors": records(3)})).await;
    assert_eq!(answer.lsn("x-pinecone-request-lsn"), None);
    answer.expect(200);
    let answer = rig.post(&host, "/query", json!({"topK": 9, "vector": [1, 2, 3]})).await;
    assert_eq!(answer.lsn("x-pinecone-max-indexed-lsn"), None);
    // A pod shows a write at once.
    assert_eq!(answer.expect(200)["matches"].as_array().unwrap().len(), 3);

    for path in ["/vectors/list", "/namespaces", "/namespaces/__default__"] {
        let message = rig.get(&host, path).await.refused(404, 5);
        assert!(message.contains("pod-based"), "{message}");
    }
    rig.post(&host, "/namespaces", json!({"name": "a"})).await.refused(404, 5);
    rig.post(&host, "/vectors/fetch_by_metadata", json!({"filter": {"a": 1}}))
        .await
        .refused(404, 5);
    let asked = proto::ListRequest::default();
    let status = grpc::<_, proto::ListResponse>(&host, proto::path::LIST, asked).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn pods_count_by_filter_and_serverless_does_not() {
    let rig = Rig::start().await;
    let vectors = json!([
        {"id": "a", "values": [1, 2, 3], "metadata": {"kind": "x"}},
        {"id": "b", "values": [1, 2, 3], "metadata": {"kind": "y"}},
    ]);
    let filter = json!({"filter": {"kind": "x"}});
    let pod = rig.pod("pod").await;
    rig.post(&pod, "/vectors/upsert", json!({"vectors": vectors})).await.expect(200);
    let stats = rig.post(&pod, "/describe_index_stats", filter.clone()).await.expect(200);
    assert_eq!(stats["namespaces"], json!({"": {"vectorCount": 1}}));
    assert_eq!(stats["totalVectorCount"], 2);

    let serverless = rig.serverless("flat").await;
    rig.post(&serverless, "/vectors/upsert", json!({"vectors": vectors})).await.expect(200);
    rig.post(&serverless, "/describe_index_stats", filter).await.refused(400, 3);
    let stats = rig.post(&serverless, "/describe_index_stats", json!({})).await.expect(200);
    assert_eq!(stats["namespaces"], json!({"__default__": {"vectorCount": 2}}));
}

#[tokio::test]
async fn only_indexed_metadata_can_be_filtered_on() {
    let rig = Rig::start().await;
    let pod = json!({
        "name": "pod", "dimension": 3,
        "spec": {"pod": {"environment": "e", "metadata_config": {"indexed": ["kind"]}}}
    });
    let flat = json!({
        "name": "flat", "dimension": 3,
        "spec": {"serverless": {
            "cloud": "aws", "region": "us-east-1", "schema": {"fields": {"kind": {"filterable": true}}}
        }}
    });
    for body in [pod, flat] {
        let host = rig.create(body).await;
        let vectors =
            json!([{"id": "a", "values": [1, 2, 3], "metadata": {"kind": "x", "other": "y"}}]);
        rig.post(&host, "/vectors/upsert", json!({"vectors": vectors})).await.expect(200);
        let count = async |filter: Value| {
            let query =
                json!({"topK": 1, "vector": [1, 2, 3], "filter": filter, "includeMetadata": true});
            rig.post(&host, "/query", query).await.expect(200)["matches"].as_array().unwrap().len()
        };
        assert_eq!(count(json!({"kind": "x"})).await, 1);
        assert_eq!(count(json!({"other": "y"})).await, 0);
    }
}

#[tokio::test]
async fn a_serverless_write_is_read_after_the_lag_and_the_lsn_says_so() {
    let rig = lagging().await;
    let host = rig.serverless("twins").await;
    let query = || json!({"topK": 9, "vector": [1, 2, 3]});
    let first = rig.post(&host, "/vectors/upsert", json!({"vectors": records(2)})).await;
    assert_eq!(first.lsn("x-pinecone-request-lsn"), Some(1));

    // Nothing shows it yet: not a query, a fetch, a list, nor the counts.
    let answer = rig.post(&host, "/query", query()).await;
    assert_eq!(answer.lsn("x-pinecone-max-indexed-lsn"), None);
    assert_eq!(answer.expect(200)["matches"], json!([]));
    assert_eq!(rig.get(&host, "/vectors/fetch?ids=id-0").await.expect(200)["vectors"], json!({}));
    assert_eq!(rig.get(&host, "/vectors/list").await.expect(200)["vectors"], json!([]));
    let stats = rig.post(&host, "/describe_index_stats", json!({})).await.expect(200);
    assert_eq!((&stats["totalVectorCount"], &stats["namespaces"]), (&json!(0), &json!({})));

    rig.clock.skip(LAG);
    let second = rig.post(&host, "/vectors/delete", json!({"ids": ["id-1"]})).await;
    assert_eq!(second.lsn("x-pinecone-request-lsn"), Some(2));
    let answer = rig.post(&host, "/query", query()).await;
    assert_eq!(answer.lsn("x-pinecone-max-indexed-lsn"), Some(1));
    assert_eq!(answer.expect(200)["matches"].as_array().unwrap().len(), 2);

    rig.clock.skip(LAG);
    let answer = rig.post(&host, "/query", query()).await;
    assert_eq!(answer.lsn("x-pinecone-max-indexed-lsn"), Some(2));
    assert_eq!(answer.expect(200)["matches"].as_array().unwrap().len(), 1);
    // Numbers are per namespace.
    let other = json!({"namespace": "other", "vectors": records(1)});
    let answer = rig.post(&host, "/vectors/upsert", other).await;
    assert_eq!(answer.lsn("x-pinecone-request-lsn"), Some(1));
}

#[tokio::test]
async fn namespaces_are_listed_made_and_dropped() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    for n in 0..3 {
        let body = json!({"namespace": format!("ns-{n}"), "vectors": records(n + 1)});
        rig.post(&host, "/vectors/upsert", body).await.expect(200);
    }
    rig.post(&host, "/vectors/upsert", json!({"vectors": records(1)})).await.expect(200);
    let schema = json!({"fields": {"kind": {"filterable": true}}});
    let made =
        rig.post(&host, "/namespaces", json!({"name": "made", "schema": schema})).await.expect(200);
    assert_eq!(made["indexed_fields"], json!({"fields": ["kind"]}));
    rig.post(&host, "/namespaces", json!({"name": "made"})).await.refused(409, 6);
    rig.post(&host, "/namespaces", json!({"name": "__default__"})).await.refused(400, 3);

    let page = rig.get(&host, "/namespaces?limit=3").await.expect(200);
    let names = |page: &Value| -> Vec<String> {
        let list = page["namespaces"].as_array().unwrap();
        list.iter().map(|n| n["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&page), ["__default__", "made", "ns-0"]);
    assert_eq!(page["total_count"], 5);
    let next = page["pagination"]["next"].as_str().unwrap();
    let page =
        rig.get(&host, &format!("/namespaces?limit=3&paginationToken={next}")).await.expect(200);
    assert_eq!(names(&page), ["ns-1", "ns-2"]);
    assert_eq!(page.get("pagination"), None);
    assert_eq!(names(&rig.get(&host, "/namespaces?prefix=ns").await.expect(200)).len(), 3);

    let one = rig.get(&host, "/namespaces/ns-2").await.expect(200);
    assert_eq!(one, json!({"name": "ns-2", "record_count": 3}));
    let url = format!("{host}/namespaces/ns-2");
    assert_eq!(rig.try_call("DELETE", &url, None).await.unwrap().expect(200), json!({}));
    rig.try_call("DELETE", &url, None).await.unwrap().refused(404, 5);
    rig.get(&host, "/namespaces/ns-2").await.refused(404, 5);
}

#[tokio::test]
async fn a_world_is_a_pod_that_can_be_swept() {
    let rig = Rig::start().await;
    let source = RehearsalSource {
        kind: RehearsalKind::new("pod"),
        records: Some(900),
        namespaces: Some(3),
        namespace_names: Some("twin_{{ n }}".to_owned()),
        sizes: Default::default(),
        metadata: None,
        indexed: None,
        dimension: None,
        metric: None,
        data: None,
        seed: Some(4),
    };
    let world = World::generated("twins", &source, Some(64), Some(Metric::Cosine)).unwrap();
    // A client that sees the index sees all of it: it is never half filled.
    let watched = async {
        loop {
            if let Some(host) = rig.try_host("twins").await {
                let stats = rig.post(&host, "/describe_index_stats", json!({})).await.expect(200);
                return stats["totalVectorCount"].as_u64();
            }
        }
    };
    let (loaded, seen) = tokio::join!(rig.emulator.load(world), watched);
    assert_eq!((loaded.unwrap(), seen), (900, Some(900)));
    let model = rig.control("GET", "/indexes/twins", None).await.expect(200);
    assert_eq!((&model["status"]["ready"], &model["dimension"]), (&json!(true), &json!(64)));
    let host = model["host"].as_str().unwrap();
    let stats = rig.post(host, "/describe_index_stats", json!({})).await.expect(200);
    let mut found = 0;
    for (namespace, summary) in stats["namespaces"].as_object().unwrap() {
        let query = json!({"topK": 10_000, "vector": vec![1.0; 64], "namespace": namespace});
        let matches =
            rig.post(host, "/query", query).await.expect(200)["matches"].as_array().unwrap().len();
        assert_eq!(summary["vectorCount"], matches);
        found += matches;
    }
    assert_eq!(found, 900);
    assert_eq!(rig.emulator.counters().writes("twins"), 0);
}

#[tokio::test]
async fn a_world_can_be_read_from_parquet() {
    let rig = Rig::start().await;
    let source = RehearsalSource {
        kind: RehearsalKind::new("serverless"),
        records: Some(120),
        namespaces: None,
        namespace_names: None,
        sizes: Default::default(),
        metadata: None,
        indexed: None,
        dimension: Some(384),
        metric: None,
        data: Some("examples/packages.parquet".to_owned()),
        seed: None,
    };
    let base = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let world = World::build("packages", &source, None, None, base).unwrap();
    assert_eq!(rig.emulator.load(world).await.unwrap(), 120);
    let missing = RehearsalSource { data: Some("nothing.parquet".to_owned()), ..source };
    assert!(World::build("packages", &missing, None, None, base).is_err());
}
