//! Somebody's data is deleted in mid-run, on both sides: the run stands still meanwhile and counts without it afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::journal::{Entry, Event, Hold, Request, RunState};
use vecshift::model::{Namespace, RecordId, Side, StageId};
use vecshift::run::{Listener, Outcome, Progress, RunOptions, Silent};

use crate::rig::{Rig, ids_of};

const PLAN: &str = r#"
version: 1
name: erasing
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - { kind: copy, strategy: stream, assert: [copy.complete == true] }
  - { kind: verify, assert: [count_delta == 0, missing == 0, extra == 0] }
  - { kind: decommission, confirm: old, snapshot: "file:backup", assert: [snapshot.complete == true] }
rehearsal:
  source: { kind: serverless, records: 60, namespaces: 3 }
"#;

const WHAT: &str = "--match ns_1";

fn until(rig: &Rig, stage: &str) -> RunOptions {
    RunOptions { until: Some(StageId::new(stage)), no_wait: true, ..rig.options() }
}

async fn run(rig: &Rig, options: RunOptions) -> Outcome {
    rig.run_with(options, Arc::new(Silent), CancellationToken::new()).await.unwrap()
}

async fn count(rig: &Rig, side: Side) -> u64 {
    let index = rig.admin(side);
    index.describe().await.unwrap();
    index.stats().await.unwrap().count(&Namespace::new("ns_1"))
}

async fn intend(rig: &Rig, side: Side, records: u64) {
    let namespaces = BTreeMap::from([(Namespace::new("ns_1"), records)]);
    let by = "the officer".to_owned();
    rig.ask(Request::Erase { side, what: WHAT.to_owned(), by, namespaces });
}

/// Erases as `namespaces delete` does, with the run waiting in between.
async fn erase(rig: &Rig, side: Side) {
    let records = count(rig, side).await;
    intend(rig, side, records).await;
    let outcome = run(rig, RunOptions { no_wait: true, ..rig.options() }).await;
    let Outcome::Held { hold: Hold::Erasure { side: held, .. }, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(held, side);
    delete(rig, side).await;
    rig.ask(Request::Erased { side, what: WHAT.to_owned() });
}

async fn delete(rig: &Rig, side: Side) {
    let index = rig.admin(side);
    index.describe().await.unwrap();
    index.must_remove().unwrap().delete_namespace(&Namespace::new("ns_1")).await.unwrap();
}

async fn ends_without_it(rig: &Rig) {
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let left = rig.world().target.stats().await.unwrap();
    assert_eq!(left.count(&Namespace::new("ns_1")), 0);
    assert!(left.total > 0);
    assert!(rig.world().source.describe().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_deleted_on_both_sides_after_any_stage_does_not_stop_the_run() {
    for stage in ["create", "copy", "verify"] {
        let rig = Rig::of_text(PLAN).await;
        run(&rig, until(&rig, stage)).await;
        erase(&rig, Side::Source).await;
        if stage != "create" {
            erase(&rig, Side::Target).await;
        }
        ends_without_it(&rig).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_several_namespaces_may_go_and_the_rest_adds_up() {
    let rig = Rig::of_text(PLAN).await;
    run(&rig, until(&rig, "copy")).await;
    let namespace = Namespace::new("ns_1");
    for side in [Side::Source, Side::Target] {
        let index = rig.admin(side);
        index.describe().await.unwrap();
        let ids: Vec<RecordId> = ids_of(&*index, &namespace).await.into_iter().take(3).collect();
        intend(&rig, side, 3).await;
        run(&rig, RunOptions { no_wait: true, ..rig.options() }).await;
        index.must_remove().unwrap().delete(&namespace, &ids).await.unwrap();
        rig.ask(Request::Erased { side, what: WHAT.to_owned() });
    }
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_did_not_end_holds_the_run_until_it_has() {
    let rig = Rig::of_text(PLAN).await;
    run(&rig, until(&rig, "copy")).await;
    let records = count(&rig, Side::Source).await;
    intend(&rig, Side::Source, records).await;
    for _ in 0..2 {
        let outcome = run(&rig, RunOptions { no_wait: true, ..rig.options() }).await;
        assert!(matches!(outcome, Outcome::Held { hold: Hold::Erasure { .. }, .. }), "{outcome:?}");
    }
    // The second try finds nothing more, as the first one had deleted it.
    delete(&rig, Side::Source).await;
    intend(&rig, Side::Source, 0).await;
    rig.ask(Request::Erased { side: Side::Source, what: WHAT.to_owned() });
    erase(&rig, Side::Target).await;
    ends_without_it(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_was_said_to_go_is_still_a_loss() {
    let rig = Rig::of_text(PLAN).await;
    run(&rig, until(&rig, "verify")).await;
    let records = count(&rig, Side::Target).await;
    intend(&rig, Side::Target, records - 1).await;
    run(&rig, RunOptions { no_wait: true, ..rig.options() }).await;
    delete(&rig, Side::Target).await;
    rig.ask(Request::Erased { side: Side::Target, what: WHAT.to_owned() });
    let Outcome::Erred { error, .. } = rig.run().await else { panic!("it did not stop") };
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(rig.world().source.describe().await.unwrap().is_some());
}

/// An observer that sends each event on.
struct Ears(Mutex<SyncSender<Event>>);

impl Listener for Ears {
    fn event(&self, entry: &Entry, _: &RunState) {
        let _ = self.0.lock().unwrap().send(entry.event.clone());
    }

    fn progress(&self, _: &Progress) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_holds_the_lock_stands_still_while_it_is_deleted() {
    let rig = Rig::of_text(PLAN).await;
    run(&rig, until(&rig, "copy")).await;
    for side in [Side::Source, Side::Target] {
        let records = count(&rig, side).await;
        intend(&rig, side, records).await;
    }
    let (ears, heard) = sync_channel(10_000);
    let prepared = rig.prepare(rig.options(), Arc::new(Ears(ears.into()))).await.unwrap();
    let running = tokio::spawn(prepared.execute(CancellationToken::new()));
    let hear = tokio::task::spawn_blocking(move || {
        let is_still =
            |event: &Event| matches!(event, Event::StageHeld { hold: Hold::Erasure { .. }, .. });
        while !is_still(&heard.recv().unwrap()) {}
        heard
    });
    let heard = hear.await.unwrap();
    for side in [Side::Source, Side::Target] {
        delete(&rig, side).await;
        rig.ask(Request::Erased { side, what: WHAT.to_owned() });
    }
    let outcome = running.await.unwrap().unwrap();
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    drop(heard);
    assert!(rig.state().erasing.is_empty());
}

/// Interrupts the run at the first event that `at` meets.
struct Cut {
    at: fn(&Event) -> bool,
    cancel: CancellationToken,
}

impl Listener for Cut {
    fn event(&self, entry: &Entry, _: &RunState) {
        if (self.at)(&entry.event) {
            self.cancel.cancel();
        }
    }

    fn progress(&self, _: &Progress) {}
}

/// A plan whose copy goes `by` this way.
async fn of(by: &str) -> Rig {
    let text = PLAN.replace("strategy: stream", by).replace("kind: serverless, r", "kind: pod, r");
    Rig::of_text(&text).await
}

/// A run of it, interrupted at an event.
async fn cut(by: &str, at: fn(&Event) -> bool) -> Rig {
    let rig = of(by).await;
    let cut = Arc::new(Cut { at, cancel: CancellationToken::new() });
    let outcome = rig.run_with(rig.options(), cut.clone(), cut.cancel.clone()).await;
    assert!(matches!(outcome, Ok(Outcome::Interrupted)), "{by}: {outcome:?}");
    rig
}

const IMPORT: &str = "strategy: import, parallel: 1, import: { uri: \"s3://shelf/moves\" }";

/// It is in files by then: they are written anew.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_before_an_import_begins_is_not_imported() {
    for at in
        [(|event| matches!(event, Event::Checkpointed { .. })) as fn(&Event) -> bool, |event| {
            matches!(event, Event::ShardCompleted { .. })
        }]
    {
        let rig = of(IMPORT).await;
        rig.kill_at(rig.options(), at).await;
        erase(&rig, Side::Source).await;
        erase(&rig, Side::Target).await;
        ends_without_it(&rig).await;
    }
}

/// What came back is named until it is deleted from there, too.
async fn comes_back_and_is_named(rig: &Rig) {
    let Outcome::Failed { reason, .. } = rig.run().await else { panic!("it did not stop") };
    assert!(reason.contains("copy.complete"), "{reason}");
    let notes: Vec<String> =
        rig.state().stages.iter().flat_map(|stage| stage.notes.clone()).collect();
    let back = count(rig, Side::Target).await;
    assert!(back > 0);
    let back = format!("`ns_1` of the target holds {back} records deleted from the source");
    assert!(notes.iter().any(|note| note.contains(&back)), "{notes:?}");
    erase(rig, Side::Target).await;
    ends_without_it(rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_import_that_was_under_way_brings_back_is_named_and_no_longer_waited_for() {
    let rig =
        cut(IMPORT, |event| matches!(event, Event::Noted { text, .. } if text.ends_with(" began")))
            .await;
    erase(&rig, Side::Source).await;
    // Nothing of it shows yet.
    intend(&rig, Side::Target, 0).await;
    rig.ask(Request::Erased { side: Side::Target, what: WHAT.to_owned() });
    comes_back_and_is_named(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_collection_brings_back_is_named() {
    for at in
        [(|event| matches!(event, Event::ResourceMade { .. })) as fn(&Event) -> bool, |event| {
            matches!(event, Event::CopyPlanned { .. })
        }]
    {
        let rig = cut("strategy: auto", at).await;
        erase(&rig, Side::Source).await;
        comes_back_and_is_named(&rig).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_staging_index_still_names_is_not_waited_for() {
    for at in
        [(|event| matches!(event, Event::CopyPlanned { .. })) as fn(&Event) -> bool, |event| {
            matches!(event, Event::Checkpointed { .. })
        }]
    {
        let rig = cut("enumerate: staging, parallel: 1", at).await;
        erase(&rig, Side::Source).await;
        erase(&rig, Side::Target).await;
        ends_without_it(&rig).await;
    }
}
