//! Rollback on request: what it undoes, what it keeps, and when it is too late.

use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use vecshift::ErrorKind;
use vecshift::journal::{Entry, Event, Hold, Phase};
use vecshift::model::{Share, Side, StageId};
use vecshift::run::{Outcome, Silent, roll_back};

use crate::kill::cut;
use crate::rig::Rig;

const PLAN: &str = r#"
version: 1
name: back
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  flagd: { file: flag.json, flag: new-index, bucket_by: user }
stages:
  - kind: create
    spec:
      serverless: { cloud: aws, region: us-east-1 }
      dimension: 8
      metric: cosine
      deletion_protection: enabled
  - { kind: copy, assert: [copy.complete == true] }
  - kind: canary
    probe: { queries: 10 }
    steps: [{ weight: 100%, bake: 30m }]
    assert: [error_rate < 50% over 10m]
  - { kind: decommission, after: 1d, confirm: old }
rehearsal:
  source: { kind: serverless, records: 40, namespaces: 2 }
"#;

async fn run_until(rig: &Rig, stage: &str) -> Outcome {
    let mut options = rig.options();
    options.until = Some(StageId::new(stage));
    rig.run_with(options, Arc::new(Silent), CancellationToken::new()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_goes_back_first_and_records_are_kept() {
    let rig = Rig::of_text(PLAN).await;
    let outcome = run_until(&rig, "canary").await;
    assert!(matches!(outcome, Outcome::Held { hold: Hold::Until, .. }), "{outcome:?}");
    assert_eq!(rig.state().traffic.weight(), Some(Share(1.0)));
    let outcome = rig.roll_back(false).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    let state = rig.state();
    assert_eq!(state.traffic.weight(), Some(Share(0.0)));
    let undone: Vec<_> = state.stages.iter().filter_map(|stage| stage.undone.as_deref()).collect();
    assert!(undone[0].starts_with("kept `new` with the 40 records"), "{undone:?}");
    assert!(rig.world().target.describe().await.unwrap().is_some());
    assert!(rig.world().source.describe().await.unwrap().is_some());
    let again = rig.roll_back(false).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn purging_deletes_the_index_this_run_created() {
    let rig = Rig::of_text(PLAN).await;
    run_until(&rig, "copy").await;
    let outcome = rig.roll_back(true).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(rig.world().target.describe().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rollback_kept_can_be_purged_afterwards() {
    let rig = Rig::of_text(PLAN).await;
    run_until(&rig, "copy").await;
    rig.roll_back(false).await.unwrap();
    assert!(rig.world().target.describe().await.unwrap().is_some());
    rig.roll_back(true).await.unwrap();
    assert!(rig.world().target.describe().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_point_of_no_return_it_is_refused() {
    let rig = Rig::of_text(PLAN).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let error = rig.roll_back(false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("point of no return"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_back_plan_can_be_run_again() {
    let rig = Rig::of_text(PLAN).await;
    run_until(&rig, "canary").await;
    rig.roll_back(false).await.unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_changed_in_mid_run_is_refused_until_adopted() {
    let mut rig = Rig::of_text(PLAN).await;
    run_until(&rig, "copy").await;
    rig.plan.digest = "sha256:another".to_owned();
    let error =
        rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let mut options = rig.options();
    options.adopt = true;
    let outcome = rig.run_with(options, Arc::new(Silent), CancellationToken::new()).await.unwrap();
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_was_deleted_behind_our_back_is_drift() {
    let rig = Rig::of_text(PLAN).await;
    run_until(&rig, "copy").await;
    let target = rig.admin(Side::Target);
    let change = vecshift::store::IndexChange { deletion_protection: Some(false) };
    target.must_remove().unwrap().configure(&change).await.unwrap();
    target.must_remove().unwrap().delete_index().await.unwrap();
    let error =
        rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("is gone"), "{error}");
    let outcome = rig.roll_back(true).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(rig.world().source.describe().await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_is_interrupted_is_not_stuck_and_goes_on() {
    let rig = Rig::of_text(PLAN).await;
    run_until(&rig, "copy").await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let run = rig.prepare(rig.options(), Arc::new(Silent)).await.unwrap();
    // The run waits for deletion protection, and hears a signal meanwhile.
    let outcome = roll_back(run, true, cancel).await.unwrap();
    assert!(matches!(outcome, Outcome::Interrupted | Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(!matches!(rig.state().phase, Phase::Stuck));
    if rig.state().phase == Phase::RollingBack {
        let outcome = rig.run().await;
        assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    }
}

/// Deadlines of a rollback count from the process that is at it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_is_asked_for_again_begins_its_steps_anew() {
    let rig = Rig::of_text(PLAN).await;
    run_until(&rig, "copy").await;
    rig.roll_back(true).await.unwrap();
    let began = |entry: &Entry| matches!(entry.event, Event::RollbackStarted { .. });
    let asked = rig.entries().iter().position(began).unwrap() + 1;
    cut(&rig.journal(), asked as u64);
    assert_eq!(rig.state().phase, Phase::RollingBack);
    assert!(matches!(rig.roll_back(true).await.unwrap(), Outcome::RolledBack { .. }));
    let next = &rig.entries()[asked].event;
    assert!(matches!(next, Event::RunContinued { .. }), "{next:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_of_the_beginning_that_failed_runs_again_before_anything_else() {
    let plan =
        PLAN.replace("stages:\n", "hooks: [{ when: before_run, run: [./prepare.sh] }]\nstages:\n");
    let rig = Rig::of_text(&plan).await;
    let script = rig.file("prepare.sh");
    std::fs::write(&script, "#!/bin/sh\nexit 1\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).unwrap();
    let mut options = rig.options();
    options.is_rehearsal = false;
    for _ in 0..2 {
        let outcome = rig
            .run_with(options.clone(), Arc::new(Silent), CancellationToken::new())
            .await
            .unwrap();
        assert!(matches!(outcome, Outcome::Erred { .. }), "{outcome:?}");
        assert!(rig.world().target.describe().await.unwrap().is_none());
    }
    let tries = rig
        .entries()
        .iter()
        .filter(|entry| matches!(entry.event, Event::HookStarted { .. }))
        .count();
    assert_eq!(tries, 2);
}

/// Whoever may leave letters can say what does not fit: that is answered, and the run goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_fit_is_answered_and_stops_nothing() {
    let rig = Rig::of_text(PLAN).await;
    run_until(&rig, "copy").await;
    let gate = vecshift::journal::Gate { stage: "cpoy".into(), step: None };
    rig.ask(vecshift::journal::Request::Approve { gate, by: "ada".into() });
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let is_refused = |entry: &&vecshift::journal::Entry| matches!(&entry.event, Event::RequestRefused { what, .. } if what.contains("cpoy"));
    assert_eq!(rig.entries().iter().filter(is_refused).count(), 1);
    // To a run that has ended nothing is answered, and it says so as before.
    rig.ask(vecshift::journal::Request::Abort { by: "ada".into() });
    let events = rig.entries().len();
    assert!(matches!(rig.run().await, Outcome::NoChanges));
    assert_eq!(rig.entries().len(), events);
}
