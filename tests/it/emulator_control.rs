//! The emulator's control plane over the wire.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::emulator::{COLLECTION_AFTER, READY_AFTER, Rig, grpc_with_key, records, serverless};
use vecshift::pinecone_wire::proto;

#[tokio::test]
async fn an_index_lives_from_creation_to_deletion() {
    let rig = Rig::start().await;
    let mut body = serverless("twins", 3);
    body["deletion_protection"] = json!("enabled");
    body["tags"] = json!({"environment": "production"});
    let model = rig.control("POST", "/indexes", Some(body.clone())).await.expect(201);
    let mut shown = model.clone();
    shown["host"] = json!("HOST");
    assert_eq!(
        shown,
        json!({
            "name": "twins", "dimension": 3, "metric": "cosine", "host": "HOST",
            "deletion_protection": "enabled", "tags": {"environment": "production"},
            "spec": {"serverless": {
                "cloud": "aws", "region": "us-east-1",
                "read_capacity": {"mode": "OnDemand", "status": {"state": "Ready"}}
            }},
            "status": {"ready": false, "state": "Initializing"},
            "vector_type": "dense"
        })
    );
    let host = model["host"].as_str().unwrap();
    assert_ne!(host, rig.emulator.url());
    rig.post(host, "/query", json!({"topK": 1, "vector": [1, 2, 3]})).await.refused(503, 14);

    rig.clock.skip(READY_AFTER);
    let model = rig.control("GET", "/indexes/twins", None).await.expect(200);
    assert_eq!(model["status"], json!({"ready": true, "state": "Ready"}));
    let list = rig.control("GET", "/indexes", None).await.expect(200);
    assert_eq!(list, json!({"indexes": [model]}));

    let taken = rig.control("POST", "/indexes", Some(body)).await.expect(409);
    assert_eq!(
        taken,
        json!({"error": {"code": "ALREADY_EXISTS", "message": "Resource already exists."}, "status": 409})
    );
    let refused = rig.control("DELETE", "/indexes/twins", None).await.expect(403);
    assert_eq!(refused["error"]["code"], "FORBIDDEN");

    let change = json!({"deletion_protection": "disabled", "tags": {"environment": "", "a": "b"}});
    let model = rig.control("PATCH", "/indexes/twins", Some(change)).await.expect(202);
    assert_eq!(model["tags"], json!({"a": "b"}));
    assert_eq!(rig.control("DELETE", "/indexes/twins", None).await.expect(202), Value::Null);
    let gone = rig.control("GET", "/indexes/twins", None).await.expect(404);
    assert_eq!(
        gone,
        json!({"error": {"code": "NOT_FOUND", "message": "Index twins not found."}, "status": 404})
    );
    assert!(rig.try_call("GET", &format!("{host}/vectors/list"), None).await.is_err());
    rig.emulator.shutdown().await;
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_refused_on_every_wire() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    for url in [format!("{}/indexes", rig.emulator.url()), format!("{host}/vectors/list")] {
        for key in [None, Some("wrong")] {
            let mut request = reqwest::Client::builder().no_proxy().build().unwrap().get(&url);
            if let Some(key) = key {
                request = request.header("api-key", key);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 401);
            assert_eq!(response.headers()["content-type"], "text/plain");
            assert_eq!(response.text().await.unwrap(), "Invalid API Key");
        }
    }
    let asked = proto::DescribeIndexStatsRequest::default();
    let path = proto::path::DESCRIBE_INDEX_STATS;
    let status = grpc_with_key::<_, proto::DescribeIndexStatsResponse>(&host, path, asked, "wrong")
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
}

#[tokio::test]
async fn versions_are_chosen_by_a_header() {
    let rig = Rig::start().await;
    let url = format!("{}/indexes", rig.emulator.url());
    let ask = async |version: Option<&str>| {
        let mut request = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .get(&url)
            .header("api-key", crate::emulator::KEY);
        if let Some(version) = version {
            request = request.header("x-pinecone-api-version", version);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    for version in [None, Some("2026-04"), Some("2025-10"), Some("2025-04"), Some("2026-07")] {
        assert_eq!(ask(version).await.0, 200, "{version:?}");
    }
    let (status, text) = ask(Some("2025-07")).await;
    assert_eq!(status, 400);
    assert!(text.contains("INVALID_ARGUMENT") && text.contains("2026-07"), "{text}");
}

#[tokio::test]
async fn bodies_that_cannot_be_read_or_are_wrong_are_distinguished() {
    let rig = Rig::start().await;
    let answer = rig.control("POST", "/indexes", Some(json!({"name": "a"}))).await.expect(422);
    assert_eq!(answer["error"]["code"], "UNPROCESSABLE_ENTITY");
    let answer = rig.control("POST", "/indexes", Some(serverless("A_b", 3))).await.expect(400);
    assert_eq!(answer["error"]["code"], "INVALID_ARGUMENT");
    let mut nowhere = serverless("a", 3);
    nowhere["spec"]["serverless"]["cloud"] = json!("moon");
    rig.control("POST", "/indexes", Some(nowhere)).await.expect(404);
    assert_eq!(rig.control("GET", "/indexes", None).await.expect(200), json!({"indexes": []}));
}

#[tokio::test]
async fn a_pod_becomes_serverless_through_a_collection() {
    let rig = Rig::start().await;
    let pod = rig.pod("pod").await;
    let vectors = json!({"namespace": "a", "vectors": records(5)});
    rig.post(&pod, "/vectors/upsert", vectors).await.expect(200);

    let collect = json!({"name": "snap", "source": "pod"});
    let model = rig.control("POST", "/collections", Some(collect.clone())).await.expect(201);
    assert_eq!(
        model,
        json!({"name": "snap", "status": "Initializing", "environment": "us-east-1-aws"})
    );
    rig.control("POST", "/collections", Some(collect)).await.expect(409);
    let pending = rig.control("DELETE", "/indexes/pod", None).await.expect(412);
    assert_eq!(pending["error"]["code"], "FAILED_PRECONDITION");
    let mut body = serverless("target", 3);
    body["spec"]["serverless"]["source_collection"] = json!("snap");
    rig.control("POST", "/indexes", Some(body.clone())).await.expect(400);

    // Records written after the collection was made are not in it.
    let late = json!({"namespace": "a", "vectors": [{"id": "late", "values": [1, 1, 1]}]});
    rig.post(&pod, "/vectors/upsert", late).await.expect(200);
    rig.clock.skip(COLLECTION_AFTER);
    let model = rig.control("GET", "/collections/snap", None).await.expect(200);
    assert_eq!(model["status"], "Ready");
    assert_eq!((&model["vector_count"], &model["dimension"]), (&json!(5), &json!(3)));
    let list = rig.control("GET", "/collections", None).await.expect(200);
    assert_eq!(list["collections"][0], model);

    for (path, wrong) in [("dimension", json!(4)), ("cloud", json!("gcp"))] {
        let mut other = body.clone();
        match path {
            "dimension" => other["dimension"] = wrong,
            _ => other["spec"]["serverless"][path] = wrong,
        }
        rig.control("POST", "/indexes", Some(other)).await.expect(400);
    }
    let target = rig.create(body).await;
    let listed = rig.get(&target, "/vectors/list?namespace=a").await.expect(200);
    assert_eq!(listed["vectors"].as_array().unwrap().len(), 5);

    assert_eq!(rig.control("DELETE", "/collections/snap", None).await.expect(202), Value::Null);
    rig.control("GET", "/collections/snap", None).await.expect(404);
    rig.control("DELETE", "/indexes/pod", None).await.expect(202);
}

#[tokio::test]
async fn a_collection_needs_a_pod_that_is_there() {
    let rig = Rig::start().await;
    rig.serverless("flat").await;
    let of = |source: &str| Some(json!({"name": "snap", "source": source}));
    rig.control("POST", "/collections", of("flat")).await.expect(400);
    rig.control("POST", "/collections", of("nothing")).await.expect(400);
    let mut body = serverless("target", 3);
    body["spec"]["serverless"]["source_collection"] = json!("nothing");
    rig.control("POST", "/indexes", Some(body)).await.expect(404);
}

#[tokio::test]
async fn pods_can_be_resized_and_made_from_a_collection() {
    let rig = Rig::start().await;
    let pod = rig.pod("pod").await;
    rig.post(&pod, "/vectors/upsert", json!({"vectors": records(2)})).await.expect(200);
    let change = json!({"spec": {"pod": {"replicas": 2, "pod_type": "p1.x2"}}});
    let model = rig.control("PATCH", "/indexes/pod", Some(change)).await.expect(202);
    assert_eq!(
        model["spec"]["pod"],
        json!({"environment": "us-east-1-aws", "pod_type": "p1.x2", "pods": 2, "replicas": 2, "shards": 1})
    );
    rig.serverless("flat").await;
    let change = json!({"spec": {"pod": {"replicas": 2}}});
    rig.control("PATCH", "/indexes/flat", Some(change)).await.expect(400);

    rig.control("POST", "/collections", Some(json!({"name": "snap", "source": "pod"})))
        .await
        .expect(201);
    rig.clock.skip(COLLECTION_AFTER);
    let copy = rig
        .create(json!({
            "name": "copy", "dimension": 3,
            "spec": {"pod": {"environment": "us-east-1-aws", "source_collection": "snap"}}
        }))
        .await;
    let stats = rig.post(&copy, "/describe_index_stats", json!({})).await.expect(200);
    assert_eq!(stats["totalVectorCount"], 2);
}
