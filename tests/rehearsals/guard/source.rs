//! The source is deleted: contents, identity, traffic, confirmation.

use super::*;

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn with_everything_in_its_place_the_source_goes() {
    let rig = moved(PLAN).await;
    let outcome = run(&rig, real(&rig, Some("old"))).await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(!is_there(&rig, Side::Source).await);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_source_whose_target_lost_records_stays() {
    let rig = moved(PLAN).await;
    delete_namespace(&rig, Side::Target, "ns_1").await;
    assert_refused(&rig, "`ns_1` lacks").await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_namespace_that_appeared_is_named_and_stays() {
    let rig = moved(PLAN).await;
    add_record(&rig, Side::Source, "newcomer", "a").await;
    assert_refused(&rig, "`newcomer` appeared").await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_source_that_lost_a_namespace_is_not_what_was_copied() {
    let rig = moved(PLAN).await;
    delete_namespace(&rig, Side::Source, "ns_1").await;
    assert_refused(&rig, "`ns_1` vanished with its").await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn what_is_written_while_the_deletion_is_prepared_is_noticed_at_the_last_look() {
    let rig = moved(PLAN).await;
    protect(&rig, Side::Source).await;
    let is_lifted = |event: &Event| matches!(event, Event::ProtectionIntended { .. });
    let write = add_record(&rig, Side::Source, "late", "a");
    let outcome = run_and_change(&rig, real(&rig, Some("old")), is_lifted, write).await;
    assert_kept(&rig, outcome, "`late`").await;
    assert!(is_protected(&rig, Side::Source).await, "the protection was not put back");
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_source_that_was_made_anew_is_another_one() {
    let rig = moved(PLAN).await;
    make_anew(&rig, Side::Source).await;
    assert_refused(&rig, "is not the one the run began with").await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_target_that_was_made_anew_is_another_one() {
    let rig = moved(PLAN).await;
    make_anew(&rig, Side::Target).await;
    assert_refused(&rig, "is not the one the run began with").await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_target_that_goes_while_the_deletion_is_prepared_keeps_the_source() {
    let rig = moved(PLAN).await;
    let is_confirmed = |event: &Event| matches!(event, Event::DeletionConfirmed { .. });
    let go = async { rig.admin(Side::Target).must_remove().unwrap().delete_index().await.unwrap() };
    let outcome = run_and_change(&rig, real(&rig, Some("old")), is_confirmed, go).await;
    match outcome {
        Ok(Outcome::Erred { .. }) | Err(_) => {}
        other => panic!("{other:?}"),
    }
    assert!(is_there(&rig, Side::Source).await);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_key_of_another_project_is_refused_before_anything_happens() {
    let rig = moved(PLAN).await;
    let (other, world) = another_project(&rig).await;
    let before = rig.entries().len();
    let looked = preview(&rig.plan, &world, &rig.state(), &rig.options()).await.unwrap_err();
    assert!(looked.message().contains("its host is"), "{looked}");
    let driver = rehearsed_driver(&rig.plan, rig.folder.path()).unwrap();
    let run = prepare(&rig, world, driver, rig.options()).await;
    let error = run.execute(CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.message().contains("its host is"), "{error}");
    assert_eq!(rig.entries().len(), before);
    assert_eq!(other.indexes(), ["new", "old"]);
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_source_that_answers_queries_stays() {
    let rig = moved(PLAN).await;
    let driver = rehearsed_driver(&rig.plan, rig.folder.path()).unwrap().unwrap();
    driver.set(Share(0.5)).await.unwrap();
    let outcome = rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await;
    assert!(!matches!(outcome, Ok(Outcome::Done)), "{outcome:?}");
    assert!(is_there(&rig, Side::Source).await);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn traffic_that_is_moved_back_while_the_deletion_is_prepared_keeps_the_source() {
    let rig = moved(PLAN).await;
    let driver = rehearsed_driver(&rig.plan, rig.folder.path()).unwrap().unwrap();
    let is_confirmed = |event: &Event| matches!(event, Event::DeletionConfirmed { .. });
    let back = async { driver.set(Share(0.0)).await.unwrap() };
    let outcome = run_and_change(&rig, real(&rig, Some("old")), is_confirmed, back).await;
    assert!(!matches!(outcome, Ok(Outcome::Done)), "{outcome:?}");
    assert!(is_there(&rig, Side::Source).await);
}

/// A driver that cannot read back what it is given.
struct Blind;

#[async_trait]
impl Driver for Blind {
    async fn set(&self, _: Share) -> vecshift::Result<()> {
        Ok(())
    }

    async fn read(&self) -> vecshift::Result<Seen> {
        Ok(Seen::Mute)
    }

    async fn check(&self) -> Vec<Error> {
        Vec::new()
    }

    fn describe(&self) -> String {
        "blind".to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn where_the_weight_cannot_be_read_the_confirmation_has_to_say_so() {
    let rig = moved(PLAN).await;
    let go = async |confirm: &str| {
        let options = real(&rig, Some(confirm));
        let run = prepare(&rig, rig.world(), Some(Arc::new(Blind)), options).await;
        run.execute(CancellationToken::new()).await.unwrap()
    };
    let outcome = go("old").await;
    let Outcome::Held { hold: Hold::Confirmation { traffic_unknown, .. }, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(traffic_unknown);
    assert!(is_there(&rig, Side::Source).await);
    let outcome = go(&format!("old{TRAFFIC_UNKNOWN}")).await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn the_hold_says_what_is_to_be_confirmed() {
    let rig = moved(PLAN).await;
    let outcome = run(&rig, real(&rig, None)).await;
    let Outcome::Held { hold: Hold::Confirmation { index, host, records, .. }, .. } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!((index.as_str(), records), ("old", Some(40)));
    assert!(host.is_some());
    let wrong = real(&rig, Some("new"));
    let error = rig.run_with(wrong, Arc::new(Silent), CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(is_there(&rig, Side::Source).await);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_confirmation_is_for_the_records_that_were_there() {
    let rig = moved(&PLAN.replace(", snapshot: \"file:backup\"", "")).await;
    let is_confirmed = |event: &Event| matches!(event, Event::DeletionConfirmed { .. });
    // Both sides hold it: nothing would be lost.
    let write = async {
        add_record(&rig, Side::Source, "ns_1", "late").await;
        add_record(&rig, Side::Target, "ns_1", "late").await;
    };
    let outcome = run_and_change(&rig, real(&rig, Some("old")), is_confirmed, write).await;
    assert_kept(&rig, outcome, "was confirmed for 40 records").await;
}

/// All was read and judged; nothing but the last look is left.
#[tokio::test(flavor = "multi_thread")]
pub(super) async fn what_is_written_directly_before_the_deletion_is_noticed_by_its_count() {
    let asserted = "lift_protection: true, assert: [source.changed == 0] }";
    let rig = moved(&PLAN.replace("lift_protection: true }", asserted)).await;
    let is_judged = |event: &Event| matches!(event, Event::Judged(judged) if judged.stage.as_str() == "decommission");
    let write = add_record(&rig, Side::Source, "ns_1", "late");
    let outcome = run_and_change(&rig, real(&rig, Some("old")), is_judged, write).await;
    assert_kept(&rig, outcome, "the source had 40 records when it was checked and has 41 now")
        .await;
}
