//! A weight is set.

use super::*;

/// Everything but the canary is done; `change` happens as that begins.
async fn changed_at_the_canary(rig: &Rig, change: impl Future<Output = ()>) -> Outcome {
    run(rig, until(rig, "verify")).await;
    let is_canary = |event: &Event| matches!(event, Event::StageStarted { stage, .. } if stage.as_str() == "canary");
    match run_and_change(rig, rig.options(), is_canary, change).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Erred { stage: None, error },
    }
}

fn was_moved(rig: &Rig) -> bool {
    let moved = |entry: &Entry| matches!(entry.event, Event::WeightIntended { .. });
    rig.entries().iter().any(moved)
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn no_traffic_is_moved_to_a_target_that_is_gone() {
    let rig = Rig::of_text(PLAN).await;
    let go = async { rig.admin(Side::Target).must_remove().unwrap().delete_index().await.unwrap() };
    let outcome = changed_at_the_canary(&rig, go).await;
    assert!(!matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(!was_moved(&rig));
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn no_traffic_is_moved_to_a_target_that_was_made_anew() {
    let rig = Rig::of_text(PLAN).await;
    let outcome = changed_at_the_canary(&rig, make_anew(&rig, Side::Target)).await;
    assert!(!matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(!was_moved(&rig));
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_weight_that_somebody_set_is_not_written_over() {
    let rig = Rig::of_text(PLAN).await;
    let driver = rehearsed_driver(&rig.plan, rig.folder.path()).unwrap().unwrap();
    let set = async { driver.set(Share(0.25)).await.unwrap() };
    let outcome = changed_at_the_canary(&rig, set).await;
    assert!(matches!(&outcome, Outcome::Held { hold: Hold::Traffic { .. }, .. }), "{outcome:?}");
    let Seen::Weight { share, .. } = driver.read().await.unwrap() else { panic!() };
    assert!(share.is_same(Share(0.25)), "{share}");
    assert!(!was_moved(&rig));
}
