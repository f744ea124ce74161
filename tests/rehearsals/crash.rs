//! Runs that are killed after any of their events: started again, they end in the same place.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use futures::future::join_all;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vecshift::journal::{Entry, Event, Phase, RunState};
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

/// An observer that signals when a certain number of events has been written, and when nobody writes any more.
struct Fuse {
    left: AtomicU64,
    blown: Arc<Notify>,
    is_gone: Arc<Notify>,
}

impl Drop for Fuse {
    fn drop(&mut self) {
        self.is_gone.notify_one();
    }
}

impl Listener for Fuse {
    fn event(&self, _: &Entry, _: &RunState) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.blown.notify_one();
        }
    }

    fn progress(&self, _: &Progress) {}
}

/// A place to be killed at: the run is dropped on the spot once `after` events are written, and `kept` of them are on
/// disk. Events that are written together may reach the disk in part, and what a step has done may be lost with them.
#[derive(Clone, Copy, Debug)]
struct Kill {
    after: u64,
    kept: u64,
}

impl Kill {
    fn after(events: u64) -> Self {
        Self { after: events, kept: events }
    }
}

/// Runs until it is killed. Returns `false` if the run ended before: the number of checkpoints depends on how fast it
/// is.
async fn run_and_kill(rig: &Rig, kill: Kill) -> bool {
    let (blown, is_gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let fuse =
        Fuse { left: AtomicU64::new(kill.after), blown: blown.clone(), is_gone: is_gone.clone() };
    let run = rig.prepare(rig.options(), Arc::new(fuse)).unwrap();
    let is_killed = tokio::select! {
        biased;
        () = blown.notified() => true,
        _ = run.execute(CancellationToken::new()) => false,
    };
    is_gone.notified().await;
    if is_killed {
        cut(&rig.paths().journal(), kill.kept);
    }
    is_killed
}

/// Leaves the first events of a journal.
fn cut(path: &std::path::Path, events: u64) {
    let text = std::fs::read_to_string(path).unwrap();
    let kept: String = text.split_inclusive('\n').take(events as usize).collect();
    std::fs::write(path, kept).unwrap();
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

async fn assert_moved(rig: &Rig, kill: Kill) {
    let state = rig.state();
    assert!(state.stages.iter().all(|stage| stage.is_passed()), "{kill:?}");
    let world = rig.world();
    let target: Arc<dyn Target> = world.target.clone();
    target.describe().await.unwrap().unwrap();
    let stats = target.stats().await.unwrap();
    assert_eq!(stats.total, 120, "{kill:?}: {stats:?}");
    assert_eq!(stats.namespaces.len(), 3, "{kill:?}: {stats:?}");
    assert!(world.source.describe().await.unwrap().is_none(), "{kill:?}");
    assert_eq!(rig.emulator.indexes(), ["new"], "{kill:?}");
    assert!(rig.emulator.collections().is_empty(), "{kill:?}");
    // The checkpoints' contents are those of the source, however often a chunk was written.
    let notes: String = state.stages.iter().flat_map(|stage| stage.notes.clone()).collect();
    assert!(!notes.contains("is not what was copied"), "{kill:?}: {notes}");
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

/// Everything is written and nothing proven: the ids of merged namespaces are not held against the target's own.
#[tokio::test(flavor = "multi_thread")]
async fn a_merge_through_staging_goes_on_where_it_was_killed_before_its_proof() {
    let plan = by_staging()
        .replace("rename: \"moved_{{ namespace }}\"", "rename: \"{{ vars.all }}\", merge: true")
        .replace("name: crash\n", "name: crash\nvars: { all: { default: all } }\n");
    let whole = Rig::of_text(&plan).await;
    let outcome = whole.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let is_checkpoint = |entry: &Entry| matches!(entry.event, Event::Checkpointed { .. });
    let last = whole.entries().iter().rposition(is_checkpoint).unwrap() as u64 + 1;
    let rig = Rig::of_text(&plan).await;
    assert!(run_and_kill(&rig, Kill::after(last)).await);
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_a_copy_by_import_it_ends_in_the_same_place() {
    kill_after_each_event(&by_import()).await;
}

async fn kill_after_each_event(plan: &str) {
    let whole = Rig::of_text(plan).await;
    let (outcome, steps) = run_noting_steps(&whole).await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_moved(&whole, Kill::after(0)).await;
    let kills = places(plan, &whole.entries(), &steps);
    drop(whole);
    let kills = kills.into_iter().map(|kill| resume_after(plan, kill));
    futures::stream::iter(kills).buffer_unordered(AT_ONCE).for_each(|()| async {}).await;
}

/// An observer that notes how many events were on disk before each step.
#[derive(Default)]
struct Steps {
    events: AtomicU64,
    begun_after: Mutex<Vec<u64>>,
}

impl Listener for Steps {
    fn event(&self, _: &Entry, _: &RunState) {
        self.events.fetch_add(1, Ordering::SeqCst);
    }

    fn step(&self, _: &dyn std::fmt::Debug) {
        self.begun_after.lock().unwrap().push(self.events.load(Ordering::SeqCst));
    }

    fn progress(&self, _: &Progress) {}
}

/// Runs to an end, and returns how many events were on disk before each step.
async fn run_noting_steps(rig: &Rig) -> (Outcome, Vec<u64>) {
    let steps = Arc::new(Steps::default());
    let run = rig.run_with(rig.options(), steps.clone(), CancellationToken::new());
    let outcome = run.await.unwrap();
    let begun_after = steps.begun_after.lock().unwrap().clone();
    (outcome, begun_after)
}

/// Returns the places at which a run is killed: after each event, and in each step after it has acted and before any of
/// its events is on disk. For another route than the first, those that differ by the route, unless everything is tested.
fn places(plan: &str, entries: &[Entry], steps: &[u64]) -> Vec<Kill> {
    let differs = |kept: u64| {
        let kept = kept as usize;
        let of = entries[kept.saturating_sub(1)..=kept].iter().map(stage_of);
        of.flatten().any(|stage| ["create", "copy"].contains(&stage.as_str()))
    };
    let after_events = (1..entries.len() as u64).map(Kill::after);
    let in_steps = steps.iter().map(|kept| Kill { after: kept + 1, kept: *kept });
    let last = entries.len() as u64;
    after_events
        .chain(in_steps)
        .filter(|kill| kill.kept < last)
        .filter(|kill| plan == PLAN || is_long() || differs(kill.kept))
        .collect()
}

/// Returns the stage an event belongs to.
fn stage_of(entry: &Entry) -> Option<StageId> {
    let event = serde_json::to_value(&entry.event).unwrap();
    event["stage"].as_str().map(StageId::new)
}

async fn resume_after(plan: &str, kill: Kill) {
    let rig = Rig::of_text(plan).await;
    if !run_and_kill(&rig, kill).await || rig.state().phase == Phase::Done {
        return;
    }
    let settled = settled(&rig);
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{kill:?}: {outcome:?}");
    assert_moved(&rig, kill).await;
    for (namespace, id) in rig.emulator.counters().indexes["new"].upserted_again() {
        assert!(
            !settled.contains(namespace),
            "{kill:?}: `{id}` in `{namespace}` was checkpointed and copied again"
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
    let (outcome, steps) = run_noting_steps(&whole).await;
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    let entries = whole.entries();
    let failed =
        entries.iter().position(|entry| matches!(entry.event, Event::StageFailed { .. })).unwrap()
            as u64;
    drop(whole);
    let after_events = (failed + 1..entries.len() as u64).map(Kill::after);
    let in_steps = steps.iter().map(|kept| Kill { after: kept + 1, kept: *kept });
    let in_steps = in_steps.filter(|kill| kill.kept > failed && kill.kept < entries.len() as u64);
    let kills = after_events.chain(in_steps).map(|kill| end_rollback(plan, kill));
    futures::stream::iter(kills).buffer_unordered(AT_ONCE / 4).for_each(|()| async {}).await;
}

async fn end_rollback(plan: &str, kill: Kill) {
    let rig = Rig::of_text(plan).await;
    if !run_and_kill(&rig, kill).await || rig.state().phase == Phase::RolledBack {
        return;
    }
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{kill:?}: {outcome:?}");
    assert_eq!(rig.state().traffic.weight(), Some(vecshift::model::Share(0.0)));
    assert_eq!(rig.emulator.counters().writes("old"), 0);
    assert!(rig.emulator.collections().is_empty());
    assert_no_files(&rig);
    assert_eq!(rig.emulator.indexes(), ["new", "old"], "the copied records are kept");
}
