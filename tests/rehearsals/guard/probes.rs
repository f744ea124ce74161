//! Probe records are removed.

use super::*;

/// The name of a namespace for probes of the rig's run.
fn own(rig: &Rig, kind: &str) -> String {
    let run = rig.state().run;
    format!("vecshift-{kind}-{}", &run[run.len() - 16..])
}

async fn count(rig: &Rig, side: Side, namespace: &str) -> u64 {
    let index = rig.admin(side);
    index.describe().await.unwrap();
    index.stats().await.unwrap().count(&Namespace::new(namespace))
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_namespace_that_is_called_like_one_for_probes_stays() {
    let rig = Rig::of_text(PLAN).await;
    rig.emulator.add_index(target_spec(&[])).await.unwrap();
    let theirs = ["vecshift-probe", "vecshift-probe-0123456789abcdef"];
    for name in theirs {
        add_record(&rig, Side::Target, name, "theirs").await;
    }
    run(&rig, until(&rig, "create")).await;
    // What a process left that was killed.
    add_record(&rig, Side::Target, &own(&rig, "probe"), "ours").await;
    rig.roll_back(false).await.unwrap();
    assert_eq!(count(&rig, Side::Target, &own(&rig, "probe")).await, 0);
    for name in theirs {
        assert_eq!(count(&rig, Side::Target, name).await, 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn the_probes_of_a_target_that_was_made_anew_are_not_removed() {
    let rig = Rig::of_text(PLAN).await;
    rig.emulator.add_index(target_spec(&[])).await.unwrap();
    run(&rig, until(&rig, "create")).await;
    make_anew(&rig, Side::Target).await;
    add_record(&rig, Side::Target, &own(&rig, "probe"), "theirs").await;
    let outcome = rig.roll_back(false).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert_eq!(count(&rig, Side::Target, &own(&rig, "probe")).await, 1);
}
