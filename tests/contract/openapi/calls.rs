//! Operations and refusals that runs do not meet, requested directly.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::proxy::{Proxy, WRONG};
use super::{VERSIONS, specification};
use crate::world::{KEY, POD, emulator, write_imports};

/// Operations of the files that the emulator does not have: indexes with a model of their own.
const LEFT_OUT: [&str; 3] =
    ["create_index_for_model", "upsertRecordsNamespace", "searchRecordsNamespace"];

/// A client of one version, behind the proxy.
struct Caller {
    http: reqwest::Client,
    proxy: Proxy,
    version: &'static str,
}

impl Caller {
    async fn send(&self, is_wrong: bool, method: &str, url: &str, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method.parse().unwrap(), url);
        request = request.header("Api-Key", KEY).header("X-Pinecone-Api-Version", self.version);
        if is_wrong {
            request = request.header(WRONG, "yes");
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }

    /// Sends a request that is as the files say.
    async fn ask(&self, method: &str, url: &str, body: Option<Value>) -> Answer {
        self.send(false, method, url, body).await
    }

    /// Sends a request that is wrong on purpose; only its answer is judged.
    async fn mistake(&self, method: &str, url: &str, body: Option<Value>) -> Answer {
        self.send(true, method, url, body).await
    }

    fn control(&self, path: &str) -> String {
        format!("{}{path}", self.proxy.url())
    }

    /// Returns the host of an index, once that is ready.
    async fn host(&self, name: &str) -> String {
        loop {
            let url = self.control(&format!("/indexes/{name}"));
            let model = self.ask("GET", &url, None).await.of(200);
            if model["status"]["ready"] == true {
                return model["host"].as_str().unwrap().to_owned();
            }
        }
    }

    /// Asks until `path` of the answer is `word`.
    async fn until(&self, url: &str, path: &str, word: &str) -> Value {
        loop {
            let body = self.ask("GET", url, None).await.of(200);
            if body[path] == word {
                return body;
            }
            tokio::task::yield_now().await;
        }
    }
}

struct Answer {
    status: u16,
    body: Value,
    text: String,
}

impl Answer {
    #[track_caller]
    fn of(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }
}

fn serverless(name: &str) -> Value {
    json!({
        "name": name, "dimension": 3, "metric": "dotproduct",
        "spec": { "serverless": { "cloud": "aws", "region": "us-east-1" } }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_the_emulator_answers_as_the_files_say() {
    let what = "the emulator's answers against Pinecone's OpenAPI files";
    let Some(specification) = specification(what) else { return };
    for version in VERSIONS {
        let folder = tempfile::tempdir().unwrap();
        write_imports(folder.path());
        let emulator = emulator(Default::default()).await;
        let proxy = Proxy::start(&emulator.url(), specification.clone(), None).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let caller = Caller { http, proxy, version };
        indexes(&caller).await;
        collections(&caller).await;
        let host = caller.host("dense").await;
        records(&caller, &host).await;
        filters(&caller, &host).await;
        namespaces(&caller, &host).await;
        imports(&caller, &host, folder.path()).await;
        backups(&caller).await;
        pod(&caller).await;
        caller.proxy.assert_clean();
        let seen = caller.proxy.seen().operations.into_iter().map(|(_, operation)| operation);
        let seen: BTreeSet<_> = seen.chain(LEFT_OUT.map(str::to_owned)).collect();
        assert_eq!(seen, specification.operations(version), "of {version}");
    }
}

async fn indexes(caller: &Caller) {
    let all = caller.control("/indexes");
    let one = |name: &str| caller.control(&format!("/indexes/{name}"));
    let mut protected = serverless("dense");
    protected["deletion_protection"] = json!("enabled");
    protected["tags"] = json!({ "a": "b" });
    protected["spec"]["serverless"]["schema"] =
        json!({ "fields": { "n": { "filterable": true } } });
    protected["spec"]["serverless"]["read_capacity"] = json!({ "mode": "OnDemand" });
    caller.ask("POST", &all, Some(protected.clone())).await.of(201);
    caller.ask("POST", &all, Some(protected)).await.of(409);
    let sparse = json!({
        "name": "sparse", "vector_type": "sparse", "metric": "dotproduct",
        "spec": { "serverless": { "cloud": "gcp", "region": "us-central1" } }
    });
    caller.ask("POST", &all, Some(sparse)).await.of(201);
    let pod = json!({
        "name": "pod", "dimension": 3, "metric": "euclidean",
        "spec": { "pod": {
            "environment": "us-east-1-aws", "pod_type": "p1.x1", "replicas": 2, "shards": 1, "pods": 2,
            "metadata_config": { "indexed": ["n"] }
        } }
    });
    caller.ask("POST", &all, Some(pod)).await.of(201);
    caller.ask("GET", &all, None).await.of(200);
    caller.host("sparse").await;
    let dedicated = json!({ "spec": { "serverless": { "read_capacity": {
        "mode": "Dedicated",
        "dedicated": {
            "node_type": "b1", "scaling": "Manual", "manual": { "shards": 1, "replicas": 2 }
        }
    } } } });
    caller.ask("PATCH", &one("sparse"), Some(dedicated)).await.of(202);
    caller.ask("GET", &one("sparse"), None).await.of(200);
    let resized = json!({ "spec": { "pod": { "replicas": 1, "pod_type": "p1.x2" } } });
    caller.ask("PATCH", &one("pod"), Some(resized)).await.of(202);
    caller
        .ask("PATCH", &one("dense"), Some(json!({ "tags": { "a": "", "c": "d" } })))
        .await
        .of(202);
    caller.ask("DELETE", &one("dense"), None).await.of(403);
    let open = json!({ "deletion_protection": "disabled" });
    caller.ask("PATCH", &one("dense"), Some(open)).await.of(202);
    caller.ask("DELETE", &one("pod"), None).await.of(202);

    caller.ask("GET", &one("absent"), None).await.of(404);
    caller.ask("DELETE", &one("absent"), None).await.of(404);
    caller.ask("PATCH", &one("absent"), Some(json!({}))).await.of(404);
    caller.mistake("POST", &all, Some(json!({ "name": "x" }))).await.of(422);
    let mut wrong = serverless("wrong");
    wrong["dimension"] = json!(20_001);
    caller.mistake("POST", &all, Some(wrong.clone())).await.of(400);
    wrong["dimension"] = json!(3);
    wrong["spec"]["serverless"]["cloud"] = json!("nimbus");
    caller.mistake("POST", &all, Some(wrong)).await.of(404);
    let url = one("dense");
    let stranger = caller.http.get(url).header("X-Pinecone-Api-Version", caller.version);
    let stranger = stranger.header("Api-Key", "wrong").send().await.unwrap();
    assert_eq!(stranger.status(), 401);
}

async fn collections(caller: &Caller) {
    let all = caller.control("/collections");
    let one = caller.control("/collections/frozen");
    let body = json!({ "name": "frozen", "source": POD });
    caller.ask("POST", &all, Some(body.clone())).await.of(201);
    caller.ask("POST", &all, Some(body)).await.of(409);
    caller.until(&one, "status", "Ready").await;
    caller.ask("GET", &all, None).await.of(200);
    let mut from = serverless("thawed");
    from["metric"] = json!("cosine");
    from["spec"]["serverless"]["source_collection"] = json!("frozen");
    caller.ask("POST", &caller.control("/indexes"), Some(from)).await.of(201);
    caller.host("thawed").await;
    let missing = json!({ "name": "other", "source": "absent" });
    caller.ask("POST", &all, Some(missing)).await.of(400);
    caller.ask("DELETE", &one, None).await.of(202);
    caller.ask("DELETE", &one, None).await.of(404);
    caller.ask("GET", &one, None).await.of(404);
}

async fn records(caller: &Caller, host: &str) {
    let post = async |path: &str, body: Value| {
        caller.ask("POST", &format!("{host}{path}"), Some(body)).await
    };
    let vectors: Vec<_> = (0..120)
        .map(|n| {
            json!({
                "id": format!("id-{n:03}"), "values": [1.0, n, 0.5],
                "sparseValues": { "indices": [n, 4_000_000_000_u32], "values": [0.5, 1.5] },
                "metadata": { "n": n, "text": "ü", "list": ["a", "b"], "flag": true }
            })
        })
        .collect();
    post("/vectors/upsert", json!({ "vectors": vectors, "namespace": "ns" })).await.of(200);
    post("/vectors/upsert", json!({ "vectors": [{ "id": "a", "values": [0.1, 0.2, 0.3] }] }))
        .await
        .of(200);
    let get = async |path: &str| caller.ask("GET", &format!("{host}{path}"), None).await;
    get("/vectors/fetch?ids=id-001&ids=absent&namespace=ns").await.of(200);
    let page = get("/vectors/list?namespace=ns&limit=100&prefix=id-").await.of(200);
    let token = page["pagination"]["next"].as_str().unwrap();
    get(&format!("/vectors/list?namespace=ns&paginationToken={token}")).await.of(200);
    get("/vectors/list?namespace=absent").await.of(200);
    let query = json!({
        "namespace": "ns", "topK": 3, "vector": [1.0, 2.0, 3.0], "includeValues": true,
        "includeMetadata": true, "filter": { "n": { "$lt": 50 } },
        "sparseVector": { "indices": [5], "values": [2.0] }
    });
    post("/query", query).await.of(200);
    post("/query", json!({ "namespace": "ns", "topK": 3, "id": "id-001" })).await.of(200);
    post("/query", json!({ "namespace": "absent", "topK": 3, "id": "id-001" })).await.of(200);
    let update = json!({
        "id": "id-001", "namespace": "ns", "values": [1, 2, 3], "setMetadata": { "m": "x" },
        "sparseValues": { "indices": [1], "values": [1.0] }
    });
    post("/vectors/update", update).await.of(200);
    post("/vectors/delete", json!({ "ids": ["id-000", "absent"], "namespace": "ns" }))
        .await
        .of(200);
    post("/describe_index_stats", json!({})).await.of(200);

    post("/describe_index_stats", json!({ "filter": { "n": 1 } })).await.of(400);
    post("/vectors/upsert", json!({ "vectors": [{ "id": "x", "values": [1.0] }] })).await.of(400);
    post("/query", json!({ "topK": 3, "vector": [1.0] })).await.of(400);
    post("/vectors/delete", json!({ "deleteAll": true, "namespace": "absent" })).await.of(404);
    let mistake = async |path: &str, body: Value| {
        caller.mistake("POST", &format!("{host}{path}"), Some(body)).await
    };
    mistake("/query", json!({ "topK": 10_001, "vector": [1, 2, 3] })).await.of(400);
    mistake("/vectors/upsert", json!({ "vectors": "none" })).await.of(400);
    let big: Vec<_> = (0..60)
        .map(|n| json!({ "id": format!("{n}"), "values": [1, 2, 3], "metadata": { "t": "x".repeat(40_000) } }))
        .collect();
    post("/vectors/upsert", json!({ "vectors": big })).await.of(413);
}

async fn filters(caller: &Caller, host: &str) {
    let post = async |path: &str, body: Value| {
        caller.ask("POST", &format!("{host}{path}"), Some(body)).await
    };
    let filter = json!({ "n": { "$gte": 20 } });
    let by_filter = |extra: Value| {
        let mut body = json!({ "namespace": "ns", "filter": filter });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let page = post("/vectors/fetch_by_metadata", by_filter(json!({ "limit": 10 }))).await.of(200);
    let token = &page["pagination"]["next"];
    let next = by_filter(json!({ "limit": 10_000, "paginationToken": token }));
    post("/vectors/fetch_by_metadata", next).await.of(200);
    let set = json!({ "setMetadata": { "high": true } });
    let mut dry = set.clone();
    dry["dryRun"] = json!(true);
    post("/vectors/update", by_filter(dry)).await.of(200);
    post("/vectors/update", by_filter(set)).await.of(200);
    post("/vectors/delete", by_filter(json!({}))).await.of(200);
    let unknown = json!({ "namespace": "ns", "topK": 1, "vector": [1, 2, 3], "filter": { "n": { "$like": "x" } } });
    post("/query", unknown).await.of(400);
}

async fn namespaces(caller: &Caller, host: &str) {
    let all = format!("{host}/namespaces");
    let one = |name: &str| format!("{host}/namespaces/{name}");
    let schema = json!({ "fields": { "n": { "filterable": true } } });
    let body = json!({ "name": "made", "schema": schema });
    caller.ask("POST", &all, Some(body.clone())).await.of(200);
    caller.ask("POST", &all, Some(body)).await.of(409);
    caller.ask("POST", &all, Some(json!({ "name": "plain" }))).await.of(200);
    let page = caller.ask("GET", &format!("{all}?limit=1&prefix=m"), None).await.of(200);
    assert_eq!(page["namespaces"][0]["name"], "made");
    let page = caller.ask("GET", &format!("{all}?limit=2"), None).await.of(200);
    let token = page["pagination"]["next"].as_str().unwrap();
    caller.ask("GET", &format!("{all}?paginationToken={token}"), None).await.of(200);
    caller.ask("GET", &one("made"), None).await.of(200);
    caller.ask("GET", &one("__default__"), None).await.of(200);
    caller.ask("DELETE", &one("made"), None).await.of(200);
    caller.ask("GET", &one("made"), None).await.of(404);
    caller.ask("DELETE", &one("made"), None).await.of(404);
}

async fn imports(caller: &Caller, host: &str, folder: &Path) {
    let all = format!("{host}/bulk/imports");
    let start = async |name: &str, mode: &str| {
        let uri = format!("file://{}/{name}", folder.display());
        let body = json!({ "uri": uri, "errorMode": { "onError": mode } });
        let id = caller.ask("POST", &all, Some(body)).await.of(200)["id"].clone();
        format!("{all}/{}", id.as_str().unwrap())
    };
    let good = start("import", "abort").await;
    let bad = start("import-with-a-wrong-record", "abort").await;
    let done = caller.until(&good, "status", "Completed").await;
    assert_eq!(done["recordsImported"].as_u64(), Some(30), "{done}");
    caller.until(&bad, "status", "Failed").await;
    caller.ask("GET", &format!("{all}?limit=1"), None).await.of(200);
    caller.ask("GET", &all, None).await.of(200);
    let late = start("import", "continue").await;
    let cancelled = caller.ask("DELETE", &late, None).await;
    assert!([200, 400].contains(&cancelled.status), "{}", cancelled.text);
    caller.ask("GET", &format!("{all}/999"), None).await.of(404);
    caller.mistake("POST", &all, Some(json!({}))).await.of(400);
}

async fn backups(caller: &Caller) {
    let of_index = caller.control("/indexes/dense/backups");
    let all = caller.control("/backups");
    let body = json!({ "name": "first", "description": "before" });
    let made = caller.ask("POST", &of_index, Some(body)).await.of(201);
    caller.ask("POST", &of_index, Some(json!({}))).await.of(201);
    let one = format!("{all}/{}", made["backup_id"].as_str().unwrap());
    caller.until(&one, "status", "Ready").await;
    let page = caller.ask("GET", &format!("{all}?limit=1"), None).await.of(200);
    let token = page["pagination"]["next"].as_str().unwrap();
    caller.ask("GET", &format!("{all}?limit=1&paginationToken={token}"), None).await.of(200);
    caller.ask("GET", &of_index, None).await.of(200);
    let restore =
        json!({ "name": "again", "tags": { "a": "b" }, "deletion_protection": "disabled" });
    let url = format!("{one}/create-index");
    let job = caller.ask("POST", &url, Some(restore.clone())).await.of(202);
    caller.ask("POST", &url, Some(restore)).await.of(409);
    let job = caller.control(&format!("/restore-jobs/{}", job["restore_job_id"].as_str().unwrap()));
    caller.until(&job, "status", "Completed").await;
    caller.ask("GET", &caller.control("/restore-jobs?limit=1"), None).await.of(200);
    caller.host("again").await;
    caller.ask("DELETE", &one, None).await.of(202);
    caller.ask("GET", &one, None).await.of(404);
    caller.ask("DELETE", &one, None).await.of(404);
    caller.ask("GET", &caller.control("/restore-jobs/absent"), None).await.of(404);
}

/// Checks what pods have and lack.
async fn pod(caller: &Caller) {
    let host = caller.host(POD).await;
    let filtered = json!({ "filter": { "n": { "$gte": 15 } } });
    let stats = caller.ask("POST", &format!("{host}/describe_index_stats"), Some(filtered)).await;
    assert_eq!(stats.of(200)["namespaces"][""]["vectorCount"], 5);
    caller.ask("GET", &format!("{host}/vectors/fetch?ids=pod-1"), None).await.of(200);
    for path in ["/vectors/list", "/namespaces", "/namespaces/x", "/bulk/imports"] {
        caller.ask("GET", &format!("{host}{path}"), None).await.of(404);
    }
    let backups = caller.control(&format!("/indexes/{POD}/backups"));
    caller.ask("POST", &backups, Some(json!({}))).await.of(400);
}
