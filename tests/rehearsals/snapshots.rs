//! Stages that write every record of one side to files, and several stages of a kind in one plan.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::journal::Event;
use vecshift::model::{Namespace, RecordId, Side, StageId};
use vecshift::run::{Outcome, Silent};

use crate::rig::Rig;

const PLAN: &str = r#"
version: 1
name: taken
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
STAGES
rehearsal:
  source: { kind: serverless, dimension: 8, records: 120, namespaces: 3, namespace_names: "ns_{{ n }}" }
"#;

const BEFORE: &str = r#"
  - { kind: snapshot, id: before, to: "file:kept", assert: [snapshot.records == 120, snapshot.complete == true] }
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - { kind: copy, namespaces: { exclude: ["*_3"] }, assert: [copy.complete == true] }"#;

fn plan(stages: &str) -> String {
    PLAN.replace("STAGES", stages)
}

/// Returns the folder of the snapshot that a stage took.
fn folder(rig: &Rig, stage: &str) -> PathBuf {
    let state = rig.state();
    let stage = state.stage(&stage.into()).unwrap();
    let [artifact] = &stage.artifacts[..] else { panic!("{:?}", stage.artifacts) };
    assert_eq!(artifact.name, "snapshot");
    artifact.path.clone().into()
}

/// Returns the index of a snapshot, its number of records, and its namespaces.
fn manifest(folder: &Path) -> (String, u64, BTreeSet<String>) {
    let text = std::fs::read(folder.join("snapshot.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&text).unwrap();
    let files = manifest["files"].as_array().unwrap();
    for file in files {
        assert!(folder.join(file["file"].as_str().unwrap()).is_file());
    }
    let names = files.iter().map(|file| file["namespace"].as_str().unwrap().to_owned());
    let index = manifest["source"].as_str().unwrap().to_owned();
    (index, manifest["records"].as_u64().unwrap(), names.collect())
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_snapshot_has_its_side_and_a_folder_of_its_own_and_stays_after_a_rollback() {
    let again = r#"
  - { kind: snapshot, id: again, to: "file:kept", assert: [snapshot.complete == true] }
  - { kind: snapshot, id: after, of: target, to: "file:kept", assert: [snapshot.complete == true] }"#;
    let rig = Rig::of_text(&plan(&format!("{BEFORE}{again}"))).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let all: BTreeSet<String> = ["ns_1", "ns_2", "ns_3"].map(str::to_owned).into();
    let copied = rig.world().target.stats().await.unwrap().total;
    assert_eq!(manifest(&folder(&rig, "before")), ("old".to_owned(), 120, all.clone()));
    assert_eq!(manifest(&folder(&rig, "again")), ("old".to_owned(), 120, all.clone()));
    let two = all.iter().take(2).cloned().collect();
    assert_eq!(manifest(&folder(&rig, "after")), ("new".to_owned(), copied, two));
    let place = folder(&rig, "before").parent().unwrap().to_owned();
    let run = rig.state().run;
    let own = ["before", "again", "after"].map(|stage| format!("{run}-{stage}"));
    assert_eq!(names(&place), own.into());
    let outcome = rig.roll_back(true).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert_eq!(names(&place).len(), 3);
    let undone = rig.state().stage(&"before".into()).unwrap().undone.clone().unwrap();
    assert!(undone.starts_with("kept the snapshot in "), "{undone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_not_as_asserted_fails_its_stage() {
    let stages = BEFORE.replace("snapshot.records == 120", "snapshot.records == 121");
    let rig = Rig::of_text(&plan(&stages)).await;
    let outcome = rig.run().await;
    assert!(matches!(&outcome, Outcome::Failed { stage, .. } if stage.as_str() == "before"));
    assert!(rig.world().target.describe().await.unwrap().is_none(), "what follows was not begun");
    assert_eq!(manifest(&folder(&rig, "before")).1, 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_was_cut_off_is_taken_again_and_leaves_one_folder() {
    let rig = Rig::of_text(&plan(BEFORE)).await;
    // The files are there, and nobody has written that down.
    rig.kill_at(rig.options(), |event| matches!(event, Event::ArtifactWritten { .. })).await;
    let left = folder(&rig, "before");
    let half = format!("{}.partial", left.display());
    std::fs::create_dir(&half).unwrap();
    std::fs::write(Path::new(&half).join("000001-0123456789ab.parquet"), "cut off").unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(folder(&rig, "before"), left);
    assert_eq!(manifest(&left).1, 120);
    assert_eq!(names(left.parent().unwrap()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_put_where_a_snapshot_goes_is_left_alone() {
    let rig = Rig::of_text(&plan(BEFORE)).await;
    rig.kill_at(rig.options(), |event| matches!(event, Event::ArtifactWritten { .. })).await;
    let theirs = folder(&rig, "before").join("notes.txt");
    std::fs::write(&theirs, "mine").unwrap();
    let outcome = rig.run().await;
    let Outcome::Erred { error, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_a_target_that_is_not_there_is_an_error() {
    let rig = Rig::of_text(&plan(
        r#"
  - { kind: snapshot, of: target, to: "file:kept", assert: [snapshot.complete == true] }"#,
    ))
    .await;
    let outcome = rig.run().await;
    let Outcome::Erred { error, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("`new`"), "{error}");
}

const VERIFIES: &str = r#"
  - { kind: verify, id: first, compare: 50%, assert: [mismatched == 0, missing == 0] }
  - { kind: verify, id: second, compare: all, assert: [missing == 0, count_delta == 0] }"#;

#[tokio::test(flavor = "multi_thread")]
async fn several_verifies_judge_each_for_itself() {
    let rig = Rig::of_text(&plan(&format!("{BEFORE}{VERIFIES}"))).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let state = rig.state();
    for (stage, texts) in [
        ("first", ["mismatched == 0", "missing == 0"]),
        ("second", ["missing == 0", "count_delta == 0"]),
    ] {
        let judged = &state.stage(&stage.into()).unwrap().judgements;
        let own: Vec<_> = judged.iter().map(|one| one.judgement.text.as_str()).collect();
        assert_eq!(own, texts, "{stage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_verify_fails_although_the_first_has_passed() {
    let rig = Rig::of_text(&plan(&format!("{BEFORE}{VERIFIES}"))).await;
    let mut options = rig.options();
    options.until = Some(StageId::new("first"));
    let held = rig.run_with(options, Arc::new(Silent), CancellationToken::new()).await.unwrap();
    assert!(matches!(held, Outcome::Held { .. }), "{held:?}");
    let (target, namespace) = (rig.admin(Side::Target), Namespace::from("ns_1"));
    target.describe().await.unwrap();
    let lost = [RecordId::new("rec-000001")];
    target.must_remove().unwrap().delete(&namespace, &lost).await.unwrap();
    let outcome = rig.run().await;
    assert!(
        matches!(&outcome, Outcome::Failed { stage, .. } if stage.as_str() == "second"),
        "{outcome:?}"
    );
    assert!(rig.state().stage(&"first".into()).unwrap().is_passed());
}
