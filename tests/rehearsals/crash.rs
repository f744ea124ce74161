//! Runs that are killed after any of their events: started again, they end in the same place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt;
use futures::future::join_all;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vecshift::journal::{Entry, Event, RunState};
use vecshift::model::{Namespace, StageId};
use vecshift::run::{Listener, Outcome, Progress};
use vecshift::store::Target;

use crate::rig::{Rig, is_long};

/// Six stages over a small pod, with several shards.
const PLAN: &str = r#"
version: 1
name: crash
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  flagd: { file: flag.json, flag: new-index, bucket_by: user }
stages:
  - { kind: audit, sample: 20, assert: [source.records == 120] }
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - kind: copy
    namespaces: { rename: "moved_{{ namespace }}" }
    assert: [copy.complete == true, copy.failed == 0]
  - { kind: verify, assert: [count_delta == 0, missing == 0, mismatched == 0] }
  - kind: canary
    probe: { queries: 10 }
    steps:
      - { weight: 50%, bake: 30m }
      - { weight: 100%, bake: 1h, approve: manual }
    assert: [error_rate < 50% over 10m]
  - { kind: decommission, after: 1d, snapshot: "file:backup", confirm: old, assert: [snapshot.complete == true] }
rehearsal:
  source: { kind: pod, records: 120, namespaces: 3 }
"#;

/// Number of runs side by side, each of which mostly waits.
const AT_ONCE: usize = 16;

/// An observer that signals when a certain number of events has been written.
struct Fuse {
    left: AtomicU64,
    blown: Arc<Notify>,
}

impl Listener for Fuse {
    fn event(&self, _: &Entry, _: &RunState) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.blown.notify_one();
        }
    }

    fn progress(&self, _: &Progress) {}
}

/// Runs until `events` more events are on disk, then drops everything on the spot. Returns `false` if the run ended
/// before: the number of checkpoints depends on how fast it is.
async fn run_and_kill(rig: &Rig, events: u64) -> bool {
    let blown = Arc::new(Notify::new());
    let fuse = Arc::new(Fuse { left: AtomicU64::new(events), blown: blown.clone() });
    let run = rig.prepare(rig.options(), fuse).unwrap();
    tokio::select! {
        biased;
        () = blown.notified() => true,
        _ = run.execute(CancellationToken::new()) => false,
    }
}

/// Returns the same plan with the target made from a collection, so that no record is sent.
fn by_collection() -> String {
    PLAN.replace("rename: \"moved_{{ namespace }}\"", "select: [\"*\"]")
}

/// Returns the same plan with the ids from a staging index.
fn by_staging() -> String {
    PLAN.replace("  - kind: copy\n", "  - kind: copy\n    enumerate: staging\n")
}

/// Returns the same plan with files that the target imports.
fn by_import() -> String {
    let import = "  - kind: copy\n    strategy: import\n    import: { uri: \"s3://shelf\" }\n";
    PLAN.replace("  - kind: copy\n", import)
}

/// Asserts that no folder of files is left.
fn assert_no_files(rig: &Rig) {
    let mut folders = vec![rig.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(!path.display().to_string().contains("vecshift-import-"), "{}", path.display());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
}

async fn assert_moved(rig: &Rig, killed_after: u64) {
    let state = rig.state();
    assert!(state.stages.iter().all(|stage| stage.is_passed()), "killed after {killed_after}");
    let world = rig.world();
    let target: Arc<dyn Target> = world.target.clone();
    target.describe().await.unwrap().unwrap();
    let stats = target.stats().await.unwrap();
    assert_eq!(stats.total, 120, "killed after {killed_after}: {stats:?}");
    assert_eq!(stats.namespaces.len(), 3, "killed after {killed_after}: {stats:?}");
    assert!(world.source.describe().await.unwrap().is_none(), "killed after {killed_after}");
    assert_eq!(rig.emulator.indexes(), ["new"], "killed after {killed_after}");
    assert!(rig.emulator.collections().is_empty(), "killed after {killed_after}");
    // The checkpoints' contents are those of the source, however often a chunk was written.
    let notes: String = state.stages.iter().flat_map(|stage| stage.notes.clone()).collect();
    assert!(!notes.contains("is not what was copied"), "killed after {killed_after}: {notes}");
    assert_no_files(rig);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_event_it_ends_in_the_same_place() {
    kill_after_each_event(PLAN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_a_copy_by_collection_it_ends_in_the_same_place() {
    kill_after_each_event(&by_collection()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_a_copy_through_staging_it_ends_in_the_same_place() {
    kill_after_each_event(&by_staging()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_a_copy_by_import_it_ends_in_the_same_place() {
    kill_after_each_event(&by_import()).await;
}

async fn kill_after_each_event(plan: &str) {
    let whole = Rig::of_text(plan).await;
    let outcome = whole.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_moved(&whole, 0).await;
    let boundaries = boundaries(plan, &whole.entries());
    drop(whole);
    let kills = boundaries.into_iter().map(|killed_after| resume_after(plan, killed_after));
    futures::stream::iter(kills).buffer_unordered(AT_ONCE).for_each(|()| async {}).await;
}

/// Returns the numbers of events after which a run is killed: all of them for the first route; for another one those
/// that differ by the route, unless everything is tested.
fn boundaries(plan: &str, entries: &[Entry]) -> Vec<u64> {
    let all = 1..entries.len();
    let differs = |killed_after: &usize| {
        let of = [&entries[killed_after - 1], &entries[*killed_after]].map(stage_of);
        of.iter().flatten().any(|stage| ["create", "copy"].contains(&stage.as_str()))
    };
    let chosen = all.filter(|killed_after| plan == PLAN || is_long() || differs(killed_after));
    chosen.map(|killed_after| killed_after as u64).collect()
}

/// Returns the stage an event belongs to.
fn stage_of(entry: &Entry) -> Option<StageId> {
    let event = serde_json::to_value(&entry.event).unwrap();
    event["stage"].as_str().map(StageId::new)
}

async fn resume_after(plan: &str, killed_after: u64) {
    let rig = Rig::of_text(plan).await;
    if !run_and_kill(&rig, killed_after).await {
        return;
    }
    let settled = settled(&rig);
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "killed after {killed_after}: {outcome:?}");
    assert_moved(&rig, killed_after).await;
    for (namespace, id) in rig.emulator.counters().indexes["new"].upserted_again() {
        assert!(
            !settled.contains(namespace),
            "killed after {killed_after}: `{id}` in `{namespace}` was checkpointed and copied again"
        );
    }
}

/// Returns the target namespaces whose shards had come to their end when the run was killed.
fn settled(rig: &Rig) -> Vec<Namespace> {
    let state = rig.state();
    let shards = state.stages.iter().flat_map(|stage| stage.shards.values());
    shards
        .filter(|shard| shard.checkpoint.cursor == vecshift::model::Cursor::End)
        .map(|shard| shard.shard.target.clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_rollback_it_ends_the_rollback() {
    let plans = [PLAN.to_owned(), by_collection(), by_staging(), by_import()]
        .map(|plan| plan.replace("error_rate < 50%", "error_rate > 50%"));
    join_all(plans.iter().map(|plan| roll_back_killed_after_each_event(plan))).await;
}

async fn roll_back_killed_after_each_event(plan: &str) {
    let whole = Rig::of_text(plan).await;
    let outcome = whole.run().await;
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    let entries = whole.entries();
    let failed =
        entries.iter().position(|entry| matches!(entry.event, Event::StageFailed { .. })).unwrap()
            as u64;
    drop(whole);
    let kills =
        (failed + 1..entries.len() as u64).map(|killed_after| end_rollback(plan, killed_after));
    futures::stream::iter(kills).buffer_unordered(AT_ONCE / 4).for_each(|()| async {}).await;
}

async fn end_rollback(plan: &str, killed_after: u64) {
    let rig = Rig::of_text(plan).await;
    if !run_and_kill(&rig, killed_after).await {
        return;
    }
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{killed_after}: {outcome:?}");
    assert_eq!(rig.state().traffic.weight(), Some(vecshift::model::Share(0.0)));
    assert_eq!(rig.emulator.counters().writes("old"), 0);
    assert!(rig.emulator.collections().is_empty());
    assert_no_files(&rig);
    assert_eq!(rig.emulator.indexes(), ["new", "old"], "the copied records are kept");
}
