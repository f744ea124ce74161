//! Every plan in `plans/` is rehearsed and ends as it is meant to.

use vecshift::run::Outcome;

use crate::rig::Rig;

async fn rehearse(path: &str) -> (Rig, Outcome) {
    let rig = Rig::of(path).await;
    let outcome = rig.run().await;
    (rig, outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn quickstart_is_done() {
    let (rig, outcome) = rehearse("plans/quickstart.yaml").await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(rig.state().stages.iter().map(|stage| stage.tally().copied).sum::<u64>(), 2_000);
    let again = rig.run().await;
    assert!(matches!(again, Outcome::NoChanges), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn digital_twin_is_done() {
    let (rig, outcome) = rehearse("plans/digital-twin.yaml").await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(rig.state().stages.iter().map(|stage| stage.tally().copied).sum::<u64>(), 5_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn same_namespaces_is_done() {
    let (rig, outcome) = rehearse("plans/same-namespaces.yaml").await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(rig.state().stages.iter().map(|stage| stage.tally().copied).sum::<u64>(), 3_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_import_is_done() {
    let (rig, outcome) = rehearse("plans/bulk-import.yaml").await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(rig.emulator.counters().indexes["creators"].imported, 6_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_canary_rolls_back_to_weight_0() {
    let (rig, outcome) = rehearse("plans/failing-canary.yaml").await;
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    let state = rig.state();
    assert_eq!(state.traffic.weight(), Some(vecshift::model::Share(0.0)));
    let flag = std::fs::read_to_string(rig.file("flags/slow.flagd.json")).unwrap();
    assert!(flag.contains("use-slow-target"), "{flag}");
    assert_eq!(rig.emulator.counters().writes("slow-source"), 0);
}
