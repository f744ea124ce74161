//! The emulator's dialect of 2026-07 over the wire.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::emulator::{
    Answer, BACKUP_AFTER, COLLECTION_AFTER, READY_AFTER, Rig, records, serverless,
};

async fn call(rig: &Rig, method: &str, path: &str, body: Option<Value>) -> Answer {
    rig.control_at("2026-07", method, path, body).await
}

fn dense(name: &str) -> Value {
    json!({
        "schema": {"fields": {"_values": {"type": "dense_vector", "dimension": 3, "metric": "cosine"}}},
        "name": name,
        "deployment": {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"},
    })
}

#[tokio::test]
async fn an_index_is_the_same_in_both_dialects() {
    let rig = Rig::start().await;
    let mut body = dense("twins");
    body["tags"] = json!({"path": "a/b"});
    let mut model = call(&rig, "POST", "/indexes", Some(body.clone())).await.expect(201);
    let host = model["host"].as_str().unwrap().to_owned();
    model["host"] = json!("HOST");
    assert_eq!(
        model,
        json!({
            "name": "twins", "host": "HOST",
            "status": {"ready": false, "state": "Initializing"},
            "deployment": {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"},
            "read_capacity": {"mode": "OnDemand", "status": {"state": "Ready"}},
            "schema": {"fields": {
                "_values": {"type": "dense_vector", "dimension": 3, "metric": "cosine", "description": null},
                "_sparse_values": {"type": "sparse_vector", "description": null},
            }},
            "deletion_protection": "disabled", "tags": {"path": "a/b"},
        })
    );
    rig.clock.skip(READY_AFTER);
    let old = rig.control("GET", "/indexes/twins", None).await.expect(200);
    assert_eq!((&old["dimension"], &old["metric"]), (&json!(3), &json!("cosine")));
    assert_eq!(old["spec"]["serverless"]["cloud"], "aws");
    rig.post(&host, "/vectors/upsert", json!({"vectors": records(2)})).await.expect(200);
    call(&rig, "POST", "/indexes", Some(body)).await.expect(409);

    let mut other = serverless("other", 3);
    other["spec"]["serverless"]["schema"] = json!({"fields": {"genre": {"filterable": true}}});
    rig.create(other).await;
    let new = call(&rig, "GET", "/indexes/other", None).await.expect(200);
    assert_eq!(new["schema"]["fields"]["genre"], json!({"filterable": true}));
    assert_eq!(new["tags"], Value::Null);
    let list = call(&rig, "GET", "/indexes", None).await.expect(200);
    assert_eq!(list["indexes"][0], new);
}

#[tokio::test]
async fn what_is_left_out_is_filled_in() {
    let rig = Rig::start().await;
    let sparse = json!({"schema": {"fields": {"_sparse_values": {"type": "sparse_vector"}}}});
    let model = call(&rig, "POST", "/indexes", Some(sparse)).await.expect(201);
    let name = model["name"].as_str().unwrap();
    assert!(name.starts_with("index-"), "{name}");
    assert_eq!(
        model["deployment"],
        json!({"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"})
    );
    let old = rig.control("GET", &format!("/indexes/{name}"), None).await.expect(200);
    assert_eq!((&old["vector_type"], &old["metric"]), (&json!("sparse"), &json!("dotproduct")));
    assert!(old.get("dimension").is_none());
}

#[tokio::test]
async fn no_pod_and_nothing_from_a_collection_or_a_backup_is_made() {
    let rig = Rig::start().await;
    let refused = async |key: &str, value: Value| {
        let mut body = dense("a");
        body[key] = value;
        let answer = call(&rig, "POST", "/indexes", Some(body)).await;
        let error = answer.json()["error"].clone();
        (answer.status, error["message"].as_str().unwrap().to_owned())
    };
    let pod = json!({"deployment_type": "pod", "environment": "us-east-1-aws", "pod_type": "p1.x1",
        "replicas": 1, "shards": 1});
    let (status, message) = refused("deployment", pod).await;
    assert!(status == 400 && message.contains("'pod' is not supported"), "{message}");
    for key in ["source_collection", "source_backup_id"] {
        let (status, message) = refused(key, json!("x")).await;
        assert!(status == 400 && message.contains("not yet supported"), "{message}");
    }
    for key in ["dimension", "spec", "metric", "vector_type", "surprise"] {
        assert_eq!(refused(key, json!(3)).await.0, 422, "{key}");
    }
    call(&rig, "POST", "/indexes", Some(serverless("a", 3))).await.expect(422);
    assert_eq!(rig.control("GET", "/indexes", None).await.expect(200), json!({"indexes": []}));
}

#[tokio::test]
async fn pods_and_collections_are_seen_changed_and_deleted() {
    let rig = Rig::start().await;
    rig.pod("pod").await;
    let change = json!({"deployment": {"replicas": 2}});
    let model = call(&rig, "PATCH", "/indexes/pod", Some(change)).await.expect(200);
    assert_eq!(
        model["deployment"],
        json!({"deployment_type": "pod", "environment": "us-east-1-aws", "pod_type": "p1.x1",
            "replicas": 2, "shards": 1})
    );
    assert!(model.get("read_capacity").is_none());
    for wrong in [
        json!({"spec": {"pod": {"replicas": 2}}}),
        json!({"deployment": {"deployment_type": "pod"}}),
    ] {
        call(&rig, "PATCH", "/indexes/pod", Some(wrong)).await.expect(422);
    }
    let capacity = json!({"read_capacity": {"mode": "OnDemand"}});
    call(&rig, "PATCH", "/indexes/pod", Some(capacity)).await.expect(400);

    let asked = json!({"name": "snap", "source": "pod"});
    call(&rig, "POST", "/collections", Some(asked)).await.expect(201);
    rig.clock.skip(COLLECTION_AFTER);
    let list = call(&rig, "GET", "/collections", None).await.expect(200);
    assert_eq!(list["collections"][0]["status"], "Ready");
    call(&rig, "DELETE", "/collections/snap", None).await.expect(202);
    call(&rig, "DELETE", "/indexes/pod", None).await.expect(202);
    call(&rig, "GET", "/indexes/pod", None).await.expect(404);
}

#[tokio::test]
async fn backups_show_a_schema_and_outlive_their_index() {
    let rig = Rig::start().await;
    rig.serverless("twins").await;
    call(&rig, "POST", "/indexes/twins/backups", Some(json!({}))).await.expect(201);
    rig.clock.skip(BACKUP_AFTER);
    let list = call(&rig, "GET", "/indexes/twins/backups", None).await.expect(200);
    let backup = &list["data"][0];
    assert_eq!(backup["schema"]["fields"]["_values"]["dimension"], 3);
    assert!(backup.get("dimension").is_none() && backup.get("metric").is_none(), "{backup}");
    let id = backup["backup_id"].as_str().unwrap();

    let capacity = json!({"mode": "Dedicated", "dedicated": {"node_type": "t1", "scaling": "Manual",
        "manual": {"replicas": 1, "shards": 1}}});
    let asked = json!({"name": "copy", "read_capacity": capacity});
    let path = format!("/backups/{id}/create-index");
    call(&rig, "POST", &path, Some(asked)).await.expect(202);
    let copy = call(&rig, "GET", "/indexes/copy", None).await.expect(200);
    assert_eq!(copy["source_backup_id"], id);
    assert_eq!(copy["read_capacity"]["dedicated"]["node_type"], "t1");

    call(&rig, "DELETE", "/indexes/twins", None).await.expect(202);
    call(&rig, "GET", "/indexes/twins/backups", None).await.expect(404);
    let path = "/indexes/twins/backups?include_deleted=true";
    let list = call(&rig, "GET", path, None).await.expect(200);
    assert!(list["data"][0]["source_index_deleted_at"].is_string(), "{list}");
}
