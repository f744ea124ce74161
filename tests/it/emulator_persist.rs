//! What an emulator keeps over a restart.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use serde_json::{Value, json};
use vecshift::ErrorKind;
use vecshift::emulator::{Emulator, EmulatorOptions};
use vecshift::plan::file::Faults;

use crate::emulator::{Rig, records, serverless};

async fn kept(folder: &Path) -> Rig {
    Rig::of(|options| options.persist = Some(folder.to_owned())).await
}

/// Ends an emulator and starts another one with what it left.
async fn again(rig: Rig, folder: &Path) -> Rig {
    rig.emulator.shutdown().await;
    kept(folder).await
}

async fn host(rig: &Rig, index: &str) -> String {
    rig.try_host(index).await.unwrap_or_else(|| panic!("{index} is gone"))
}

/// Everything that a client can see of an index, apart from its address.
async fn seen(rig: &Rig, index: &str) -> Value {
    let host = host(rig, index).await;
    let mut model = rig.control("GET", &format!("/indexes/{index}"), None).await.expect(200);
    model.as_object_mut().unwrap().remove("host");
    let stats = rig.post(&host, "/describe_index_stats", json!({})).await.expect(200);
    let mut namespaces = Vec::new();
    for name in stats["namespaces"].as_object().unwrap().keys() {
        // A pod has neither.
        let described = rig.get(&host, &format!("/namespaces/{name}")).await;
        let query = json!({"namespace": name, "topK": 100, "vector": [1, 2, 3],
            "includeValues": true, "includeMetadata": true});
        let found = rig.post(&host, "/query", query).await;
        let lsn = found.lsn("x-pinecone-max-indexed-lsn");
        let described = (described.status == 200).then(|| described.json());
        namespaces.push(json!([name, described, lsn, found.expect(200)["matches"]]));
    }
    json!([model, stats, namespaces])
}

#[tokio::test]
async fn every_change_of_an_index_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = kept(folder.path()).await;
    let (flat, pod) = (rig.serverless("flat").await, rig.pod("pod").await);
    let (upsert, update, delete) = ("/vectors/upsert", "/vectors/update", "/vectors/delete");
    let hybrid = json!({"name": "hybrid", "dimension": 3, "metric": "dotproduct",
        "deletion_protection": "enabled", "tags": {"team": "search"}, "spec": {"serverless":
            {"cloud": "gcp", "region": "us-central1", "schema": {"fields": {"n": {"filterable": true}}}}}});
    let hybrid = rig.create(hybrid).await;
    for host in [&flat, &pod] {
        for namespace in ["", "a", "b", "emptied"] {
            let body = json!({"namespace": namespace, "vectors": records(9)});
            rig.post(host, upsert, body).await.expect(200);
        }
        let changes = [
            (
                upsert,
                json!({"vectors": [{"id": "id-1", "values": [-0.0, 1e-30, 3.5],
                "metadata": {"n": 1.5, "b": true, "t": "x", "l": ["p", "q"]}}]}),
            ),
            (update, json!({"id": "id-2", "values": [9, 9, 9]})),
            (update, json!({"id": "id-3", "setMetadata": {"kind": "late", "n": 3}})),
            (update, json!({"filter": {"kind": "late"}, "setMetadata": {"seen": true}})),
            (delete, json!({"ids": ["id-4", "absent"]})),
            (delete, json!({"namespace": "emptied", "deleteAll": true})),
            (
                upsert,
                json!({"namespace": "b", "vectors": [{"id": "z", "values": [1, 1, 1],
                "metadata": {"n": 7}}]}),
            ),
            (delete, json!({"namespace": "b", "filter": {"n": {"$gte": 7, "$lt": 7.5}}})),
        ];
        for (path, body) in changes {
            rig.post(host, path, body).await.expect(200);
        }
    }
    let sparse = json!({"vectors": [{"id": "s", "values": [1, 2, 3],
        "sparseValues": {"indices": [7, 4_000_000_000_u32], "values": [0.5, 2.0]}}]});
    rig.post(&hybrid, upsert, sparse).await.expect(200);
    let schema = json!({"name": "bare", "schema": {"fields": {"kind": {"filterable": true}}}});
    rig.post(&flat, "/namespaces", schema).await.expect(200);
    for name in ["gone", "a"] {
        let body = json!({"namespace": name, "vectors": records(2)});
        rig.post(&flat, upsert, body).await.expect(200);
    }
    rig.try_call("DELETE", &format!("{flat}/namespaces/gone"), None).await.unwrap().expect(200);
    let change = json!({"tags": {"team": "", "owner": "ada"}, "spec": {"serverless":
        {"read_capacity": {"mode": "Dedicated", "dedicated": {"node_type": "b1",
            "scaling": "Manual", "manual": {"replicas": 2, "shards": 1}}}}}});
    rig.control("PATCH", "/indexes/hybrid", Some(change)).await.expect(202);
    rig.clock.skip(crate::emulator::READY_AFTER);

    let names = ["flat", "hybrid", "pod"];
    let mut before = Vec::new();
    for name in names {
        before.push(seen(&rig, name).await);
    }
    // Once as it was left, and once as the last start wrote it.
    for _ in 0..2 {
        rig = again(rig, folder.path()).await;
        assert_eq!(rig.emulator.indexes(), names);
        for (name, before) in names.iter().zip(&before) {
            assert_eq!(&seen(&rig, name).await, before, "{name}");
        }
    }
    // The namespace is gone, its numbers go on.
    let body = json!({"namespace": "gone", "vectors": records(1)});
    let answer = rig.post(&host(&rig, "flat").await, upsert, body).await;
    assert_eq!(answer.lsn("x-pinecone-request-lsn"), Some(2));
    rig.control("DELETE", "/indexes/hybrid", None).await.expect(403);
}

#[tokio::test]
async fn a_deleted_index_stays_deleted_and_another_of_its_name_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = kept(folder.path()).await;
    for _ in 0..2 {
        let host = rig.serverless("a").await;
        let stats = rig.post(&host, "/describe_index_stats", json!({})).await.expect(200);
        assert_eq!(stats["totalVectorCount"], 0);
        let body = json!({"vectors": records(3)});
        rig.post(&host, "/vectors/upsert", body).await.expect(200);
        rig.control("DELETE", "/indexes/a", None).await.expect(202);
        rig = again(rig, folder.path()).await;
        assert!(rig.emulator.indexes().is_empty());
    }
}

/// What was answered counts, and not what could be read already.
#[tokio::test]
async fn a_write_that_cannot_be_read_yet_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let rig = kept(folder.path()).await;
    rig.emulator.set_faults(serde_json::from_str::<Faults>(r#"{"lag": "10m"}"#).unwrap());
    let flat = rig.serverless("flat").await;
    rig.post(&flat, "/vectors/upsert", json!({"vectors": records(5)})).await.expect(200);
    let deletion = json!({"filter": {"n": {"$exists": false}}});
    rig.post(&flat, "/vectors/upsert", json!({"namespace": "x", "vectors": records(2)}))
        .await
        .expect(200);
    rig.post(&flat, "/vectors/delete", with_namespace(deletion, "x")).await.expect(200);
    let rig = again(rig, folder.path()).await;
    let flat = host(&rig, "flat").await;
    let stats = rig.post(&flat, "/describe_index_stats", json!({})).await.expect(200);
    assert_eq!(stats["totalVectorCount"], 5, "{stats}");
}

fn with_namespace(mut body: Value, name: &str) -> Value {
    body["namespace"] = name.into();
    body
}

#[tokio::test]
async fn what_a_restart_would_lose_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let rig = kept(folder.path()).await;
    let (flat, _) = (rig.serverless("flat").await, rig.pod("pod").await);
    let collection = json!({"name": "c", "source": "pod"});
    let answers = [
        rig.control("POST", "/collections", Some(collection)).await,
        rig.control("POST", "/indexes/flat/backups", Some(json!({}))).await,
        rig.post(&flat, "/bulk/imports", json!({"uri": "file:///nowhere"})).await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.text.contains("without --persist"), "{answer:?}");
    }
}

/// A ledger that grows with every write of the same records is written anew at the next start.
#[tokio::test]
async fn a_ledger_does_not_grow_with_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let rig = kept(folder.path()).await;
    let host = rig.create(serverless("wide", 1_000)).await;
    let wide: Value =
        (0..100).map(|n| json!({"id": format!("{n}"), "values": vec![1; 1_000]})).collect();
    for _ in 0..8 {
        rig.post(&host, "/vectors/upsert", json!({"vectors": wide})).await.expect(200);
    }
    let bytes = || std::fs::metadata(folder.path().join("emulator.ledger")).unwrap().len();
    let before = bytes();
    let rig = again(rig, folder.path()).await;
    assert!(bytes() < before / 6, "{} of {before}", bytes());
    assert_eq!(rig.emulator.holdings()[0].records, 100);
}

#[tokio::test]
async fn a_folder_in_use_or_of_somebody_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let start = |persist: &Path| {
        let persist = Some(persist.to_owned());
        Emulator::start(EmulatorOptions { persist, ..EmulatorOptions::default() })
    };
    let first = start(&folder.path().join("made/for/it")).await.unwrap();
    let error = start(&folder.path().join("made/for/it")).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    first.shutdown().await;

    let strange = folder.path().join("strange");
    std::fs::create_dir(&strange).unwrap();
    std::fs::write(strange.join("notes.txt"), "mine").unwrap();
    let error = start(&strange).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert_eq!(std::fs::read_dir(&strange).unwrap().count(), 1);
    let error = start(&strange.join("notes.txt")).await.err().unwrap();
    assert!(error.to_string().contains("notes.txt"), "{error}");

    let ledger = folder.path().join("made/for/it/emulator.ledger");
    let whole = std::fs::read(&ledger).unwrap();
    let cases = [
        (b"vecshift emulator 2\n".to_vec(), "another version"),
        (b"PAR1".to_vec(), "not written by an emulator"),
        ([&whole[..], b"no frame, and more than sixteen bytes"].concat(), "damaged at byte"),
    ];
    for (bytes, part) in cases {
        std::fs::write(&ledger, &bytes).unwrap();
        let error = start(&folder.path().join("made/for/it")).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(std::fs::read(&ledger).unwrap(), bytes);
    }
}
