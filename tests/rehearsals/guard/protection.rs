//! Deletion protection is changed.

use super::*;

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_target_keeps_a_protection_that_the_plan_does_not_mention() {
    let rig = Rig::of_text(PLAN).await;
    let spec = IndexSpec { deletion_protection: true, ..target_spec(&[]) };
    rig.emulator.add_index(spec).await.unwrap();
    run(&rig, until(&rig, "create")).await;
    assert!(is_protected(&rig, Side::Target).await);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_protection_that_the_plan_changes_is_put_back_by_a_rollback() {
    for (asked, was) in [("enabled", false), ("disabled", true)] {
        let with = format!("metric: cosine, deletion_protection: {asked} }}");
        let rig = Rig::of_text(&PLAN.replace("metric: cosine }", &with)).await;
        let spec = IndexSpec { deletion_protection: was, ..target_spec(&[]) };
        rig.emulator.add_index(spec).await.unwrap();
        run(&rig, until(&rig, "create")).await;
        assert_eq!(is_protected(&rig, Side::Target).await, !was);
        rig.roll_back(false).await.unwrap();
        assert_eq!(is_protected(&rig, Side::Target).await, was);
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_protected_source_stays_where_the_plan_does_not_lift_it() {
    let rig = moved(&PLAN.replace(", lift_protection: true", "")).await;
    protect(&rig, Side::Source).await;
    assert_refused(&rig, "is protected").await;
    assert!(is_protected(&rig, Side::Source).await);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn an_index_that_was_made_anew_keeps_its_protection() {
    let rig = moved(PLAN).await;
    protect(&rig, Side::Source).await;
    let is_intended = |event: &Event| matches!(event, Event::ProtectionIntended { .. });
    let change = async {
        let off = IndexChange { deletion_protection: Some(false) };
        rig.admin(Side::Source).must_remove().unwrap().configure(&off).await.unwrap();
        make_anew(&rig, Side::Source).await;
        protect(&rig, Side::Source).await;
    };
    let outcome = run_and_change(&rig, real(&rig, Some("old")), is_intended, change).await;
    assert!(!matches!(outcome, Ok(Outcome::Done)), "{outcome:?}");
    assert!(is_protected(&rig, Side::Source).await);
}
