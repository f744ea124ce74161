//! Several copy stages in one plan: each has its own selection, names, changes and files; together they are verified,
//! queried and retired.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::journal::{Event, Route, ShardState};
use vecshift::model::{
    Metadata, Namespace, Record, RecordId, Side, StageId, Vector, Vectors, Verdict,
};
use vecshift::provider::{Environment, Secret};
use vecshift::run::{Outcome, RunOptions, Silent, World, preview};

use crate::rig::{KEY, Rig};

/// Returns a plan with three namespaces, `ns_1` to `ns_3`, of a source of this kind.
fn plan(source: &str, stages: &str) -> String {
    format!(
        r#"
version: 1
name: copies
source: {{ provider: pinecone, index: old }}
target: {{ provider: pinecone, index: new }}
stages:
  - kind: create
    spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: 8, metric: cosine }}
{stages}
rehearsal:
  source: {{ {source}, namespaces: 3, namespace_names: "ns_{{{{ n }}}}" }}
"#
    )
}

const SERVERLESS: &str = "kind: serverless, records: 120";

const TWO: &str = r#"
  - kind: copy
    id: first
    namespaces: { select: ["*_1"], rename: "a_{{ namespace }}" }
    metadata: { set: { of: first } }
    assert: [copy.complete == true]
  - kind: copy
    id: second
    namespaces: { select: ["*_2"], rename: "b_{{ namespace }}" }
    metadata: { set: { of: second } }
    assert: [copy.complete == true]
"#;

async fn counts(rig: &Rig) -> BTreeMap<Namespace, u64> {
    rig.world().target.stats().await.unwrap().namespaces
}

async fn count_of_source(rig: &Rig, namespace: &str) -> u64 {
    rig.world().source.stats().await.unwrap().count(&Namespace::from(namespace))
}

fn shards(rig: &Rig, stage: &str) -> Vec<ShardState> {
    rig.state().stage(&stage.into()).unwrap().shards.values().cloned().collect()
}

fn environment(rig: &Rig) -> Environment {
    Environment::stand_in(rig.emulator.url(), Secret::new(KEY))
}

fn records(count: usize) -> Vec<Record> {
    let record = |n| Record {
        id: RecordId::new(format!("late-{n}")),
        vectors: Vectors::plain(Vector::from_values([1.0; 8]), None),
        metadata: Metadata::default(),
    };
    (0..count).map(record).collect()
}

fn error(outcome: Outcome) -> vecshift::Error {
    match outcome {
        Outcome::Erred { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

/// Returns the verdict of a verify stage's assertion, and the number of things it was judged by.
fn judged(rig: &Rig, stage: &str, check: &str) -> (Verdict, u64) {
    let state = rig.state();
    let stage = state.stage(&stage.into()).unwrap();
    let found = stage.judgements.iter().find(|one| one.judgement.assertion == check).unwrap();
    (found.judgement.verdict, found.judgement.samples)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_copy_takes_its_own_and_one_verify_is_about_both() {
    let verify = "  - { kind: verify, assert: [missing == 0, count_delta == 0, extra == 0, mismatched == 0] }";
    let rig = Rig::of_text(&plan(SERVERLESS, &format!("{TWO}{verify}"))).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let (one, two) = (count_of_source(&rig, "ns_1").await, count_of_source(&rig, "ns_2").await);
    let expected = [("a_ns_1".into(), one), ("b_ns_2".into(), two)].into();
    assert_eq!(counts(&rig).await, expected);
    let [first] = &shards(&rig, "first")[..] else { panic!() };
    let [second] = &shards(&rig, "second")[..] else { panic!() };
    assert_eq!(
        (first.shard.target.explicit(), second.shard.target.explicit()),
        ("a_ns_1", "b_ns_2")
    );
    // Each record was compared once, with its own copy's version of it.
    assert_eq!(judged(&rig, "verify", "missing == 0"), (Verdict::Pass, one + two));
    let state = rig.state();
    let files = state.stages.iter().flat_map(|stage| &stage.artifacts);
    let csv: Vec<_> = files.filter(|file| file.path.ends_with(".csv")).collect();
    let names: Vec<_> = csv.iter().map(|file| file.path.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["first-namespaces.csv", "second-namespaces.csv"]);
    assert!(std::fs::read_to_string(&csv[1].path).unwrap().contains("ns_2,b_ns_2,"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verify_is_about_the_copy_it_names() {
    let verify = "  - { kind: verify, copy: second, assert: [missing == 0] }\n  - { kind: verify, id: both, assert: [missing == 0] }";
    let rig = Rig::of_text(&plan(SERVERLESS, &format!("{TWO}{verify}"))).await;
    // Between the copies and the verify, everything of the first one is lost.
    let until = RunOptions { until: Some(StageId::new("second")), ..rig.options() };
    rig.run_with(until, Arc::new(Silent), CancellationToken::new()).await.unwrap();
    rig.admin(Side::Target)
        .must_remove()
        .unwrap()
        .delete_namespace(&Namespace::from("a_ns_1"))
        .await
        .unwrap();
    let outcome = rig.run().await;
    let error = error(outcome);
    assert!(error.message().contains("`a_ns_1` shows 0 of"), "{error}");
    let two = count_of_source(&rig, "ns_2").await;
    assert_eq!(judged(&rig, "verify", "missing == 0"), (Verdict::Pass, two));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_namespace_goes_to_two_places() {
    let stages = r#"
  - { kind: copy, id: whole, assert: [copy.complete == true] }
  - kind: copy
    id: part
    namespaces: { select: [ns_1], rename: "sample" }
    filter: { importance: { $lt: 0.7 } }
    assert: [copy.complete == true]
  - { kind: verify, queries: { count: 40 }, assert: [missing == 0, extra == 0, mismatched == 0, error_rate == 0%] }
"#;
    let rig = Rig::of_text(&plan(SERVERLESS, stages)).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let (one, counts) = (count_of_source(&rig, "ns_1").await, counts(&rig).await);
    assert_eq!(counts.values().sum::<u64>(), 120 + counts[&Namespace::from("sample")]);
    assert_eq!(counts[&Namespace::from("ns_1")], one);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_would_meet_are_refused_before_anything_is_made() {
    let stages = r#"
  - { kind: copy, id: first, namespaces: { select: ["*_1"], rename: "x_{{ namespace[3:] }}" } }
  - { kind: copy, id: second, namespaces: { exclude: ["*_2"], rename: "x_{{ namespace | last }}" } }
"#;
    let rig = Rig::of_text(&plan(SERVERLESS, stages)).await;
    let world = World::open_to_look(&rig.plan, &environment(&rig)).unwrap();
    let looked = preview(&rig.plan, &world, &rig.state(), &rig.options()).await.unwrap_err();
    let run = rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await;
    let ran = run.unwrap_err();
    for error in [looked, ran] {
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let said =
            "`ns_1` of the copy `first` and `ns_1` of the copy `second` would both become `x_1`";
        assert!(error.message().contains(said), "{error}");
    }
    assert_eq!(rig.emulator.indexes(), ["old"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_keeps_away_from_what_another_has_recorded() {
    // `ns_1x` appears when the first copy is done, and the second would write it to where the first one wrote.
    let stages = r#"
  - { kind: copy, id: first, namespaces: { select: ["*_1"] } }
  - { kind: copy, id: second, namespaces: { select: ["*_1x", "*_2"], rename: "{{ namespace[:4] }}" } }
"#;
    let rig = Rig::of_text(&plan(SERVERLESS, stages)).await;
    let until = RunOptions { until: Some(StageId::new("first")), ..rig.options() };
    rig.run_with(until, Arc::new(Silent), CancellationToken::new()).await.unwrap();
    let written = counts(&rig).await;
    rig.emulator.insert("old", &Namespace::from("ns_1x"), records(2)).unwrap();
    let error = error(rig.run().await);
    assert!(error.message().contains("would both become `ns_1`"), "{error}");
    assert_eq!(counts(&rig).await, written);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_which_namespaces_no_copy_takes() {
    let rig = Rig::of_text(&plan(SERVERLESS, TWO)).await;
    let world = World::open_to_look(&rig.plan, &environment(&rig)).unwrap();
    let seen = preview(&rig.plan, &world, &rig.state(), &rig.options()).await.unwrap();
    let left = count_of_source(&rig, "ns_3").await;
    assert_eq!(seen.not_copied, [("ns_3".into(), left)].into());
    let note = format!(
        "1 namespace of the source with {left} records is taken by no copy stage: `ns_3` ({left})"
    );
    assert!(seen.notes.contains(&note), "{:?}", seen.notes);
    assert_eq!(seen.counts.namespaces, 2);
    let taken: Vec<_> = seen.copies.iter().map(|copy| copy.namespaces.len()).collect();
    assert_eq!(taken, [1, 1]);
}

/// No query reaches all of the pod's namespaces: each copy has an index of its own that lists the ids.
#[tokio::test(flavor = "multi_thread")]
async fn each_copy_makes_and_removes_what_it_needs() {
    let staged = TWO.replace("    metadata", "    enumerate: staging\n    metadata");
    let rig = Rig::of_text(&plan("kind: pod, records: 120", &staged)).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let state = rig.state();
    for stage in ["first", "second"] {
        assert_eq!(state.route(&stage.into()).unwrap().0, Route::Staging, "{stage}");
    }
    let made: BTreeSet<_> = rig
        .entries()
        .into_iter()
        .filter_map(|entry| match entry.event {
            Event::ResourceMade { resource, .. } => Some(resource.name),
            _ => None,
        })
        .collect();
    assert_eq!(made.len(), 4, "{made:?}");
    assert_eq!(rig.emulator.indexes(), ["new", "old"]);
    assert!(rig.emulator.collections().is_empty() && state.resources().count() == 0);
    assert_eq!(counts(&rig).await.len(), 2);
}

/// A target made from a collection holds the whole source, so with two copies it is not made that way.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_several_copies_fill_is_not_made_from_a_collection() {
    let stages = r#"
  - { kind: copy, id: whole, assert: [copy.complete == true] }
  - { kind: copy, id: again, namespaces: { select: [ns_1], rename: again }, assert: [copy.complete == true] }
"#;
    let rig = Rig::of_text(&plan("kind: pod, records: 90", stages)).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let state = rig.state();
    let (route, why) = state.route(&"whole".into()).unwrap();
    assert_eq!(route, Route::Stream);
    assert!(why.contains("other copy stages write to it too"), "{why}");
    assert_eq!(counts(&rig).await.len(), 4);
}

/// All records of both copies are queried and read once into one snapshot, and only then the source goes.
#[tokio::test(flavor = "multi_thread")]
async fn traffic_and_retirement_are_about_all_copies() {
    let stages = r#"
  - { kind: copy, id: whole, assert: [copy.complete == true] }
  - { kind: copy, id: again, namespaces: { select: [ns_1], rename: again }, assert: [copy.complete == true] }
  - { kind: verify, assert: [missing == 0, extra == 0] }
  - kind: canary
    probe: { queries: 60 }
    steps: [{ weight: 100%, bake: 2s }]
    assert: [{ check: error_rate == 0% over 1s, min_samples: 5 }]
  - { kind: decommission, confirm: old, snapshot: "file:kept", assert: [snapshot.complete == true, snapshot.records == 120] }
"#;
    let text = plan(SERVERLESS, stages).replace(
        "stages:\n",
        "traffic: { flagd: { file: flag.json, flag: new-index, bucket_by: user } }\nstages:\n",
    );
    let rig = Rig::of_text(&text).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(rig.emulator.indexes(), ["new"]);
}
