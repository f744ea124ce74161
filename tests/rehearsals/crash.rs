//! Runs that are killed after any of their events: started again, they end in the same place.

use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;
use vecshift::journal::{Entry, Event, Phase};
use vecshift::model::{Namespace, RecordId, StageId};
use vecshift::run::{Listener, Outcome, PreparedRun};
use vecshift::store::Target;

use crate::kill::{Kill, Killed, run_and_kill, run_noting_steps};
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

impl Killed for Rig {
    async fn begun(&self, listener: Arc<dyn Listener>) -> PreparedRun {
        self.prepare(self.options(), listener).await.unwrap()
    }

    fn journal(&self) -> PathBuf {
        Rig::journal(self)
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
    // Whoever goes on after the deletion reports what was judged before it.
    let judged = state.stages.iter().flat_map(|stage| &stage.judgements);
    let judged: Vec<_> = judged.map(|one| one.judgement.text.as_str()).collect();
    assert!(judged.contains(&"snapshot.complete == true"), "{kill:?}: {judged:?}");
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

/// Returns the places at which a run is killed. For another route than the first, those that differ by the route, unless
/// everything is tested.
fn places(plan: &str, entries: &[Entry], steps: &[u64]) -> Vec<Kill> {
    let differs = |kept: u64| {
        let kept = kept as usize;
        let of = entries[kept.saturating_sub(1)..=kept].iter().map(stage_of);
        of.flatten().any(|stage| ["create", "copy"].contains(&stage.as_str()))
    };
    let mut all = Kill::all(entries, steps);
    all.retain(|kill| plan == PLAN || is_long() || differs(kill.kept));
    all
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

/// The ids are sorted when the copy begins, and a hook runs before it and after it.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_a_copy_by_a_manifest_between_hooks_it_ends_in_the_same_place() {
    let ids = tempfile::tempdir().unwrap();
    let file = ids.path().join("ids.csv");
    let rig = Rig::of_text(PLAN).await;
    let mut rows = String::from("namespace,id\n");
    let source = rig.world().source;
    source.describe().await.unwrap();
    let all: Vec<RecordId> = (1..=120).map(|n| RecordId::from(format!("rec-{n:06}"))).collect();
    for namespace in source.stats().await.unwrap().namespaces.keys() {
        let found = source.must_fetch().unwrap().fetch(namespace, &all).await.unwrap();
        rows.extend(found.iter().map(|record| format!("{namespace},{}\n", record.id)));
    }
    std::fs::write(&file, rows).unwrap();
    let copy = format!(
        "  - kind: copy\n    enumerate: {{ manifest: {{ file: \"{}\" }} }}\n",
        file.display()
    );
    let hooks = "hooks:\n  - { when: before_stage, run: [\"true\"] }\n  - { when: after_stage, run: [\"true\"] }\nstages:\n";
    let plan = PLAN.replace("  - kind: copy\n", &copy).replace("stages:\n", hooks);
    drop(rig);
    kill_after_each_event(&plan).await;
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
    let mut kills = Kill::all(&entries, &steps);
    kills.retain(|kill| kill.kept > failed);
    let kills = kills.into_iter().map(|kill| end_rollback(plan, kill));
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
