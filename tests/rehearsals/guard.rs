//! Acts that cannot be taken back look at the world first: a test for each cell of the guard's table.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use vecshift::emulator::{Emulator, EmulatorOptions, World as EmulatedWorld};
use vecshift::journal::{Entry, Event, Hold, Phase, RunState};
use vecshift::model::{IndexSpec, Namespace, RUN_TAG, RecordId, Share, Side, StageId};
use vecshift::provider::{Environment, IndexChange, Secret};
use vecshift::run::{
    GUARDED, Listener, Look, Outcome, PreparedRun, Progress, RunOptions, Silent, TRAFFIC_UNKNOWN,
    World, preview, rehearsed_driver, roll_back,
};
use vecshift::traffic::{Driver, Seen};
use vecshift::{Error, ErrorKind};

use crate::rig::{KEY, Rig};

const PLAN: &str = r#"
version: 1
name: guard
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  flagd: { file: flag.json, flag: new-index, bucket_by: user }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - { kind: copy, strategy: stream, assert: [copy.complete == true] }
  - { kind: verify, assert: [missing == 0] }
  - kind: canary
    probe: { queries: 10 }
    steps: [{ weight: 100%, bake: 30m }]
    assert: [error_rate <= 100% over 10m]
  - { kind: decommission, confirm: old, snapshot: "file:backup", lift_protection: true }
rehearsal:
  source: { kind: pod, records: 40, namespaces: 2 }
"#;

fn until(rig: &Rig, stage: &str) -> RunOptions {
    RunOptions { until: Some(StageId::new(stage)), ..rig.options() }
}

/// Returns the options of a person's run, in which nothing is confirmed by itself.
fn real(rig: &Rig, confirm: Option<&str>) -> RunOptions {
    RunOptions { is_rehearsal: false, confirm: confirm.map(str::to_owned), ..rig.options() }
}

async fn run(rig: &Rig, options: RunOptions) -> Outcome {
    rig.run_with(options, Arc::new(Silent), CancellationToken::new()).await.unwrap()
}

/// Runs every stage but the last.
async fn moved(plan: &str) -> Rig {
    let rig = Rig::of_text(plan).await;
    let outcome = run(&rig, until(&rig, "canary")).await;
    assert!(matches!(outcome, Outcome::Held { hold: Hold::Until, .. }), "{outcome:?}");
    rig
}

async fn add_record(rig: &Rig, side: Side, namespace: &str, id: &str) {
    let index = rig.admin(side);
    index.describe().await.unwrap();
    let record = vecshift::model::Record {
        id: RecordId::from(id),
        vector: vecshift::model::Vector::from_values([0.5; 8]),
        sparse: None,
        metadata: Default::default(),
    };
    index.upsert(&Namespace::new(namespace), &[record]).await.unwrap();
}

async fn delete_namespace(rig: &Rig, side: Side, namespace: &str) {
    let index = rig.admin(side);
    index.describe().await.unwrap();
    index.delete_namespace(&Namespace::new(namespace)).await.unwrap();
}

async fn is_there(rig: &Rig, side: Side) -> bool {
    rig.admin(side).describe().await.unwrap().is_some()
}

async fn is_protected(rig: &Rig, side: Side) -> bool {
    rig.admin(side).describe().await.unwrap().unwrap().spec.deletion_protection
}

async fn protect(rig: &Rig, side: Side) {
    let change = IndexChange { deletion_protection: Some(true) };
    rig.admin(side).configure(&change).await.unwrap();
}

/// Makes another index of the same name.
async fn make_anew(rig: &Rig, side: Side) {
    let index = rig.admin(side);
    let spec = index.describe().await.unwrap().unwrap().spec;
    index.delete_index().await.unwrap();
    let spec = IndexSpec { tags: Default::default(), ..spec };
    rig.emulator.add_index(spec).await.unwrap();
}

/// Asserts that the run was refused, for a reason that has `word` in it, and that the source still exists.
async fn assert_kept(rig: &Rig, outcome: vecshift::Result<Outcome>, word: &str) {
    let error = match outcome {
        Ok(Outcome::Erred { error, .. }) | Err(error) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.message().contains(word), "{error}");
    assert!(is_there(rig, Side::Source).await);
    assert!(!rig.state().is_past_no_return());
}

async fn assert_refused(rig: &Rig, word: &str) {
    let outcome = rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await;
    assert_kept(rig, outcome, word).await;
}

/// An observer that holds the run after an event, so that the world can be changed meanwhile.
struct Still {
    at: fn(&Event) -> bool,
    reached: SyncSender<()>,
    go_on: std::sync::Mutex<Receiver<()>>,
}

impl Listener for Still {
    fn event(&self, entry: &Entry, _: &RunState) {
        if (self.at)(&entry.event) {
            // Tasks waiting behind this thread's go on elsewhere meanwhile.
            tokio::task::block_in_place(|| {
                self.reached.send(()).unwrap();
                self.go_on.lock().unwrap().recv().unwrap();
            });
        }
    }

    fn progress(&self, _: &Progress) {}
}

/// Runs the plan; at the first event that `at` matches, `change` happens to the world before the run goes on.
async fn run_and_change(
    rig: &Rig,
    options: RunOptions,
    at: fn(&Event) -> bool,
    change: impl Future<Output = ()>,
) -> vecshift::Result<Outcome> {
    let (reached, is_reached) = sync_channel(0);
    let (release, go_on) = sync_channel(8);
    let listener = Arc::new(Still { at, reached, go_on: go_on.into() });
    let prepared = rig.prepare(options, listener)?;
    let running = tokio::spawn(prepared.execute(CancellationToken::new()));
    let is_reached = tokio::task::spawn_blocking(move || {
        is_reached.recv().unwrap();
        is_reached
    });
    let is_reached = is_reached.await.unwrap();
    change.await;
    // Later events of the kind pass at once.
    (0..8).for_each(|_| release.try_send(()).unwrap());
    let rest = tokio::task::spawn_blocking(move || while is_reached.recv().is_ok() {});
    let outcome = running.await.unwrap();
    rest.await.unwrap();
    outcome
}

#[test]
fn every_effect_has_its_looks_and_every_look_is_taken_somewhere() {
    for row in GUARDED {
        assert!(row.cell(Look::Identity).is_some(), "{}", row.effect);
    }
    for look in Look::ALL {
        assert!(GUARDED.iter().any(|row| row.cell(look).is_some()), "{}", look.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_everything_in_its_place_the_source_goes() {
    let rig = moved(PLAN).await;
    let outcome = run(&rig, real(&rig, Some("old"))).await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(!is_there(&rig, Side::Source).await);
}

// Deletion of the source: contents.

#[tokio::test(flavor = "multi_thread")]
async fn a_source_whose_target_lost_records_stays() {
    let rig = moved(PLAN).await;
    delete_namespace(&rig, Side::Target, "ns_1").await;
    assert_refused(&rig, "`ns_1` lacks").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_appeared_is_named_and_stays() {
    let rig = moved(PLAN).await;
    add_record(&rig, Side::Source, "newcomer", "a").await;
    assert_refused(&rig, "`newcomer` appeared").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_lost_a_namespace_is_not_what_was_copied() {
    let rig = moved(PLAN).await;
    delete_namespace(&rig, Side::Source, "ns_1").await;
    assert_refused(&rig, "`ns_1` vanished with its").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_while_the_deletion_is_prepared_is_noticed_at_the_last_look() {
    let rig = moved(PLAN).await;
    protect(&rig, Side::Source).await;
    let is_lifted = |event: &Event| matches!(event, Event::ProtectionIntended { .. });
    let write = add_record(&rig, Side::Source, "late", "a");
    let outcome = run_and_change(&rig, real(&rig, Some("old")), is_lifted, write).await;
    assert_kept(&rig, outcome, "`late`").await;
    assert!(is_protected(&rig, Side::Source).await, "the protection was not put back");
}

// Deletion of the source: identity.

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_was_made_anew_is_another_one() {
    let rig = moved(PLAN).await;
    make_anew(&rig, Side::Source).await;
    assert_refused(&rig, "is not the one the run began with").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_was_made_anew_is_another_one() {
    let rig = moved(PLAN).await;
    make_anew(&rig, Side::Target).await;
    assert_refused(&rig, "is not the one the run began with").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_goes_while_the_deletion_is_prepared_keeps_the_source() {
    let rig = moved(PLAN).await;
    let is_confirmed = |event: &Event| matches!(event, Event::DeletionConfirmed { .. });
    let go = async { rig.admin(Side::Target).delete_index().await.unwrap() };
    let outcome = run_and_change(&rig, real(&rig, Some("old")), is_confirmed, go).await;
    match outcome {
        Ok(Outcome::Erred { .. }) | Err(_) => {}
        other => panic!("{other:?}"),
    }
    assert!(is_there(&rig, Side::Source).await);
}

/// Makes another project with indexes of the same names, and a key that opens it.
async fn another_project(rig: &Rig) -> (Emulator, World) {
    let options = EmulatorOptions { api_key: Some(KEY.to_owned()), ..EmulatorOptions::default() };
    let other = Emulator::start(options).await.unwrap();
    other.load(EmulatedWorld::of_plan(&rig.plan).unwrap()).await.unwrap();
    let target = rig.admin(Side::Target).describe().await.unwrap().unwrap().spec;
    other.add_index(target).await.unwrap();
    let environment = Environment::stand_in(other.url(), Secret::new(KEY));
    let world = World::open(&rig.plan, &environment).unwrap();
    (other, world)
}

fn prepare(
    rig: &Rig,
    world: World,
    driver: Option<Arc<dyn Driver>>,
    options: RunOptions,
) -> PreparedRun {
    let (paths, clock) = (rig.paths(), rig.clock.clone());
    PreparedRun::new(rig.plan.clone(), world, driver, paths, clock, options, Arc::new(Silent))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_project_is_refused_before_anything_happens() {
    let rig = moved(PLAN).await;
    let (other, world) = another_project(&rig).await;
    let before = rig.entries().len();
    let looked = preview(&rig.plan, &world, &rig.state(), &rig.options()).await.unwrap_err();
    assert!(looked.message().contains("its host is"), "{looked}");
    let driver = rehearsed_driver(&rig.plan, rig.folder.path()).unwrap();
    let run = prepare(&rig, world, driver, rig.options());
    let error = run.execute(CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.message().contains("its host is"), "{error}");
    assert_eq!(rig.entries().len(), before);
    assert_eq!(other.indexes(), ["new", "old"]);
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

// Deletion of the source: traffic.

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_answers_queries_stays() {
    let rig = moved(PLAN).await;
    let driver = rehearsed_driver(&rig.plan, rig.folder.path()).unwrap().unwrap();
    driver.set(Share(0.5)).await.unwrap();
    let outcome = rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await;
    assert!(!matches!(outcome, Ok(Outcome::Done)), "{outcome:?}");
    assert!(is_there(&rig, Side::Source).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_that_is_moved_back_while_the_deletion_is_prepared_keeps_the_source() {
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
async fn where_the_weight_cannot_be_read_the_confirmation_has_to_say_so() {
    let rig = moved(PLAN).await;
    let go = async |confirm: &str| {
        let options = real(&rig, Some(confirm));
        let run = prepare(&rig, rig.world(), Some(Arc::new(Blind)), options);
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

// Deletion of the source: confirmation.

#[tokio::test(flavor = "multi_thread")]
async fn the_hold_says_what_is_to_be_confirmed() {
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

/// Runs a process that ends between the intent and the call.
async fn killed_at_the_intent() -> Rig {
    let rig = moved(PLAN).await;
    protect(&rig, Side::Source).await;
    let is_intended = |event: &Event| matches!(event, Event::SourceDeleteIntended { .. });
    let (reached, is_reached) = sync_channel(0);
    // Dropped, so that the run panics where it would go on.
    let (release, go_on) = sync_channel(0);
    let listener = Arc::new(Still { at: is_intended, reached, go_on: go_on.into() });
    let prepared = rig.prepare(real(&rig, Some("old")), listener).unwrap();
    let running = tokio::spawn(prepared.execute(CancellationToken::new()));
    tokio::task::spawn_blocking(move || is_reached.recv().unwrap()).await.unwrap();
    drop(release);
    assert!(running.await.unwrap_err().is_panic());
    assert!(rig.state().is_past_no_return());
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_was_intended_is_looked_at_and_confirmed_again() {
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
async fn what_was_written_after_the_intent_keeps_the_source() {
    let rig = killed_at_the_intent().await;
    add_record(&rig, Side::Source, "late", "a").await;
    let outcome =
        rig.run_with(real(&rig, Some("old")), Arc::new(Silent), CancellationToken::new()).await;
    assert_kept(&rig, outcome, "`late`").await;
    assert!(is_protected(&rig, Side::Source).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_anew_after_the_intent_is_not_deleted() {
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
async fn a_deletion_that_is_refused_is_void_and_asked_for_again() {
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
async fn a_deletion_that_did_not_happen_can_be_rolled_back() {
    let rig = killed_at_the_intent().await;
    let outcome = rig.roll_back(false).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(is_there(&rig, Side::Source).await);
    assert!(is_protected(&rig, Side::Source).await, "the protection was not put back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_happened_unheard_is_found_out() {
    let rig = killed_at_the_intent().await;
    rig.admin(Side::Source).delete_index().await.unwrap();
    let outcome = run(&rig, real(&rig, None)).await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(rig.state().stages.iter().any(|stage| stage.deleted));
}

// Deletion of the target.

fn undone(rig: &Rig) -> String {
    let state = rig.state();
    state.stages.iter().filter_map(|stage| stage.undone.clone()).collect::<Vec<_>>().join("\n")
}

fn target_spec(tags: &[(&str, &str)]) -> IndexSpec {
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    IndexSpec {
        name: "new".into(),
        dimension: Some(8),
        metric: vecshift::model::Metric::Cosine,
        vector_type: Default::default(),
        deployment: vecshift::model::Deployment::Serverless {
            cloud: "aws".into(),
            region: "us-east-1".into(),
        },
        deletion_protection: false,
        tags,
    }
}

/// Runs a process that is killed before it asks the service for the index.
async fn killed_before_creation() -> Rig {
    let rig = Rig::of_text(PLAN).await;
    let is_intended = |event: &Event| matches!(event, Event::IndexCreateIntended { .. });
    let (reached, is_reached) = sync_channel(0);
    let (release, go_on) = sync_channel(0);
    let listener = Arc::new(Still { at: is_intended, reached, go_on: go_on.into() });
    let prepared = rig.prepare(rig.options(), listener).unwrap();
    let running = tokio::spawn(prepared.execute(CancellationToken::new()));
    tokio::task::spawn_blocking(move || is_reached.recv().unwrap()).await.unwrap();
    drop(release);
    assert!(running.await.unwrap_err().is_panic());
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_somebody_else_made_is_kept_whatever_was_intended() {
    let rig = killed_before_creation().await;
    rig.emulator.add_index(target_spec(&[])).await.unwrap();
    for is_purge in [false, true] {
        rig.roll_back(is_purge).await.unwrap();
        assert!(is_there(&rig, Side::Target).await);
        assert!(undone(&rig).contains("`new` was not made by this run: kept"), "{}", undone(&rig));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_whose_creation_was_not_heard_of_is_known_by_its_tag() {
    let rig = killed_before_creation().await;
    let run = rig.state().run;
    rig.emulator.add_index(target_spec(&[(RUN_TAG, &run)])).await.unwrap();
    rig.roll_back(false).await.unwrap();
    assert!(!is_there(&rig, Side::Target).await, "{}", undone(&rig));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_somebody_else_that_is_as_asked_is_used_and_kept() {
    let rig = killed_before_creation().await;
    rig.emulator.add_index(target_spec(&[(RUN_TAG, "another")])).await.unwrap();
    let outcome = run(&rig, until(&rig, "create")).await;
    assert!(matches!(outcome, Outcome::Held { .. }), "{outcome:?}");
    assert!(rig.entries().iter().any(|entry| matches!(entry.event, Event::IndexFound { .. })));
    rig.roll_back(true).await.unwrap();
    assert!(is_there(&rig, Side::Target).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_the_run_did_not_copy_keep_its_own_target() {
    let rig = Rig::of_text(PLAN).await;
    run(&rig, until(&rig, "create")).await;
    add_record(&rig, Side::Target, "theirs", "a").await;
    rig.roll_back(false).await.unwrap();
    assert!(is_there(&rig, Side::Target).await);
    assert!(undone(&rig).contains("`new` holds 1 records"), "{}", undone(&rig));
    rig.roll_back(true).await.unwrap();
    assert!(!is_there(&rig, Side::Target).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_was_made_anew_is_not_purged() {
    let rig = Rig::of_text(PLAN).await;
    run(&rig, until(&rig, "copy")).await;
    make_anew(&rig, Side::Target).await;
    rig.roll_back(true).await.unwrap();
    assert!(is_there(&rig, Side::Target).await);
    assert!(undone(&rig).contains("is not the one the run began with"), "{}", undone(&rig));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_with_a_key_of_another_project_deletes_nothing_there() {
    let rig = moved(PLAN).await;
    let (other, world) = another_project(&rig).await;
    let driver = rehearsed_driver(&rig.plan, rig.folder.path()).unwrap();
    let run = prepare(&rig, world, driver, rig.options());
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
async fn a_target_that_answers_queries_is_not_purged() {
    let rig = moved(PLAN).await;
    let run = prepare(&rig, rig.world(), Some(Arc::new(Stuck)), rig.options());
    let outcome = roll_back(run, true, CancellationToken::new()).await.unwrap();
    assert!(matches!(outcome, Outcome::Stuck { .. }), "{outcome:?}");
    assert!(is_there(&rig, Side::Target).await);
    assert_eq!(rig.state().phase, Phase::Stuck);
    let outcome = rig.roll_back(true).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(!is_there(&rig, Side::Target).await);
}

// Protection.

#[tokio::test(flavor = "multi_thread")]
async fn a_target_keeps_a_protection_that_the_plan_does_not_mention() {
    let rig = Rig::of_text(PLAN).await;
    let spec = IndexSpec { deletion_protection: true, ..target_spec(&[]) };
    rig.emulator.add_index(spec).await.unwrap();
    run(&rig, until(&rig, "create")).await;
    assert!(is_protected(&rig, Side::Target).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protection_that_the_plan_changes_is_put_back_by_a_rollback() {
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
async fn a_protected_source_stays_where_the_plan_does_not_lift_it() {
    let rig = moved(&PLAN.replace(", lift_protection: true", "")).await;
    protect(&rig, Side::Source).await;
    assert_refused(&rig, "is protected").await;
    assert!(is_protected(&rig, Side::Source).await);
}

// Weights.

#[tokio::test(flavor = "multi_thread")]
async fn no_traffic_is_moved_to_a_target_that_is_gone() {
    let rig = Rig::of_text(PLAN).await;
    run(&rig, until(&rig, "verify")).await;
    let is_canary = |event: &Event| matches!(event, Event::StageStarted { stage, .. } if stage.as_str() == "canary");
    let options = rig.options();
    let go = async { rig.admin(Side::Target).delete_index().await.unwrap() };
    let outcome = run_and_change(&rig, options, is_canary, go).await;
    assert!(!matches!(outcome, Ok(Outcome::Done)), "{outcome:?}");
    let moved = |entry: &Entry| matches!(entry.event, Event::WeightIntended { .. });
    assert!(!rig.entries().iter().any(moved));
}

// Resources.

#[tokio::test(flavor = "multi_thread")]
async fn a_staging_index_of_another_run_is_kept_and_named() {
    let plan = PLAN.replace("strategy: stream", "enumerate: staging");
    let rig = Rig::of_text(&plan).await;
    let is_staging = |event: &Event| {
        matches!(event, Event::ResourceIntended { resource, .. }
            if resource.kind == vecshift::model::ResourceKind::StagingIndex)
    };
    let (reached, is_reached) = sync_channel(0);
    let (release, go_on) = sync_channel(0);
    let listener = Arc::new(Still { at: is_staging, reached, go_on: go_on.into() });
    let prepared = rig.prepare(rig.options(), listener).unwrap();
    let running = tokio::spawn(prepared.execute(CancellationToken::new()));
    tokio::task::spawn_blocking(move || is_reached.recv().unwrap()).await.unwrap();
    drop(release);
    assert!(running.await.unwrap_err().is_panic());
    let state = rig.state();
    let (_, staging) = state.resources().last().unwrap();
    let name = staging.name.clone();
    let spec = IndexSpec { name: name.clone(), ..target_spec(&[(RUN_TAG, "another")]) };
    rig.emulator.add_index(spec).await.unwrap();
    let outcome = rig.roll_back(true).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(rig.emulator.indexes().contains(&name));
    assert!(rig.emulator.collections().is_empty());
}
