//! Records that travel as Parquet files: written to a folder of the run, imported by the target, proven, removed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::journal::{Entry, Event, Route, RunState};
use vecshift::model::{
    IndexSpec, Metadata, Metric, Namespace, Record, RecordId, SparseVector, Vector, VectorType,
    Vectors,
};
use vecshift::pinecone_wire::Deployment;
use vecshift::plan::file::Faults;
use vecshift::provider::pinecone::Transport;
use vecshift::run::{Listener, Outcome, Progress, Silent, preview};

use crate::rig::Rig;

fn plan(copy: &str, source: &str) -> String {
    format!(
        r#"
version: 1
name: imports
source: {{ provider: pinecone, index: old }}
target: {{ provider: pinecone, index: new }}
stages:
  - kind: create
    spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: 4, metric: cosine }}
  - kind: copy
    import: {{ uri: "s3://shelf/moves" }}
{copy}
    assert: [copy.failed == 0, copy.complete == true]
  - kind: verify
    assert: [count_delta == 0, missing == 0, extra == 0, mismatched == 0]
rehearsal:
  source: {{ kind: pod, dimension: 4, {source} }}
"#
    )
}

const SMALL: &str = "records: 300, namespaces: 3";

fn serverless(name: &str, metric: Metric) -> IndexSpec {
    IndexSpec {
        name: name.into(),
        dimension: Some(4),
        metric,
        vector_type: VectorType::Dense,
        deployment: Deployment::Serverless { cloud: "aws".into(), region: "us-east-1".into() }
            .into(),
        deletion_protection: false,
        tags: Default::default(),
    }
}

/// Asserts that everything arrived without an upsert, and that the run left nothing of its own.
async fn assert_imported(rig: &Rig, records: u64) {
    let target = rig.world().target;
    target.describe().await.unwrap().unwrap();
    assert_eq!(target.stats().await.unwrap().total, records);
    assert_eq!(rig.state().route(&"copy".into()).unwrap().0, Route::Import);
    assert_eq!(rig.state().resources().count(), 0);
    assert_eq!(rig.emulator.counters().writes("old"), 0);
    assert_eq!(folders(rig.folder.path()), [""; 0]);
    // Nothing was ever sent but the probe record of the create stage.
    let imports = target.must_bulk().unwrap().imports().await.unwrap();
    assert_eq!(imports.len(), 1, "{imports:?}");
    assert!(imports[0].is_complete());
    assert_eq!(imports[0].records, Some(records));
}

/// Returns the folders of runs below `root`.
fn folders(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match name.starts_with("vecshift-import-") {
            true => found.push(name),
            false => found.extend(folders(&path)),
        }
    }
    found
}

async fn refused(rig: &Rig) -> vecshift::Error {
    rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_is_imported_under_new_names_and_nothing_is_left_behind() {
    let copy = "    strategy: import\n    namespaces: { rename: \"creator {{ namespace }}\" }";
    let rig = Rig::of_text(&plan(copy, SMALL)).await;
    let seen =
        preview(&rig.plan, &rig.world(), &RunState::default(), &rig.options()).await.unwrap();
    let stage = seen.stages.iter().find(|stage| stage.kind == "copy").unwrap();
    assert!(stage.details.contains(&"strategy: import (the plan says so)".to_owned()));
    assert!(stage.details.iter().any(|line| line.contains("s3://shelf/moves")), "{stage:?}");
    assert!(stage.estimate.ends_with("billed by GB"), "{stage:?}");

    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_imported(&rig, 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_imports_where_there_is_a_place_and_no_collection_will_do() {
    let rename = "    namespaces: { rename: \"creator_{{ namespace }}\" }";
    let rig = Rig::of_text(&plan(rename, SMALL)).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_imported(&rig, 300).await;
    let reason = rig.state().route(&"copy".into()).unwrap().1.to_owned();
    assert!(reason.contains("namespaces get other names; the plan has a place"), "{reason}");

    let rig = Rig::of_text(&plan("", SMALL)).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(rig.state().route(&"copy".into()).unwrap().0, Route::Collection);
}

fn record(id: &str, sparse: bool) -> Record {
    let seed = id.len() as f32 + 0.1;
    let metadata: Metadata = serde_json::from_value(serde_json::json!({
        "text": "größer als \"eins\"\n", "big": 9_007_199_254_740_992.0, "tags": [], "id": id
    }))
    .unwrap();
    let values = Vector::from_values([f32::MIN_POSITIVE, 2.0e-8]);
    Record {
        id: RecordId::new(id),
        vectors: Vectors::plain(
            Vector::from_values([seed, -1.0e-30, 3.4e37, 0.333_333_34]),
            sparse.then(|| SparseVector::new(vec![7, u32::MAX - 1], values).unwrap()),
        ),
        metadata,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn awkward_records_are_imported_bit_for_bit() {
    let text = plan("    strategy: import", SMALL).replace("cosine", "dotproduct");
    let index = serverless("old", Metric::Dotproduct);
    let ids = ["a b", "a/b", "100%", "x", &"y".repeat(512)];
    let records = || ids.iter().map(|id| record(id, id.len() % 2 == 1)).collect();
    let spaces = ["", "a b", "a%2Fb", "100%", "-", "__x__"];
    let held = spaces.iter().map(|name| (Namespace::new(*name), records())).collect();
    let rig = Rig::holding(&text, index, held, Transport::Auto).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_imported(&rig, 30).await;
    let target = rig.world().target;
    target.describe().await.unwrap().unwrap();
    let asked: Vec<RecordId> = ids.iter().map(|id| RecordId::new(*id)).collect();
    for name in spaces {
        let found =
            target.must_fetch().unwrap().fetch(&Namespace::new(name), &asked).await.unwrap();
        assert_eq!(found.len(), ids.len(), "{name}");
        for found in found {
            let is_sparse = found.id.text().len() % 2 == 1;
            assert_eq!(found, record(&found.id.text(), is_sparse), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_namespaces_are_imported_into_one() {
    let copy = "    strategy: import\n    namespaces: { rename: \"{{ vars.all }}\", merge: true }";
    let text = plan(copy, SMALL);
    let text = text.replace("name: imports\n", "name: imports\nvars: { all: { default: all } }\n");
    let rig = Rig::of_text(&text).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_imported(&rig, 300).await;
    let target = rig.world().target;
    target.describe().await.unwrap().unwrap();
    assert_eq!(target.stats().await.unwrap().namespaces.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_changed_as_asked_is_set_aside_and_the_others_are_imported() {
    let copy = "    strategy: import\n    metadata: { cast: { number: number } }";
    let text = plan(copy, SMALL)
        .replace("copy.failed == 0", "copy.failed == 1")
        .replace("count_delta == 0, missing == 0", "missing == 1");
    let index = serverless("old", Metric::Cosine);
    let numbered = |number: &str| {
        let metadata = serde_json::from_value(serde_json::json!({ "number": number })).unwrap();
        Record { metadata, ..record(&format!("id-{number}"), false) }
    };
    let records = ["1", "2", "no number", "4"].map(numbered).to_vec();
    let held = vec![(Namespace::new("n"), records)];
    let rig = Rig::holding(&text, index, held, Transport::Auto).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_imported(&rig, 3).await;
    let artifacts = rig.home().artifacts(&rig.state().run);
    let letters = std::fs::read_to_string(artifacts.join("copy-dead-letters.jsonl")).unwrap();
    assert_eq!(letters.lines().count(), 1);
    assert!(letters.contains("id-no number"), "{letters}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_imported_while_an_assertion_fails_on_what_was_written() {
    let copy = "    strategy: import\n    metadata: { cast: { number: number } }";
    let numbered = |id: &str, number: &str| {
        let metadata = serde_json::from_value(serde_json::json!({ "number": number })).unwrap();
        Record { metadata, ..record(id, false) }
    };
    let held = vec![(Namespace::new("n"), vec![numbered("a", "1"), numbered("b", "none")])];
    let index = serverless("old", Metric::Cosine);
    let rig = Rig::holding(&plan(copy, SMALL), index, held, Transport::Auto).await;
    let Outcome::Failed { reason, .. } = rig.run().await else { panic!("it did not fail") };
    assert!(reason.contains("copy.failed"), "{reason}");
    let target = rig.world().target;
    target.describe().await.unwrap().unwrap();
    assert!(target.must_bulk().unwrap().imports().await.unwrap().is_empty());

    // With the cause gone, the namespace is read again, and imported once.
    rig.emulator.insert("old", &Namespace::new("n"), vec![numbered("b", "2")]).unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_imported(&rig, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_writes_no_record_imports_none() {
    let copy = "    strategy: import\n    filter: { nothing: { $eq: here } }";
    let rig = Rig::of_text(&plan(copy, SMALL)).await;
    // A comparison of nothing is no pass.
    let outcome = rig.run().await;
    assert!(matches!(&outcome, Outcome::Held { stage, .. } if stage.as_str() == "verify"));
    let target = rig.world().target;
    target.describe().await.unwrap().unwrap();
    assert_eq!(target.stats().await.unwrap().total, 0);
    assert!(target.must_bulk().unwrap().imports().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_import_does_not_take_is_refused_before_anything_is_made() {
    let import = "    strategy: import";
    let rename = |name: &str| format!("{import}\n    namespaces: {{ rename: \"{name}\" }}");
    let starter = plan(import, SMALL)
        .replace("stages:\n", "stages:\n  - { kind: audit, service_plan: starter }\n");
    let sizes: Vec<String> = (0..10_001).map(|at| format!("n{at}: 1")).collect();
    let many = format!("sizes: {{ {} }}", sizes.join(", "));
    let cases = [
        (plan(&rename("a/{{ namespace }}"), SMALL), "a slash would make it two folders"),
        (
            plan(import, SMALL)
                .replace("cloud: aws, region: us-east-1", "cloud: gcp, region: us-central1"),
            "cannot import from Amazon S3",
        ),
        (starter, "needs the service's plan standard or enterprise"),
        (plan(import, &many), "10,001 namespaces, an import takes 10,000"),
    ];
    for (text, expected) in cases {
        let rig = Rig::of_text(&text).await;
        let outcome = rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await;
        let message = match outcome {
            Err(error) => error.to_string(),
            Ok(Outcome::Erred { error, .. }) => error.to_string(),
            Ok(other) => panic!("{expected}: {other:?}"),
        };
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("`strategy: import` does not apply"), "{message}");
        assert_eq!(rig.emulator.indexes(), ["old"], "{expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_holds_records_is_not_imported_into() {
    let mut rig = Rig::of_text(&plan("    strategy: import", SMALL)).await;
    let spec = serverless("new", Metric::Cosine);
    rig.emulator.add_index(spec).await.unwrap();
    let source = rig.world().source;
    source.describe().await.unwrap().unwrap();
    let name = source.stats().await.unwrap().namespaces.keys().next().unwrap().clone();
    rig.emulator.insert("new", &name, vec![record("a", false)]).unwrap();
    let message = refused(&rig).await.to_string();
    assert!(message.contains("holds 1 record already"), "{message}");

    // If the program may choose, the records are sent.
    let auto = plan("    namespaces: { rename: \"{{ namespace }}\" }", SMALL);
    let auto = auto.replace("extra == 0, ", "").replace("count_delta == 0, ", "");
    std::fs::write(rig.file("plan.yaml"), auto).unwrap();
    rig.plan = crate::rig::read(&rig.file("plan.yaml"));
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let (route, reason) =
        rig.state().route(&"copy".into()).map(|(route, why)| (route, why.to_owned())).unwrap();
    assert_eq!(route, Route::Stream);
    assert!(reason.contains("not by import: an import makes its namespaces"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_fails_or_never_ends_is_reported_and_rolled_back() {
    let cases = [
        (r#"{"import":"fails"}"#, ErrorKind::Refused, "is Failed: Internal error"),
        (r#"{"import":"stalls"}"#, ErrorKind::Timeout, "was not ready within 10m"),
    ];
    for (faults, kind, expected) in cases {
        let copy = "    strategy: import\n    ready_within: 10m";
        let rig = Rig::of_text(&plan(copy, SMALL)).await;
        let faults: Faults = serde_json::from_str(faults).unwrap();
        rig.emulator.set_faults(faults);
        let Outcome::Erred { error, .. } = rig.run().await else { panic!("{expected}") };
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("roll back")), "{error:?}");
        assert_eq!(folders(rig.folder.path()).len(), 1);

        // Another run says the same and begins no second import.
        let Outcome::Erred { error, .. } = rig.run().await else { panic!("{expected}") };
        assert!(error.to_string().contains(expected), "{error}");

        let target = rig.world().target;
        target.describe().await.unwrap().unwrap();
        let outcome = rig.roll_back(true).await.unwrap();
        assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
        assert_eq!(rig.emulator.indexes(), ["old"]);
        assert_eq!(folders(rig.folder.path()), [""; 0]);

        rig.emulator.set_faults(Faults::default());
        let outcome = rig.run().await;
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
        assert_imported(&rig, 300).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_keeps_the_target_ends_an_import_that_goes_on() {
    let copy = "    strategy: import\n    ready_within: 10m";
    let rig = Rig::of_text(&plan(copy, SMALL)).await;
    rig.emulator.set_faults(serde_json::from_str(r#"{"import":"stalls"}"#).unwrap());
    let Outcome::Erred { .. } = rig.run().await else { panic!("it did not stall") };
    let outcome = rig.roll_back(false).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert_eq!(rig.emulator.indexes(), ["new", "old"]);
    assert_eq!(folders(rig.folder.path()), [""; 0]);
    let target = rig.world().target;
    target.describe().await.unwrap().unwrap();
    let imports = target.must_bulk().unwrap().imports().await.unwrap();
    assert_eq!(imports[0].state, "Cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_before_the_import_takes_the_empty_target_away() {
    let rig = Rig::of_text(&plan("    strategy: import\n    parallel: 1", SMALL)).await;
    let cut = Arc::new(Cut { cancel: CancellationToken::new() });
    let outcome = rig.run_with(rig.options(), cut.clone(), cut.cancel.clone()).await;
    assert!(matches!(outcome, Ok(Outcome::Interrupted)), "{outcome:?}");
    assert_eq!(folders(rig.folder.path()).len(), 1);
    let outcome = rig.roll_back(false).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert_eq!(rig.emulator.indexes(), ["old"]);
    assert_eq!(folders(rig.folder.path()), [""; 0]);
}

/// An observer that interrupts the run at its first checkpoint.
struct Cut {
    cancel: CancellationToken,
}

impl Listener for Cut {
    fn event(&self, entry: &Entry, _: &RunState) {
        if matches!(entry.event, Event::Checkpointed { .. }) {
            self.cancel.cancel();
        }
    }

    fn progress(&self, _: &Progress) {}
}

/// An observer that removes a record from the source at the first checkpoint.
struct Meddler {
    is_done: AtomicBool,
    rig: Arc<Rig>,
}

impl Listener for Meddler {
    fn event(&self, entry: &Entry, _: &RunState) {
        let Event::Checkpointed { shard, .. } = &entry.event else { return };
        if !self.is_done.swap(true, Ordering::SeqCst) {
            let gone = vec![RecordId::new("rec-000001")];
            self.rig.emulator.remove("old", &shard.source, gone).unwrap();
        }
    }

    fn progress(&self, _: &Progress) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_goes_before_the_import_is_not_imported() {
    let copy = "    strategy: import\n    parallel: 1";
    let rig = Arc::new(Rig::of_text(&plan(copy, "sizes: { one: 200, two: 100 }")).await);
    let meddler = Meddler { is_done: AtomicBool::new(false), rig: rig.clone() };
    let outcome =
        rig.run_with(rig.options(), Arc::new(meddler), CancellationToken::new()).await.unwrap();
    let Outcome::Failed { reason, .. } = outcome else { panic!("not noticed: {outcome:?}") };
    assert!(reason.contains("copy.complete"), "{reason}");
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_imported(&rig, 299).await;
}
