//! Nothing is lost: a record that the target refused is tried again and keeps the source alive, and no wait is
//! forgotten.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::journal::{Event, Hold};
use vecshift::model::Share;
use vecshift::run::{Outcome, Silent};

use crate::rig::{Rig, read};

const PLAN: &str = r#"
version: 1
name: loss
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  flagd: { file: flag.json, flag: new-index, bucket_by: user }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - kind: copy
    metadata: { set: { note: "NOTE" } }
    assert: [ASSERT]
  - kind: canary
    probe: { queries: 10 }
    steps: [{ weight: 100%, bake: 1d }]
    assert: [error_rate <= 100% over 10m]
  - { kind: decommission, after: 1d, confirm: old }
rehearsal:
  source: { kind: pod, records: 40, namespaces: 2 }
"#;

/// Returns more metadata than a record may have.
fn too_big() -> String {
    PLAN.replace("NOTE", &"x".repeat(41_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_with_refused_records_and_no_snapshot_is_not_deleted() {
    let rig = Rig::of_text(&too_big().replace("ASSERT", "copy.failed > 0")).await;
    let Outcome::Erred { stage, error } = rig.run().await else { panic!("it did not stop") };
    assert_eq!(stage, Some("decommission".into()));
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("were refused by the target"), "{error}");
    assert!(rig.world().source.describe().await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_were_refused_are_copied_once_the_plan_is_mended() {
    let mut rig = Rig::of_text(&too_big().replace("ASSERT", "copy.failed == 0")).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    let mended = rig.file("mended.yaml");
    std::fs::write(&mended, PLAN.replace("NOTE", "small").replace("ASSERT", "copy.failed == 0"))
        .unwrap();
    rig.plan = read(&mended);
    let mut options = rig.options();
    options.adopt = true;
    let outcome = rig.run_with(options, Arc::new(Silent), CancellationToken::new()).await.unwrap();
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(rig.world().target.stats().await.unwrap().total, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_shall_not_wait_leaves_a_long_bake_and_the_next_goes_on() {
    let plan = PLAN.replace("NOTE", "small").replace("ASSERT", "copy.complete == true");
    let rig = Rig::of_text(&plan).await;
    let mut options = rig.options();
    options.no_wait = true;
    let outcome = rig.run_with(options, Arc::new(Silent), CancellationToken::new()).await.unwrap();
    assert!(matches!(outcome, Outcome::Held { hold: Hold::Time { .. }, .. }), "{outcome:?}");
    assert_eq!(rig.state().traffic.weight(), Some(Share(1.0)));
    assert!(!rig.entries().iter().any(|entry| matches!(entry.event, Event::StepPassed { .. })));
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_given_twice_does_not_make_up_for_one_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let ids = folder.path().join("ids.csv");
    let numbers = (1..40).chain([1]).map(|n| format!("rec-{n:06}\n"));
    std::fs::write(&ids, format!("id\n{}", numbers.collect::<String>())).unwrap();
    let copy = format!("enumerate: {{ manifest: {{ file: {} }} }}", ids.display());
    let plan = PLAN
        .replace("assert: [ASSERT]", &copy)
        .replace("namespaces: 2", "namespaces: 1, namespace_names: __default__")
        .replace("NOTE", "small");
    let rig = Rig::of_text(&plan).await;
    let error =
        rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("`rec-000001` of `__default__` twice"), "{error}");
    assert!(rig.world().target.describe().await.unwrap().is_none());
}
