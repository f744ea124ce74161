//! Moves of every kind of pod, with proof: by partition, by a collection, through a staging index; what cannot be
//! moved is refused with the exact gap.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::journal::{Entry, Event, Route, RunState};
use vecshift::model::{Namespace, RecordId};
use vecshift::plan::file::Faults;
use vecshift::run::{Listener, Outcome, Progress, Silent, preview};

use crate::rig::Rig;

/// A namespace beyond the reach of one query, one just within it, and one just beyond.
const SIZES: &str = "{ big: 24_000, even: 10_000, over: 10_001 }";
const RECORDS: u64 = 44_001;

fn plan(copy: &str, source: &str) -> String {
    format!(
        r#"
version: 1
name: pods
source: {{ provider: pinecone, index: old }}
target: {{ provider: pinecone, index: new }}
stages:
  - kind: create
    spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: 4, metric: cosine }}
    assert: [target.ready == true]
  - kind: copy
{copy}
    assert: [copy.failed == 0, copy.complete == true]
  - kind: verify
    assert: [count_delta == 0, missing == 0, extra == 0, mismatched == 0]
rehearsal:
  source: {{ kind: pod, dimension: 4, {source} }}
"#
    )
}

fn skewed(copy: &str) -> String {
    plan(copy, &format!("metadata: skewed, sizes: {SIZES}"))
}

fn unsplittable(copy: &str) -> String {
    plan(copy, "metadata: same, sizes: { all: 12_345, few: 20 }")
}

/// Asserts that everything arrived, that the run left nothing of its own, and that the source was not written to.
async fn assert_moved(rig: &Rig, records: u64) {
    let stats = rig.world().target.stats_once_described().await;
    assert_eq!(stats, records);
    assert_eq!(rig.emulator.indexes(), ["new", "old"]);
    assert!(rig.emulator.collections().is_empty());
    assert_eq!(rig.emulator.counters().writes("old"), 0);
    assert_eq!(rig.state().resources().count(), 0);
}

/// Counts the records of a target that may not have been described yet.
trait Counted {
    async fn stats_once_described(&self) -> u64;
}

impl Counted for Arc<dyn vecshift::store::Target> {
    async fn stats_once_described(&self) -> u64 {
        self.describe().await.unwrap().unwrap();
        self.stats().await.unwrap().total
    }
}

fn route(rig: &Rig) -> Route {
    rig.state().route(&"copy".into()).unwrap().0
}

/// Returns records expected and settled by namespace, over all shards.
fn settled(state: &RunState) -> BTreeMap<String, (u64, u64)> {
    let mut all: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for shard in state.stages.iter().flat_map(|stage| stage.shards.values()) {
        let sums = all.entry(shard.shard.source.to_string()).or_default();
        sums.0 += shard.shard.expected;
        sums.1 += shard.checkpoint.tally.copied;
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_over_the_reach_of_a_query_is_split_into_proven_cells() {
    let rig = Rig::of_text(&skewed("    strategy: stream")).await;
    let seen =
        preview(&rig.plan, &rig.world(), &RunState::default(), &rig.options()).await.unwrap();
    let copy = seen.stages.iter().find(|stage| stage.kind == "copy").unwrap();
    let message = copy.details.join("\n");
    assert!(message.contains("enumerate: partition of 2 namespaces"), "{message}");
    assert!(message.contains("enumerate: sweep of 1 namespace"), "{message}");
    assert!(message.contains("big: 24,000 records by"), "{message}");
    assert!(message.contains("together 10,001"), "{message}");

    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_moved(&rig, RECORDS).await;
    let state = rig.state();
    let sums = settled(&state);
    assert_eq!(sums["big"], (24_000, 24_000));
    assert_eq!(sums["even"], (10_000, 10_000));
    assert_eq!(sums["over"], (10_001, 10_001));
    for shard in state.stages.iter().flat_map(|stage| stage.shards.values()) {
        assert!(shard.shard.expected <= 10_000, "{:?}", shard.shard);
        assert!(shard.is_complete);
        let is_cell = shard.shard.enumeration.name() == "partition";
        assert_eq!(is_cell, shard.shard.source.as_str() != "even", "{:?}", shard.shard);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_changes_on_the_way_the_target_is_made_from_a_collection() {
    let rig = Rig::of_text(&skewed("    strategy: auto")).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(route(&rig), Route::Collection);
    assert_moved(&rig, RECORDS).await;
    assert_eq!(settled(&rig.state())["big"], (24_000, 24_000));
    // Nothing was ever sent but the probe record of the create stage.
    assert!(rig.emulator.counters().indexes["new"].upserted_again().next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_names_change_a_staging_index_lists_what_nothing_can_split() {
    let copy = "    namespaces: { rename: \"moved_{{ namespace }}\" }";
    let rig = Rig::of_text(&unsplittable(copy)).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(route(&rig), Route::Staging);
    let reason = rig.state().route(&"copy".into()).unwrap().1.to_owned();
    assert!(reason.contains("2,345 of them are out of reach"), "{reason}");
    assert_moved(&rig, 12_365).await;
    assert_eq!(settled(&rig.state())["all"], (12_345, 12_345));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_split_is_refused_with_the_exact_gap_before_anything_is_made() {
    let rig = Rig::of_text(&unsplittable("    strategy: stream\n    enumerate: partition")).await;
    let error =
        rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let message = error.to_string();
    assert!(
        message.contains("namespace `all` has 12,345 records and 2,345 of them are out of reach")
    );
    assert!(message.contains("is_public: every record has the same value"), "{message}");
    let ways = error.hint().unwrap();
    assert!(ways.contains("manifest") && ways.contains("staging"), "{ways}");
    assert_eq!(rig.emulator.indexes(), ["old"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_indexed_fields_split_a_pod() {
    let source = "metadata: skewed, indexed: [is_public, kind], sizes: { all: 30_000 }";
    let rig = Rig::of_text(&plan("    enumerate: partition\n    strategy: stream", source)).await;
    let error =
        rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await.unwrap_err();
    let message = error.to_string();
    assert!(message.contains("out of reach") && !message.contains("score"), "{message}");
}

/// An observer that does something to the source once the first shard has come to its end.
struct Meddler<F> {
    is_done: AtomicBool,
    meddle: F,
}

impl<F: Fn() + Send + Sync> Listener for Meddler<F> {
    fn event(&self, entry: &Entry, _: &RunState) {
        let is_first = matches!(entry.event, Event::Checkpointed { .. })
            && !self.is_done.swap(true, Ordering::SeqCst);
        if is_first {
            (self.meddle)();
        }
    }

    fn progress(&self, _: &Progress) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_goes_in_the_middle_is_noticed_and_the_next_run_is_right() {
    let rig = Arc::new(Rig::of_text(&skewed("    strategy: stream\n    parallel: 1")).await);
    let meddler = {
        let rig = rig.clone();
        Meddler {
            is_done: AtomicBool::new(false),
            meddle: move || {
                let gone = vec![RecordId::new("rec-000001")];
                rig.emulator.remove("old", &Namespace::new("big"), gone).unwrap();
            },
        }
    };
    let outcome =
        rig.run_with(rig.options(), Arc::new(meddler), CancellationToken::new()).await.unwrap();
    let message = match outcome {
        Outcome::Failed { reason, .. } => reason,
        Outcome::Erred { error, .. } => error.to_string(),
        other => panic!("it was not noticed: {other:?}"),
    };
    assert!(message.contains("copy.complete") || message.contains("writes to"), "{message}");
    let outcome = rig.run().await;
    // The record may have been copied before it went: then the target has one too many, which verify finds.
    match outcome {
        Outcome::Done => assert_moved(&rig, RECORDS - 1).await,
        Outcome::Failed { stage, .. } => assert_eq!(stage.as_str(), "verify"),
        other => panic!("{other:?}"),
    }
}

async fn with_faults(faults: &str, copy: &str) -> Rig {
    let rig = Rig::of_text(&plan(copy, "records: 60, namespaces: 2")).await;
    let faults: Faults = serde_json::from_str(faults).unwrap();
    rig.emulator.set_faults(faults);
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_or_an_index_from_it_that_never_comes_has_a_deadline_and_is_removed() {
    let cases = [
        (r#"{"collection":"stalls"}"#, "    strategy: collection", "was not ready within"),
        (r#"{"collection":"fails"}"#, "    strategy: collection", "ended in the state"),
        (r#"{"restore":"stalls"}"#, "    strategy: collection", "was not ready within"),
        (r#"{"restore":"fails"}"#, "    strategy: collection", "ended in the state"),
        (r#"{"collection":"stalls"}"#, "    enumerate: staging", "was not ready within"),
        (r#"{"collection":"fails"}"#, "    enumerate: staging", "ended in the state"),
        (r#"{"restore":"stalls"}"#, "    enumerate: staging", "was not ready within"),
        (r#"{"restore":"fails"}"#, "    enumerate: staging", "ended in the state"),
    ];
    join_all(cases.map(|(faults, copy, expected)| never_comes(faults, copy, expected))).await;
}

async fn never_comes(faults: &str, copy: &str, expected: &str) {
    let copy = format!("{copy}\n    ready_within: 10m");
    let rig = with_faults(faults, &copy).await;
    let Outcome::Erred { error, .. } = rig.run().await else { panic!("{faults} {copy}") };
    let message = error.to_string();
    assert!(message.contains(expected), "{faults} {copy}: {message}");
    assert!(error.hint().is_some_and(|hint| hint.contains("roll back")), "{faults}: {error:?}");
    let outcome = rig.roll_back(false).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{faults} {copy}: {outcome:?}");
    assert_eq!(rig.emulator.indexes(), ["old"], "{faults} {copy}");
    assert!(rig.emulator.collections().is_empty(), "{faults} {copy}");
}
