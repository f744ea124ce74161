//! Acts that cannot be taken back look at the world first: a test for each cell of the guard's table, as [`CELLS`] names
//! them.

mod erasure;
mod intent;
mod probes;
mod protection;
mod resources;
mod source;
mod target;
mod weights;

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use vecshift::emulator::{Emulator, EmulatorOptions, World as EmulatedWorld};
use vecshift::journal::{Entry, Event, Hold, Phase};
use vecshift::model::{IndexSpec, Namespace, RUN_TAG, RecordId, Share, Side, StageId};
use vecshift::provider::{Environment, Secret};
use vecshift::run::{
    GUARDED, Look, Outcome, PreparedRun, RunOptions, Silent, TRAFFIC_UNKNOWN, World, preview,
    rehearsed_driver, roll_back,
};
use vecshift::store::IndexChange;
use vecshift::traffic::{Driver, Seen};
use vecshift::{Error, ErrorKind};

use crate::rig::{KEY, Rig, Still};

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
        vectors: vecshift::model::Vectors::plain(
            vecshift::model::Vector::from_values([0.5; 8]),
            None,
        ),
        metadata: Default::default(),
    };
    index.must_write().unwrap().upsert(&Namespace::new(namespace), &[record]).await.unwrap();
}

async fn delete_namespace(rig: &Rig, side: Side, namespace: &str) {
    let index = rig.admin(side);
    index.describe().await.unwrap();
    index.must_remove().unwrap().delete_namespace(&Namespace::new(namespace)).await.unwrap();
}

async fn is_there(rig: &Rig, side: Side) -> bool {
    rig.admin(side).describe().await.unwrap().is_some()
}

async fn is_protected(rig: &Rig, side: Side) -> bool {
    rig.admin(side).describe().await.unwrap().unwrap().spec.deletion_protection
}

async fn protect(rig: &Rig, side: Side) {
    let change = IndexChange { deletion_protection: Some(true) };
    rig.admin(side).must_remove().unwrap().configure(&change).await.unwrap();
}

/// Makes another index of the same name.
async fn make_anew(rig: &Rig, side: Side) {
    let index = rig.admin(side);
    let spec = index.describe().await.unwrap().unwrap().spec;
    index.must_remove().unwrap().delete_index().await.unwrap();
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
    let prepared = rig.prepare(options, listener).await?;
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

async fn prepare(
    rig: &Rig,
    world: World,
    driver: Option<Arc<dyn Driver>>,
    options: RunOptions,
) -> PreparedRun {
    let (home, clock) = (rig.home(), rig.clock.clone());
    PreparedRun::new(rig.plan.clone(), world, driver, home, clock, options, Arc::new(Silent))
        .await
        .unwrap()
}

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
        deployment: vecshift::pinecone_wire::Deployment::Serverless {
            cloud: "aws".into(),
            region: "us-east-1".into(),
        }
        .into(),
        deletion_protection: false,
        tags,
    }
}

/// The tests that fail where the look of a cell is not taken.
type Cell = (&'static str, Look, &'static [fn()]);

const CELLS: &[Cell] = &[
    (
        "delete the source",
        Look::Traffic,
        &[
            source::a_source_that_answers_queries_stays,
            source::traffic_that_is_moved_back_while_the_deletion_is_prepared_keeps_the_source,
            source::where_the_weight_cannot_be_read_the_confirmation_has_to_say_so,
        ],
    ),
    (
        "delete the source",
        Look::Confirmation,
        &[
            source::the_hold_says_what_is_to_be_confirmed,
            source::a_confirmation_is_for_the_records_that_were_there,
            intent::a_deletion_that_was_intended_is_looked_at_and_confirmed_again,
        ],
    ),
    (
        "delete the source",
        Look::Contents,
        &[
            source::a_source_whose_target_lost_records_stays,
            source::a_namespace_that_appeared_is_named_and_stays,
            source::a_source_that_lost_a_namespace_is_not_what_was_copied,
            source::what_is_written_while_the_deletion_is_prepared_is_noticed_at_the_last_look,
            source::what_is_written_directly_before_the_deletion_is_noticed_by_its_count,
            intent::what_was_written_after_the_intent_keeps_the_source,
        ],
    ),
    (
        "delete the source",
        Look::Identity,
        &[
            source::a_source_that_was_made_anew_is_another_one,
            source::a_target_that_was_made_anew_is_another_one,
            source::a_target_that_goes_while_the_deletion_is_prepared_keeps_the_source,
            source::a_key_of_another_project_is_refused_before_anything_happens,
            intent::what_was_made_anew_after_the_intent_is_not_deleted,
        ],
    ),
    (
        "delete the target",
        Look::Ownership,
        &[
            target::an_index_that_somebody_else_made_is_kept_whatever_was_intended,
            target::an_index_of_somebody_else_that_is_as_asked_is_used_and_kept,
        ],
    ),
    ("delete the target", Look::Traffic, &[target::a_target_that_answers_queries_is_not_purged]),
    (
        "delete the target",
        Look::Contents,
        &[target::records_that_the_run_did_not_copy_keep_its_own_target],
    ),
    (
        "delete the target",
        Look::Confirmation,
        &[target::records_that_the_run_did_not_copy_keep_its_own_target],
    ),
    (
        "delete the target",
        Look::Identity,
        &[
            target::a_target_that_was_made_anew_is_not_purged,
            target::a_rollback_with_a_key_of_another_project_deletes_nothing_there,
        ],
    ),
    (
        "remove a resource",
        Look::Ownership,
        &[
            resources::a_staging_index_of_another_run_is_kept_and_named,
            resources::a_staging_index_of_nobody_is_kept_and_named,
            resources::a_staging_index_that_was_made_anew_is_kept_and_named,
            resources::a_collection_that_was_made_anew_is_kept_and_named,
        ],
    ),
    (
        "remove a resource",
        Look::Identity,
        &[resources::a_collection_of_another_project_is_not_removed],
    ),
    (
        "remove probe records",
        Look::Ownership,
        &[probes::a_namespace_that_is_called_like_one_for_probes_stays],
    ),
    (
        "remove probe records",
        Look::Identity,
        &[probes::the_probes_of_a_target_that_was_made_anew_are_not_removed],
    ),
    (
        "change deletion protection",
        Look::Confirmation,
        &[
            protection::a_target_keeps_a_protection_that_the_plan_does_not_mention,
            protection::a_protection_that_the_plan_changes_is_put_back_by_a_rollback,
            protection::a_protected_source_stays_where_the_plan_does_not_lift_it,
        ],
    ),
    (
        "change deletion protection",
        Look::Identity,
        &[protection::an_index_that_was_made_anew_keeps_its_protection],
    ),
    ("set a weight", Look::Traffic, &[weights::a_weight_that_somebody_set_is_not_written_over]),
    (
        "set a weight",
        Look::Identity,
        &[
            weights::no_traffic_is_moved_to_a_target_that_is_gone,
            weights::no_traffic_is_moved_to_a_target_that_was_made_anew,
        ],
    ),
    (
        "erase namespaces or records",
        Look::Contents,
        &[erasure::what_was_written_since_it_was_shown_is_not_erased],
    ),
    (
        "erase namespaces or records",
        Look::Confirmation,
        &[erasure::another_index_than_the_confirmed_one_is_not_erased_from],
    ),
    (
        "erase namespaces or records",
        Look::Identity,
        &[erasure::an_index_that_was_made_anew_is_not_erased_from],
    ),
];

#[test]
fn every_cell_of_the_table_has_its_test() {
    for row in GUARDED {
        assert!(row.cell(Look::Identity).is_some(), "{}", row.effect);
        for look in Look::ALL {
            let of_cell = CELLS.iter().filter(|(effect, taken, tests)| {
                (*effect, *taken) == (row.effect, look) && !tests.is_empty()
            });
            let expected = usize::from(row.cell(look).is_some());
            assert_eq!(of_cell.count(), expected, "{}: {}", row.effect, look.name());
        }
    }
    let is_known = |effect: &str| GUARDED.iter().any(|row| row.effect == effect);
    assert!(CELLS.iter().all(|(effect, ..)| is_known(effect)), "a row that is no more");
}
