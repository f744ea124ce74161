//! A deletion of the source that was intended and did not happen, or happened unheard.

use super::*;

/// Runs a process that ends between the intent and the call.
async fn killed_at_the_intent() -> Rig {
    let rig = moved(PLAN).await;
    protect(&rig, Side::Source).await;
    let is_intended = |event: &Event| matches!(event, Event::SourceDeleteIntended { .. });
    rig.kill_at(real(&rig, Some("old")), is_intended).await;
    assert!(rig.state().is_past_no_return());
    rig
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_deletion_that_was_intended_is_looked_at_and_confirmed_again() {
    let rig = killed_at_the_intent().await;
    assert!(!is_protected(&rig, Side::Source).await);
    let outcome = run(&rig, real(&rig, None)).await;
    assert!(
        matches!(outcome, Outcome::Held { hold: Hold::Confirmation { .. }, .. }),
        "{outcome:?}"
    );
    assert!(is_protected(&rig, Side::Source).await, "the protection was not put back");
    assert!(!rig.state().is_past_no_return());
    let outcome = run(&rig, real(&rig, Some("old"))).await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn what_was_written_after_the_intent_keeps_the_source() {
    let rig = killed_at_the_intent().await;
    add_record(&rig, Side::Source, "late", "a").await;
    let outcome =
        rig.run_with(real(&rig, Some("old")), Arc::new(Silent), CancellationToken::new()).await;
    assert_kept(&rig, outcome, "`late`").await;
    assert!(is_protected(&rig, Side::Source).await);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn what_was_made_anew_after_the_intent_is_not_deleted() {
    let rig = killed_at_the_intent().await;
    make_anew(&rig, Side::Source).await;
    let outcome = rig
        .run_with(real(&rig, Some("old")), Arc::new(Silent), CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(outcome.kind(), ErrorKind::Refused, "{outcome}");
    assert!(is_there(&rig, Side::Source).await);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_deletion_that_is_refused_is_void_and_asked_for_again() {
    let rig = moved(PLAN).await;
    let is_intended = |event: &Event| matches!(event, Event::SourceDeleteIntended { .. });
    let refuse = protect(&rig, Side::Source);
    let outcome = run_and_change(&rig, real(&rig, Some("old")), is_intended, refuse).await;
    assert!(matches!(outcome, Ok(Outcome::Erred { .. })), "{outcome:?}");
    assert!(is_there(&rig, Side::Source).await);
    assert!(rig.entries().iter().any(|entry| matches!(entry.event, Event::SourceKept { .. })));
    let outcome = run(&rig, real(&rig, None)).await;
    assert!(
        matches!(outcome, Outcome::Held { hold: Hold::Confirmation { .. }, .. }),
        "{outcome:?}"
    );
    let outcome = run(&rig, real(&rig, Some("old"))).await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_deletion_that_did_not_happen_can_be_rolled_back() {
    let rig = killed_at_the_intent().await;
    let outcome = rig.roll_back(false).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(is_there(&rig, Side::Source).await);
    assert!(is_protected(&rig, Side::Source).await, "the protection was not put back");
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_deletion_that_happened_unheard_is_found_out() {
    let rig = killed_at_the_intent().await;
    rig.admin(Side::Source).must_remove().unwrap().delete_index().await.unwrap();
    let outcome = run(&rig, real(&rig, None)).await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(rig.state().stages.iter().any(|stage| stage.deleted));
}
