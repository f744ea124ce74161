//! The emulator's bulk imports over the wire: from folders and from a bucket.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use vecshift::model::{
    Metadata, Namespace, Record, SparseVector, Vector, VectorField, VectorName, Vectors,
};
use vecshift::plan::file::{Faults, ResourceFault};
use vecshift::provider::parquet::RecordWriter;
use vecshift::storage::S3Options;

use crate::emulator::{Rig, serverless};

fn record(n: usize) -> Record {
    let metadata: Metadata = serde_json::from_value(json!({"n": n})).unwrap();
    Record {
        id: format!("id-{n}").into(),
        vectors: Vectors::plain(Vector::from_values([1.0, n as f32, 0.5]), None),
        metadata,
    }
}

fn write(root: &Path, path: &str, records: &[Record]) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = RecordWriter::create(&path, &VectorField::plain()).unwrap();
    writer.append(&Namespace::new("of the file"), records).unwrap();
    writer.finish().unwrap();
}

/// Makes two namespaces: `a` of eight records in two files, the default one of two.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let of = |range: std::ops::Range<usize>| range.map(record).collect::<Vec<_>>();
    write(folder.path(), "a/0.parquet", &of(0..5));
    write(folder.path(), "a/more/1.parquet", &of(5..8));
    write(folder.path(), "__default__/0.parquet", &of(0..2));
    std::fs::write(folder.path().join("a/_SUCCESS"), "").unwrap();
    folder
}

async fn start(rig: &Rig, host: &str, body: Value) -> String {
    let answer = rig.post(host, "/bulk/imports", body).await.expect(200);
    answer["id"].as_str().unwrap().to_owned()
}

/// Asks until `is_there`; each request is a round trip, during which the import proceeds.
async fn until(rig: &Rig, host: &str, id: &str, is_there: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..5_000 {
        let model = rig.get(host, &format!("/bulk/imports/{id}")).await.expect(200);
        if is_there(&model) {
            return model;
        }
    }
    panic!("the import does not get there");
}

async fn ended(rig: &Rig, host: &str, id: &str) -> Value {
    until(rig, host, id, |model| model.get("finishedAt").is_some()).await
}

async fn total(rig: &Rig, host: &str) -> Value {
    rig.post(host, "/describe_index_stats", json!({})).await.expect(200)["namespaces"].clone()
}

fn uri(folder: &tempfile::TempDir) -> String {
    format!("file://{}", folder.path().display())
}

#[tokio::test]
async fn a_folder_becomes_namespaces() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    let folder = folder();
    let uri = uri(&folder);
    let id = start(&rig, &host, json!({"uri": uri, "integrationId": null})).await;
    let mut model = ended(&rig, &host, &id).await;
    for instant in ["createdAt", "finishedAt"] {
        assert!(model[instant].as_str().unwrap().ends_with('Z'));
        model[instant] = json!("AT");
    }
    assert_eq!(
        model,
        json!({
            "id": id, "uri": uri, "status": "Completed", "percentComplete": 100.0,
            "recordsImported": 10, "createdAt": "AT", "finishedAt": "AT"
        })
    );
    let counts = json!({"a": {"vectorCount": 8}, "__default__": {"vectorCount": 2}});
    assert_eq!(total(&rig, &host).await, counts);
    assert_eq!(rig.emulator.counters().indexes["twins"].imported, 10);
    let fetched = rig.get(&host, "/vectors/fetch?ids=id-7&namespace=a").await.expect(200);
    assert_eq!(
        fetched["vectors"]["id-7"],
        json!({"id": "id-7", "values": [1.0, 7.0, 0.5], "metadata": {"n": 7.0}})
    );

    // An import makes its own namespaces, and these exist now.
    let again = start(&rig, &host, json!({"uri": uri})).await;
    let model = ended(&rig, &host, &again).await;
    assert_eq!(model["status"], "Failed");
    assert!(model["error"].as_str().unwrap().contains("already exists"), "{model}");
    assert_eq!(total(&rig, &host).await, counts);
    let list = rig.get(&host, "/bulk/imports?limit=1").await.expect(200);
    assert_eq!(list["data"][0]["id"], id.as_str());
    let next = list["pagination"]["next"].as_str().unwrap();
    let path = format!("/bulk/imports?paginationToken={next}");
    let list = rig.get(&host, &path).await.expect(200);
    assert_eq!(list["data"][0]["id"], again.as_str());
    assert!(list.get("pagination").is_none());
}

#[tokio::test]
async fn a_record_that_breaks_a_rule_ends_the_import_or_is_passed_over() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    let folder = tempfile::tempdir().unwrap();
    let mut records: Vec<_> = (0..4).map(record).collect();
    records[1].vectors.put(VectorName::DENSE, Vector::from_values([1.0]));
    let sparse = SparseVector::new(vec![1], Vector::from_values([1.0])).unwrap();
    records[2].vectors.put(VectorName::SPARSE, sparse);
    write(folder.path(), "a/0.parquet", &records);
    std::fs::write(folder.path().join("a/1.parquet"), "no Parquet").unwrap();
    let uri = uri(&folder);
    let id = start(&rig, &host, json!({"uri": uri})).await;
    let model = ended(&rig, &host, &id).await;
    assert_eq!(model["status"], "Failed");
    assert!(model["error"].as_str().unwrap().contains("dimension"), "{model}");
    rig.try_call("DELETE", &format!("{host}/namespaces/a"), None).await.unwrap();

    let asked = json!({"uri": uri, "errorMode": {"onError": "continue"}});
    let id = start(&rig, &host, asked).await;
    let model = ended(&rig, &host, &id).await;
    assert_eq!((&model["status"], &model["recordsImported"]), (&json!("Completed"), &json!(2)));
    assert_eq!(total(&rig, &host).await, json!({"a": {"vectorCount": 2}}));
}

#[tokio::test]
async fn an_import_may_fail_half_way_stall_and_be_cancelled() {
    let rig = Rig::start().await;
    let folder = folder();
    let asked = json!({"uri": uri(&folder)});
    let set = |fault| {
        rig.emulator.set_faults(Faults { import: Some(fault), ..Faults::default() });
    };
    set(ResourceFault::Fails);
    let host = rig.serverless("failing").await;
    let id = start(&rig, &host, asked.clone()).await;
    let model = ended(&rig, &host, &id).await;
    assert_eq!(model["status"], "Failed");
    let (percent, records) = (model["percentComplete"].as_f64(), model["recordsImported"].as_u64());
    assert!(percent > Some(0.0) && percent < Some(100.0), "{model}");
    assert!(records > Some(0) && records < Some(10), "{model}");

    set(ResourceFault::Stalls);
    let host = rig.serverless("stalling").await;
    let id = start(&rig, &host, asked).await;
    let is_stalled = |model: &Value| model["percentComplete"].as_f64() >= Some(50.0);
    let model = until(&rig, &host, &id, is_stalled).await;
    assert_eq!(model["status"], "InProgress");
    let url = format!("{host}/bulk/imports/{id}");
    assert_eq!(rig.try_call("DELETE", &url, None).await.unwrap().expect(200), json!({}));
    let cancelled = ended(&rig, &host, &id).await;
    assert_eq!(cancelled["status"], "Cancelled");
    assert_eq!(cancelled["recordsImported"], model["recordsImported"]);
    assert_eq!(rig.try_call("DELETE", &url, None).await.unwrap().expect(200), json!({}));
}

#[tokio::test]
async fn what_cannot_be_imported_is_refused() {
    let rig = Rig::start().await;
    let host = rig.serverless("twins").await;
    let long = format!("s3://{}", "x".repeat(1_500));
    for body in [
        json!({}),
        json!({"uri": ""}),
        json!({"uri": long}),
        json!({"uri": "gs://bucket/a"}),
        json!({"uri": "s3://"}),
        json!({"uri": "a/b"}),
        json!({"uri": "s3://b/a", "errorMode": {"onError": "shrug"}}),
    ] {
        rig.post(&host, "/bulk/imports", body).await.refused(400, 3);
    }
    rig.get(&host, "/bulk/imports/9").await.refused(404, 5);
    rig.get(&host, "/bulk/imports?limit=101").await.refused(400, 3);
    let mut elsewhere = serverless("elsewhere", 3);
    elsewhere["spec"]["serverless"]["cloud"] = json!("gcp");
    let elsewhere = rig.create(elsewhere).await;
    rig.post(&elsewhere, "/bulk/imports", json!({"uri": "s3://b/a"})).await.refused(400, 3);
    let pod = rig.pod("pod").await;
    rig.post(&pod, "/bulk/imports", json!({"uri": "s3://b/a"})).await.refused(404, 5);

    let empty = tempfile::tempdir().unwrap();
    let id = start(&rig, &host, json!({"uri": uri(&empty)})).await;
    let model = ended(&rig, &host, &id).await;
    assert_eq!(model["status"], "Failed");
    assert!(model["error"].as_str().unwrap().contains("No Parquet files"), "{model}");
    let id = start(&rig, &host, json!({"uri": "file:///nowhere/at/all"})).await;
    assert_eq!(ended(&rig, &host, &id).await["status"], "Failed");
}

type Requests = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// Objects under their keys, listed two per page and read by `GET`, as S3 does both.
#[derive(Clone)]
struct Bucket {
    objects: Arc<BTreeMap<String, Vec<u8>>>,
    requests: Requests,
}

async fn bucket(
    State(bucket): State<Bucket>,
    uri: Uri,
    headers: HeaderMap,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    bucket.requests.lock().unwrap().push((uri.to_string(), headers));
    let url = reqwest::Url::parse(&format!("http://s3{uri}")).unwrap();
    let asked: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let mut headers = HeaderMap::new();
    headers.insert("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT".parse().unwrap());
    headers.insert("etag", "\"x\"".parse().unwrap());
    if asked.contains_key("list-type") {
        return (StatusCode::OK, headers, list(&bucket, &asked).into_bytes());
    }
    let key = url.path().trim_start_matches("/shelf/").replace("%20", " ");
    match bucket.objects.get(&key) {
        Some(bytes) => (StatusCode::OK, headers, bytes.clone()),
        None => (StatusCode::NOT_FOUND, headers, Vec::new()),
    }
}

fn list(bucket: &Bucket, asked: &BTreeMap<String, String>) -> String {
    let prefix = &asked["prefix"];
    let after = asked.get("continuation-token").cloned().unwrap_or_default();
    let mut keys = bucket.objects.keys().filter(|key| key.starts_with(prefix) && **key > after);
    let page: Vec<_> = keys.by_ref().take(2).collect();
    let contents: String = page
        .iter()
        .map(|key| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
                 <ETag>\"x\"</ETag><Size>{}</Size></Contents>",
                bucket.objects[*key].len()
            )
        })
        .collect();
    let next = match (keys.next(), page.last()) {
        (Some(_), Some(last)) => {
            format!(
                "<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>"
            )
        }
        _ => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    format!("<ListBucketResult>{contents}{next}</ListBucketResult>")
}

/// Serves a bucket that holds `folder` under `imports/one/` and something beside it; returns its address.
async fn serve(folder: &Path) -> (String, Requests) {
    let read = |path: &str| std::fs::read(folder.join(path)).unwrap();
    let objects = BTreeMap::from([
        ("imports/one/a/0.parquet".to_owned(), read("a/0.parquet")),
        ("imports/one/a b/1.parquet".to_owned(), read("a/more/1.parquet")),
        ("imports/one/__default__/0.parquet".to_owned(), read("__default__/0.parquet")),
        ("imports/one/a/.log".to_owned(), Vec::new()),
        ("imports/other/a/9.parquet".to_owned(), b"not this one".to_vec()),
    ]);
    let requests = Requests::default();
    let state = Bucket { objects: Arc::new(objects), requests: Arc::clone(&requests) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let app = axum::Router::new().fallback(bucket).with_state(state);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, requests)
}

#[tokio::test]
async fn a_bucket_is_imported_with_signed_requests() {
    let folder = folder();
    let (address, requests) = serve(folder.path()).await;
    let variables = [
        ("AWS_ENDPOINT_URL", address.as_str()),
        ("AWS_ACCESS_KEY_ID", "the-id"),
        ("AWS_SECRET_ACCESS_KEY", "the-key"),
        ("AWS_REGION", "eu-west-1"),
    ];
    let s3 = S3Options::from_variables(variables).or_unsigned();
    assert!(!format!("{s3:?}").contains("the-key"), "{s3:?}");
    let rig = Rig::of(|options| options.s3 = s3).await;
    let host = rig.serverless("twins").await;
    let id = start(&rig, &host, json!({"uri": "s3://shelf/imports/one/"})).await;
    let model = ended(&rig, &host, &id).await;
    assert_eq!(
        (&model["status"], &model["recordsImported"]),
        (&json!("Completed"), &json!(10)),
        "{model}"
    );
    assert_eq!(
        total(&rig, &host).await,
        json!({"a": {"vectorCount": 5}, "a b": {"vectorCount": 3}, "__default__": {"vectorCount": 2}})
    );
    let requests = requests.lock().unwrap();
    assert!(requests.iter().all(|(_, headers)| {
        let authorization = headers["authorization"].to_str().unwrap();
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=the-id/")
            && authorization.contains("/eu-west-1/s3/")
    }));
    assert!(!requests.iter().any(|(uri, _)| uri.contains("other")));
}

#[tokio::test]
async fn a_public_bucket_needs_no_keys() {
    let folder = folder();
    let (address, requests) = serve(folder.path()).await;
    let s3 = S3Options::public_at(&address);
    let rig = Rig::of(|options| options.s3 = s3).await;
    let host = rig.serverless("twins").await;
    let id = start(&rig, &host, json!({"uri": "s3://shelf/imports/one"})).await;
    assert_eq!(ended(&rig, &host, &id).await["status"], "Completed");
    let is_signed = |headers: &HeaderMap| headers.contains_key("authorization");
    assert!(!requests.lock().unwrap().iter().any(|(_, headers)| is_signed(headers)));
}
