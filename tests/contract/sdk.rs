//! Pinecone's official Python SDKs drive the emulator through every operation, over both wires.
//!
//! Each script in `python/` is one group of operations and gets a fresh emulator. SDK 8.1.2 uses API version 2025-10,
//! SDK 10.2.0 uses 2026-07.

use std::collections::BTreeSet;
use std::time::Duration;

use vecshift::emulator::Emulator;
use vecshift::plan::file::Faults;

use crate::openapi::{self, proxy::Proxy};
use crate::python::environment;
use crate::world::{emulator, write_imports};

/// Longest time one script may take.
const LONGEST: Duration = Duration::from_secs(90);

const SCRIPTS: [&str; 12] = [
    "indexes.py",
    "collections_of_pods.py",
    "backups.py",
    "namespaces.py",
    "records.py",
    "queries.py",
    "filters.py",
    "sparse_and_hybrid.py",
    "awkward.py",
    "freshness.py",
    "imports.py",
    "errors.py",
];

/// Operations that every SDK requests on both wires, by their names in the emulator's counters.
const EVERYWHERE: [&str; 29] = [
    "list_indexes",
    "create_index",
    "describe_index",
    "configure_index",
    "delete_index",
    "list_collections",
    "create_collection",
    "describe_collection",
    "delete_collection",
    "list_backups",
    "list_index_backups",
    "create_backup",
    "describe_backup",
    "delete_backup",
    "create_index_from_backup",
    "list_restore_jobs",
    "describe_restore_job",
    "describe_index_stats",
    "list",
    "fetch",
    "fetch_by_metadata",
    "query",
    "upsert",
    "update",
    "delete",
    "list_namespaces",
    "create_namespace",
    "describe_namespace",
    "delete_namespace",
];

/// Operations that SDK 8 has on its REST client only.
const IMPORTS: [&str; 4] = ["start_import", "list_imports", "describe_import", "cancel_import"];

/// Runs every script and checks that between them they requested every operation.
async fn drive(requirements: &str, wire: &str) {
    let Some(python) = environment(requirements) else { return };
    let folder = tempfile::tempdir().unwrap();
    write_imports(folder.path());
    let folder = folder.path().to_str().unwrap();
    let (mut failures, mut asked) = (Vec::new(), BTreeSet::new());
    for script in SCRIPTS {
        let emulator = emulator(faults(script)).await;
        let proxy = read_along(requirements, wire, &emulator).await;
        let control = proxy.as_ref().map_or(emulator.url(), |proxy| proxy.url().to_owned());
        let run = python.run(script, &[wire, &control, folder], LONGEST).await;
        failures.extend(run.err());
        failures.extend(proxy.into_iter().flat_map(|proxy| proxy.seen().violations));
        asked.extend(emulator.counters().requests.into_keys());
        emulator.shutdown().await;
    }
    let count = failures.len();
    assert!(failures.is_empty(), "{count} scripts failed:\n\n{}", failures.join("\n\n"));
    let has_imports = (requirements, wire) != ("pinecone-8", "grpc");
    let wanted = EVERYWHERE.iter().chain(IMPORTS.iter().filter(|_| has_imports));
    let missing: Vec<_> = wanted.filter(|name| !asked.contains(*name)).collect();
    assert!(missing.is_empty(), "no script asked for {missing:?}");
}

/// Starts a proxy if the SDK uses a version that has OpenAPI files, as SDK 8 does over REST, so that every answer it
/// gets is validated.
async fn read_along(requirements: &str, wire: &str, emulator: &Emulator) -> Option<Proxy> {
    if (requirements, wire) != ("pinecone-8", "rest") {
        return None;
    }
    let specification = openapi::specification("what SDK 8 is answered over REST")?;
    Some(Proxy::of_answers(&emulator.url(), specification).await)
}

/// Returns the faults for a script: `freshness.py` watches writes become readable; the others need them at once.
fn faults(script: &str) -> Faults {
    match script {
        "freshness.py" => serde_json::from_str(r#"{"lag": "300ms"}"#).unwrap(),
        _ => Faults::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sdk_8_drives_every_operation_over_rest() {
    drive("pinecone-8", "rest").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sdk_8_drives_every_operation_over_grpc() {
    drive("pinecone-8", "grpc").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sdk_10_drives_every_operation_over_rest() {
    drive("pinecone-10", "rest").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sdk_10_drives_every_operation_over_grpc() {
    drive("pinecone-10", "grpc").await;
}
