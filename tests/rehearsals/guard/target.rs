//! The target is deleted.

use super::*;

/// Runs a process that is killed before it asks the service for the index.
async fn killed_before_creation() -> Rig {
    let rig = Rig::of_text(PLAN).await;
    let is_intended = |event: &Event| matches!(event, Event::IndexCreateIntended { .. });
    rig.kill_at(rig.options(), is_intended).await;
    rig
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn an_index_that_somebody_else_made_is_kept_whatever_was_intended() {
    let rig = killed_before_creation().await;
    rig.emulator.add_index(target_spec(&[])).await.unwrap();
    for is_purge in [false, true] {
        rig.roll_back(is_purge).await.unwrap();
        assert!(is_there(&rig, Side::Target).await);
        assert!(undone(&rig).contains("`new` was not made by this run: kept"), "{}", undone(&rig));
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn an_index_whose_creation_was_not_heard_of_is_known_by_its_tag() {
    let rig = killed_before_creation().await;
    let run = rig.state().run;
    rig.emulator.add_index(target_spec(&[(RUN_TAG, &run)])).await.unwrap();
    rig.roll_back(false).await.unwrap();
    assert!(!is_there(&rig, Side::Target).await, "{}", undone(&rig));
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn an_index_of_somebody_else_that_is_as_asked_is_used_and_kept() {
    let rig = killed_before_creation().await;
    rig.emulator.add_index(target_spec(&[(RUN_TAG, "another")])).await.unwrap();
    let outcome = run(&rig, until(&rig, "create")).await;
    assert!(matches!(outcome, Outcome::Held { .. }), "{outcome:?}");
    assert!(rig.entries().iter().any(|entry| matches!(entry.event, Event::IndexFound { .. })));
    rig.roll_back(true).await.unwrap();
    assert!(is_there(&rig, Side::Target).await);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn records_that_the_run_did_not_copy_keep_its_own_target() {
    let rig = Rig::of_text(PLAN).await;
    run(&rig, until(&rig, "create")).await;
    add_record(&rig, Side::Target, "theirs", "a").await;
    rig.roll_back(false).await.unwrap();
    assert!(is_there(&rig, Side::Target).await);
    assert!(undone(&rig).contains("`new` holds 1 record"), "{}", undone(&rig));
    rig.roll_back(true).await.unwrap();
    assert!(!is_there(&rig, Side::Target).await);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_target_that_was_made_anew_is_not_purged() {
    let rig = Rig::of_text(PLAN).await;
    run(&rig, until(&rig, "copy")).await;
    make_anew(&rig, Side::Target).await;
    rig.roll_back(true).await.unwrap();
    assert!(is_there(&rig, Side::Target).await);
    assert!(undone(&rig).contains("is not the one the run began with"), "{}", undone(&rig));
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_rollback_with_a_key_of_another_project_deletes_nothing_there() {
    let rig = moved(PLAN).await;
    let (other, world) = another_project(&rig).await;
    let driver = rehearsed_driver(&rig.plan, rig.folder.path()).unwrap();
    let run = prepare(&rig, world, driver, rig.options()).await;
    roll_back(run, true, CancellationToken::new()).await.unwrap();
    assert_eq!(other.indexes(), ["new", "old"]);
    assert!(is_there(&rig, Side::Target).await);
    assert!(undone(&rig).contains("is not the one the run began with"), "{}", undone(&rig));
}

/// A driver whose weight does not move.
struct Stuck;

#[async_trait]
impl Driver for Stuck {
    async fn set(&self, _: Share) -> vecshift::Result<()> {
        Err(Error::new(ErrorKind::Unauthorized, "not yours"))
    }

    async fn read(&self) -> vecshift::Result<Seen> {
        Ok(Seen::weight(Share(1.0)))
    }

    async fn check(&self) -> Vec<Error> {
        Vec::new()
    }

    fn describe(&self) -> String {
        "stuck".to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_target_that_answers_queries_is_not_purged() {
    let rig = moved(PLAN).await;
    let run = prepare(&rig, rig.world(), Some(Arc::new(Stuck)), rig.options()).await;
    let outcome = roll_back(run, true, CancellationToken::new()).await.unwrap();
    assert!(matches!(outcome, Outcome::Stuck { .. }), "{outcome:?}");
    assert!(is_there(&rig, Side::Target).await);
    assert_eq!(rig.state().phase, Phase::Stuck);
    let outcome = rig.roll_back(true).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(!is_there(&rig, Side::Target).await);
}

/// Somebody deleted the source behind the run's back: the target has the only copy, and traffic is better where it is.
#[tokio::test(flavor = "multi_thread")]
pub(super) async fn nothing_goes_back_to_a_source_that_is_gone() {
    let rig = moved(PLAN).await;
    rig.admin(Side::Source).must_remove().unwrap().delete_index().await.unwrap();
    let outcome = rig.roll_back(true).await.unwrap();
    assert!(matches!(outcome, Outcome::Stuck { .. }), "{outcome:?}");
    assert!(is_there(&rig, Side::Target).await);
    let left = rig.state().left_behind.join("; ");
    assert!(left.contains("`old` is gone: nothing goes back to it"), "{left}");
}
