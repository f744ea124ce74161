//! Schemathesis makes requests from Pinecone's OpenAPI files, right and wrong ones, and the emulator's answers have to
//! be in the files: no 500, no status, type or member that they do not list.
//!
//! The seed and the number of examples are fixed. What is left out:
//!
//! - operations of indexes with an embedding model, which the emulator does not have (`EMBEDDING`);
//! - the key: the emulator takes any here, as the files show a 401 as JSON and Pinecone's documents as plain text;
//! - the four places where the emulator answers 400 or 404 and the files list neither (`AMENDED` in `fuzz.py`);
//! - whether a wrong request is refused and a right one taken (`negative_data_rejection`,
//!   `positive_data_acceptance`): the files' schemas are wider than the service's rules in places (a filter is any
//!   object) and narrower in others (2,048 sparse values, a missing version header);
//! - methods that the files do not have (`unsupported_method`: the emulator answers 404, not 405);
//! - sequences of requests (`stateful`): the files have no links. The SDKs' scripts have them.

use std::time::Duration;

use serde_json::{Value, json};
use vecshift::emulator::{Emulator, EmulatorOptions};
use vecshift::model::{Namespace, Record, Vector, Vectors};
use vecshift::storage::S3Options;

use crate::openapi::{VERSIONS, file, specification};
use crate::python::environment;
use crate::world::{POD, pod, record, serverless};

const EMBEDDING: [&str; 3] =
    ["create_index_for_model", "upsertRecordsNamespace", "searchRecordsNamespace"];

/// Test cases for each operation in the random phase, beside the examples of the files and one case for each limit.
const EXAMPLES: &str = "25";

/// An address at which nobody listens.
const NOBODY: &str = "http://127.0.0.1:9";

const SEED: &str = "20261122";

const LONGEST: Duration = Duration::from_secs(240);

/// An emulator with one of everything that a path can name.
struct World {
    emulator: Emulator,
    /// Host of the serverless index.
    host: String,
    /// Values for path parameters, by name.
    names: Value,
}

impl World {
    async fn make() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let emulator = Emulator::start(EmulatorOptions {
            rate_limits: false,
            // Nobody listens there: an import from a bucket fails at once and on this machine.
            s3: S3Options::public_at(NOBODY),
            ready_after: Duration::ZERO,
            collection_ready_after: Duration::ZERO,
            backup_ready_after: Duration::ZERO,
            restore_ready_after: Duration::ZERO,
            import_starts_after: Duration::ZERO,
            ..EmulatorOptions::default()
        });
        let emulator = emulator.await.unwrap();
        emulator.add_index(pod()).await.unwrap();
        emulator.insert(POD, &Namespace::new(""), (0..20).map(record).collect()).unwrap();
        let host = emulator.add_index(serverless("kept")).await.unwrap();
        for namespace in ["ns", "other", ""] {
            let records = ["a", "b", "id with space"].map(|id| Record {
                id: id.into(),
                vectors: Vectors::plain(Vector::from_values([1.0, 2.0, 3.0]), None),
                ..record(1)
            });
            emulator.insert("kept", &Namespace::new(namespace), records.to_vec()).unwrap();
        }
        let control = emulator.url();
        let frozen = json!({ "name": "frozen", "source": POD });
        post(format!("{control}/collections"), frozen).await;
        let backup = post(format!("{control}/indexes/kept/backups"), json!({})).await;
        let backup = backup["backup_id"].as_str().unwrap();
        let restore = json!({ "name": "restored" });
        let job = post(format!("{control}/backups/{backup}/create-index"), restore).await;
        let import = post(format!("{host}/bulk/imports"), json!({ "uri": "file:///absent" })).await;
        let names = json!({
            "index_name": ["kept", POD, "restored"],
            "collection_name": ["frozen"],
            "backup_id": [backup],
            "job_id": [job["restore_job_id"]],
            "namespace": ["ns", "other", "__default__"],
            "id": [import["id"]],
        });
        Self { emulator, host, names }
    }
}

async fn post(url: String, body: Value) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(url).header("X-Pinecone-Api-Version", VERSIONS[0]).json(&body);
    let answer = request.send().await.unwrap().error_for_status().unwrap();
    answer.json().await.unwrap()
}

async fn fuzz(plane: &str, version: &str) {
    let what = "the emulator with requests made from Pinecone's OpenAPI files";
    let Some(specification) = specification(what) else { return };
    let Some(python) = environment("schemathesis") else { return };
    let World { emulator, host, names } = World::make().await;
    let file = file(version, plane);
    let control = emulator.url();
    let address = if plane == "control" { &control } else { &host };
    let names = names.to_string();
    let mut arguments = vec![file.to_str().unwrap(), address, version, EXAMPLES, SEED, &names];
    let known = specification.operations_of(version, plane);
    arguments.extend(EMBEDDING.iter().filter(|name| known.contains(**name)));
    let run = python.run("fuzz.py", &arguments, LONGEST).await;
    if let Err(report) = run {
        panic!("{plane} plane, {version}: {report}");
    }
    // The server did not just refuse everything.
    let counters = emulator.counters();
    match plane {
        "control" => assert!(counters.requests("create_index") > 10, "{counters:?}"),
        _ => assert!(counters.writes("kept") > 10, "{counters:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_request_to_the_control_plane_of_2026_04_is_answered_as_the_file_says() {
    fuzz("control", VERSIONS[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_request_to_the_data_plane_of_2026_04_is_answered_as_the_file_says() {
    fuzz("data", VERSIONS[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_request_to_the_control_plane_of_2025_10_is_answered_as_the_file_says() {
    fuzz("control", VERSIONS[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_request_to_the_data_plane_of_2025_10_is_answered_as_the_file_says() {
    fuzz("data", VERSIONS[1]).await;
}
