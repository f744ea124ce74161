//! Faults, rate limits and counters over the wire.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::json;
use vecshift::clock::until;
use vecshift::model::{Namespace, Share};
use vecshift::pinecone_wire::proto;
use vecshift::plan::file::Faults;

use crate::emulator::{Rig, grpc, records};

fn always(set: impl FnOnce(&mut Faults)) -> Faults {
    let mut faults = Faults::default();
    set(&mut faults);
    faults
}

async fn total(rig: &Rig, host: &str) -> serde_json::Value {
    rig.emulator.set_faults(Faults::default());
    let stats = rig.post(host, "/describe_index_stats", json!({})).await.expect(200);
    stats["totalVectorCount"].clone()
}

fn upsert_request() -> proto::UpsertRequest {
    let values =
        [1.0_f32, 2.0, 3.0].iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    let vector = proto::Vector { id: "a".to_owned(), values: values.into(), ..Default::default() };
    proto::UpsertRequest { vectors: vec![vector], namespace: String::new() }
}

#[tokio::test]
async fn a_refused_request_is_not_applied() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    type Case = (fn(&mut Faults), u16, i32, tonic::Code);
    let faults: [Case; 2] = [
        (|f| f.rate_limited = Some(Share(1.0)), 429, 8, tonic::Code::ResourceExhausted),
        (|f| f.unavailable = Some(Share(1.0)), 503, 14, tonic::Code::Unavailable),
    ];
    for (set, status, code, grpc_code) in faults {
        rig.emulator.set_faults(always(set));
        let body = json!({"vectors": records(1)});
        rig.post(&host, "/vectors/upsert", body).await.refused(status, code);
        let refused =
            grpc::<_, proto::UpsertResponse>(&host, proto::path::UPSERT, upsert_request())
                .await
                .unwrap_err();
        assert_eq!(refused.code(), grpc_code);
        let control = rig.control("GET", "/indexes", None).await.expect(status);
        assert_eq!(control["status"], status);
        assert_eq!(total(&rig, &host).await, 0);
    }
}

#[tokio::test]
async fn a_reset_request_is_not_applied_and_a_truncated_one_is() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    let url = format!("{host}/vectors/upsert");
    let body = || Some(json!({"vectors": records(1)}));

    rig.emulator.set_faults(always(|f| f.reset = Some(Share(1.0))));
    assert!(rig.try_call("POST", &url, body()).await.is_err());
    let status = grpc::<_, proto::UpsertResponse>(&host, proto::path::UPSERT, upsert_request())
        .await
        .unwrap_err();
    assert_ne!(status.code(), tonic::Code::Ok);
    assert_eq!(total(&rig, &host).await, 0);

    rig.emulator.set_faults(always(|f| f.truncated = Some(Share(1.0))));
    assert!(rig.try_call("POST", &url, body()).await.is_err());
    assert_eq!(total(&rig, &host).await, 1);
    rig.emulator.set_faults(always(|f| f.truncated = Some(Share(1.0))));
    let cut = grpc::<_, proto::UpsertResponse>(&host, proto::path::UPSERT, upsert_request()).await;
    assert!(cut.is_err(), "{cut:?}");
    assert_eq!(total(&rig, &host).await, 2);
    let counters = rig.emulator.counters();
    assert_eq!((counters.faults["reset"], counters.faults["truncated"]), (2, 2));

    // An answer without a body has no half: the index is deleted and the connection is reset.
    rig.emulator.set_faults(always(|f| f.truncated = Some(Share(1.0))));
    let url = format!("{}/indexes/twins", rig.emulator.url());
    assert!(rig.try_call("DELETE", &url, None).await.is_err());
    rig.emulator.set_faults(Faults::default());
    rig.control("GET", "/indexes/twins", None).await.expect(404);
}

#[tokio::test]
async fn a_seed_plays_the_same_sequence_again() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    let play = async |seed: u64| {
        rig.emulator.set_faults(always(|f| {
            f.rate_limited = Some(Share(0.3));
            f.unavailable = Some(Share(0.3));
            f.seed = Some(seed);
        }));
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(rig.get(&host, "/vectors/fetch?ids=a").await.status);
        }
        statuses
    };
    let first = play(3).await;
    assert!([200, 429, 503].iter().all(|status| first.contains(status)), "{first:?}");
    assert_eq!(play(3).await, first);
    assert_ne!(play(4).await, first);
}

#[tokio::test]
async fn rate_limits_are_per_namespace_and_refill() {
    let rig = Rig::with(Faults::default(), true).await;
    let host = rig.serverless("twins").await;
    let upsert = async |namespace: &str| {
        let body = json!({"namespace": namespace, "vectors": records(1)});
        rig.post(&host, "/vectors/upsert", body).await
    };
    for _ in 0..100 {
        upsert("a").await.expect(200);
    }
    let message = upsert("a").await.refused(429, 8);
    assert!(message.contains("100 upsert requests per second for namespace 'a'"), "{message}");
    upsert("b").await.expect(200);
    rig.clock.skip(Duration::from_secs(1));
    upsert("a").await.expect(200);
    assert_eq!(rig.emulator.counters().rate_limited, 1);

    let delete = json!({"namespace": "a", "filter": {"x": 1}});
    for _ in 0..5 {
        rig.post(&host, "/vectors/delete", delete.clone()).await.expect(200);
    }
    rig.post(&host, "/vectors/delete", delete).await.refused(429, 8);

    // Pods have no documented rate limits.
    let pod = rig.pod("pod").await;
    for _ in 0..120 {
        rig.post(&pod, "/vectors/upsert", json!({"vectors": records(1)})).await.expect(200);
    }
}

#[tokio::test]
async fn latency_is_added_to_the_data_plane_and_to_the_queries_of_targets() {
    let rig = Rig::start().await;
    let source = rig.pod("source").await;
    let target = rig.serverless("target").await;
    rig.emulator.set_faults(always(|f| {
        f.latency = "5ms".parse().ok();
        f.target_query_latency = "200ms".parse().ok();
    }));
    // The test clock moves by what was waited.
    let waited = async |host: &str, path: &str| {
        let before = rig.clock.now();
        let body = json!({"topK": 1, "vector": [1, 2, 3]});
        rig.post(host, path, body).await.expect(200);
        until(before, rig.clock.now())
    };
    assert_eq!(waited(&source, "/query").await, Duration::from_millis(5));
    assert_eq!(waited(&target, "/query").await, Duration::from_millis(205));
    assert_eq!(waited(&target, "/describe_index_stats").await, Duration::from_millis(5));
    let before = rig.clock.now();
    rig.control("GET", "/indexes", None).await.expect(200);
    assert_eq!(rig.clock.now(), before);
}

#[tokio::test]
async fn counters_prove_what_was_written_and_how_often() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    let upsert = |count| rig.post(&host, "/vectors/upsert", json!({"vectors": records(count)}));
    upsert(3).await.expect(200);
    upsert(1).await.expect(200);
    rig.get(&host, "/vectors/list").await.expect(200);
    let counters = rig.emulator.counters();
    assert_eq!(counters.requests("upsert"), 2);
    assert_eq!(counters.requests("create_index"), 1);
    assert_eq!(counters.writes("twins"), 2);
    let index = &counters.indexes["twins"];
    assert_eq!((index.upserted(), index.requests["list"]), (4, 1));
    let again: Vec<_> = index.upserted_again().collect();
    assert_eq!(again, [(&Namespace::new(""), &"id-0".into())]);
}

#[tokio::test]
async fn a_shut_down_emulator_is_gone() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    rig.get(&host, "/vectors/list").await.expect(200);
    let url = rig.emulator.url();
    rig.emulator.shutdown().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for url in [format!("{url}/indexes"), format!("{host}/vectors/list")] {
        assert!(client.get(url).send().await.unwrap_err().is_connect());
    }
}
