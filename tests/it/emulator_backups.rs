//! The emulator's backups and restore jobs over the wire.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::{Value, json};
use vecshift::plan::file::{Faults, ResourceFault};

use crate::emulator::{BACKUP_AFTER, RESTORE_AFTER, Rig, records, serverless};

/// Makes a serverless index `twins` of three records and a backup that is ready; returns the backup's id.
async fn backed_up(rig: &Rig) -> String {
    let mut body = serverless("twins", 3);
    body["tags"] = json!({"environment": "production"});
    body["spec"]["serverless"]["schema"] = json!({"fields": {"genre": {"filterable": true}}});
    let host = rig.create(body).await;
    let vectors = json!({"namespace": "a", "vectors": records(3)});
    rig.post(&host, "/vectors/upsert", vectors).await.expect(200);
    let asked = json!({"name": "before", "description": "of the change"});
    let model = rig.control("POST", "/indexes/twins/backups", Some(asked)).await.expect(201);
    rig.clock.skip(BACKUP_AFTER);
    model["backup_id"].as_str().unwrap().to_owned()
}

async fn restore(rig: &Rig, backup: &str, name: &str) -> Value {
    let path = format!("/backups/{backup}/create-index");
    rig.control("POST", &path, Some(json!({"name": name}))).await.expect(202)
}

async fn job(rig: &Rig, started: &Value) -> Value {
    let path = format!("/restore-jobs/{}", started["restore_job_id"].as_str().unwrap());
    rig.control("GET", &path, None).await.expect(200)
}

#[tokio::test]
async fn a_backup_lives_from_creation_to_deletion() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    rig.post(&host, "/vectors/upsert", json!({"vectors": records(2)})).await.expect(200);
    let model = rig.control("POST", "/indexes/twins/backups", Some(json!({}))).await.expect(201);
    assert_eq!(model["status"], "Initializing");
    assert!(model.get("name").is_none() && model.get("record_count").is_none(), "{model}");
    let path = format!("/backups/{}", model["backup_id"].as_str().unwrap());
    let restoring = format!("{path}/create-index");
    rig.control("POST", &restoring, Some(json!({"name": "x"}))).await.expect(400);

    // Records written after the backup was requested are not in it.
    rig.post(&host, "/vectors/upsert", json!({"vectors": records(9)})).await.expect(200);
    rig.clock.skip(BACKUP_AFTER);
    let mut model = rig.control("GET", &path, None).await.expect(200);
    for id in ["backup_id", "source_index_id", "created_at"] {
        assert!(model[id].as_str().is_some_and(|text| text.len() > 10), "{model}");
        model[id] = json!("SOME");
    }
    assert_eq!(
        model,
        json!({
            "backup_id": "SOME", "source_index_id": "SOME", "created_at": "SOME",
            "source_index_name": "twins", "status": "Ready", "cloud": "aws", "region": "us-east-1",
            "record_count": 2, "namespace_count": 1, "size_bytes": 2 * (4 + 3 * 4),
            "metric": "cosine", "dimension": 3,
        })
    );
    assert_eq!(rig.control("DELETE", &path, None).await.expect(202), Value::Null);
    let gone = rig.control("GET", &path, None).await.expect(404);
    assert_eq!(gone["error"]["code"], "NOT_FOUND");
    rig.control("DELETE", &path, None).await.expect(404);
    rig.control("POST", &restoring, Some(json!({"name": "x"}))).await.expect(404);
}

#[tokio::test]
async fn an_index_is_made_from_a_backup() {
    let rig = Rig::start().await;
    let backup = backed_up(&rig).await;
    let started = restore(&rig, &backup, "copy").await;
    rig.clock.skip(RESTORE_AFTER / 4);
    let half = job(&rig, &started).await;
    assert_eq!((&half["status"], &half["percent_complete"]), (&json!("Pending"), &json!(25.0)));
    assert!(half.get("completed_at").is_none());
    let model = rig.control("GET", "/indexes/copy", None).await.expect(200);
    assert_eq!(model["status"], json!({"ready": false, "state": "Initializing"}));
    assert_eq!(model["tags"], json!({"environment": "production"}));
    assert_eq!(
        model["spec"]["serverless"]["schema"],
        json!({"fields": {"genre": {"filterable": true}}})
    );
    let path = format!("/backups/{backup}");
    let pending = rig.control("DELETE", &path, None).await.expect(412);
    assert_eq!(pending["error"]["code"], "FAILED_PRECONDITION");

    rig.clock.skip(RESTORE_AFTER);
    let done = job(&rig, &started).await;
    assert_eq!((&done["status"], &done["percent_complete"]), (&json!("Completed"), &json!(100.0)));
    assert!(done["completed_at"].as_str() > done["created_at"].as_str());
    assert_eq!(done["target_index_id"], started["index_id"]);
    let model = rig.control("GET", "/indexes/copy", None).await.expect(200);
    assert_eq!(model["status"]["ready"], true);
    let host = model["host"].as_str().unwrap();
    let listed = rig.get(host, "/vectors/list?namespace=a").await.expect(200);
    assert_eq!(listed["vectors"].as_array().unwrap().len(), 3);
    rig.control("DELETE", &path, None).await.expect(202);

    // The copy is an index of its own.
    let source = rig.control("GET", "/indexes/twins", None).await.expect(200);
    rig.post(host, "/vectors/delete", json!({"namespace": "a", "deleteAll": true}))
        .await
        .expect(200);
    let stats = rig.post(source["host"].as_str().unwrap(), "/describe_index_stats", json!({}));
    assert_eq!(stats.await.expect(200)["totalVectorCount"], 3);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let rig = Rig::start().await;
    rig.pod("pod").await;
    let of = |name: &str| format!("/indexes/{name}/backups");
    rig.control("POST", &of("pod"), Some(json!({}))).await.expect(400);
    rig.control("POST", &of("nothing"), Some(json!({}))).await.expect(404);
    rig.control("GET", &of("nothing"), None).await.expect(404);
    rig.control("GET", "/restore-jobs/nothing", None).await.expect(404);
    let backup = backed_up(&rig).await;
    rig.control("POST", &of("twins"), Some(json!({"name": 1}))).await.expect(422);
    let path = format!("/backups/{backup}/create-index");
    for (body, status) in [
        (json!({}), 422),
        (json!({"name": "A_b"}), 400),
        (json!({"name": "twins"}), 409),
        (json!({"name": "x", "deletion_protection": "on"}), 400),
        (json!({"name": "x", "tags": {"a b": "c"}}), 400),
    ] {
        let answer = rig.control("POST", &path, Some(body.clone())).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
    }
}

#[tokio::test]
async fn backups_and_jobs_come_in_pages() {
    let rig = Rig::start().await;
    rig.serverless("twins").await;
    rig.serverless("other").await;
    for _ in 0..11 {
        rig.control("POST", "/indexes/twins/backups", Some(json!({}))).await.expect(201);
    }
    rig.control("POST", "/indexes/other/backups", Some(json!({}))).await.expect(201);
    let length = |body: &Value| body["data"].as_array().unwrap().len();
    let page = rig.control("GET", "/backups", None).await.expect(200);
    assert_eq!(length(&page), 10);
    let token = page["pagination"]["next"].as_str().unwrap();
    let rest = rig.control("GET", &format!("/backups?paginationToken={token}"), None).await;
    let rest = rest.expect(200);
    assert_eq!(length(&rest), 2);
    assert!(rest.get("pagination").is_none());
    let all = rig.control("GET", "/indexes/twins/backups?limit=11", None).await.expect(200);
    assert_eq!(length(&all), 11);
    assert!(all.get("pagination").is_none());
    let all = rig.control_at("2026-07", "GET", "/backups", None).await.expect(200);
    assert_eq!(length(&all), 12);
    assert_eq!(rig.control("GET", "/restore-jobs", None).await.expect(200), json!({"data": []}));
    for wrong in ["limit=0", "limit=101", "limit=x", "paginationToken=xyz"] {
        rig.control("GET", &format!("/backups?{wrong}"), None).await.expect(400);
    }
}

#[tokio::test]
async fn a_restore_may_fail_stall_or_be_cancelled() {
    let rig = Rig::start().await;
    let backup = backed_up(&rig).await;
    let set = |fault| {
        rig.emulator.set_faults(Faults { restore: Some(fault), ..Faults::default() });
    };
    set(ResourceFault::Fails);
    let failing = restore(&rig, &backup, "failing").await;
    set(ResourceFault::Stalls);
    let stalling = restore(&rig, &backup, "stalling").await;
    assert_eq!(job(&rig, &failing).await["status"], "Pending");
    rig.clock.skip(Duration::from_secs(86_400));
    let failed = job(&rig, &failing).await;
    assert_eq!((&failed["status"], &failed["percent_complete"]), (&json!("Failed"), &json!(50.0)));
    let model = rig.control("GET", "/indexes/failing", None).await.expect(200);
    assert_eq!(model["status"], json!({"ready": false, "state": "InitializationFailed"}));
    assert_eq!(job(&rig, &stalling).await["status"], "Pending");
    let model = rig.control("GET", "/indexes/stalling", None).await.expect(200);
    assert_eq!(model["status"], json!({"ready": false, "state": "Initializing"}));

    for name in ["failing", "stalling"] {
        rig.control("DELETE", &format!("/indexes/{name}"), None).await.expect(202);
    }
    assert_eq!(job(&rig, &failing).await["status"], "Failed");
    assert_eq!(job(&rig, &stalling).await["status"], "Cancelled");
    let newest = rig.control_at("2026-07", "GET", "/restore-jobs", None).await.expect(200);
    assert!(newest["data"][1].get("percent_complete").is_none(), "{newest}");
    rig.control("DELETE", &format!("/backups/{backup}"), None).await.expect(202);
}
