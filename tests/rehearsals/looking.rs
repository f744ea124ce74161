//! Commands that look change nothing, whatever the state of the run: no index, no journal.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::journal::{Entry, Event, RunState};
use vecshift::model::{Namespace, RecordId, Side, StageId};
use vecshift::provider::registry::open;
use vecshift::provider::{Environment, Secret};
use vecshift::run::{Listener, Outcome, Progress, RunOptions, Silent, World, preview};
use vecshift::store::calls::{Calls, Gate};

use crate::rig::{KEY, Rig};

const PLAN: &str = r#"
version: 1
name: look
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - { kind: copy, assert: [copy.complete == true] }
  - { kind: verify, assert: [missing == 0] }
rehearsal:
  source: { kind: pod, records: 30, namespaces: 2 }
"#;

fn writes(rig: &Rig) -> u64 {
    rig.emulator.counters().indexes.values().map(|index| index.writes).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_writes_nowhere() {
    let rig = Rig::of_text(PLAN).await;
    let environment = Environment::stand_in(rig.emulator.url(), Secret::new(KEY));
    let world = World::open_to_look(&rig.plan, &environment).unwrap();
    for stage in [None, Some("create"), Some("copy"), Some("verify")] {
        if let Some(stage) = stage {
            let mut options = rig.options();
            options.until = Some(StageId::new(stage));
            rig.run_with(options, Arc::new(Silent), CancellationToken::new()).await.unwrap();
        }
        let (before, journal) = (writes(&rig), std::fs::read(rig.journal()).unwrap_or_default());
        let state = rig.state();
        let seen = preview(&rig.plan, &world, &state, &rig.options()).await.unwrap();
        assert_eq!(writes(&rig), before, "after {stage:?}");
        assert_eq!(std::fs::read(rig.journal()).unwrap_or_default(), journal);
        assert_eq!(seen.counts.create, u64::from(stage.is_none()), "after {stage:?}");
        let left = if matches!(stage, None | Some("create")) { 2 } else { 0 };
        assert_eq!(seen.counts.namespaces, left, "after {stage:?}");
        assert_eq!(seen.is_empty(), stage == Some("verify"), "after {stage:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_world_of_a_preview_refuses_writes() {
    let rig = Rig::of_text(PLAN).await;
    let environment = Environment::stand_in(rig.emulator.url(), Secret::new(KEY));
    let world = World::open_to_look(&rig.plan, &environment).unwrap();
    let calls = Calls::bare().behind(Gate::ReadOnly);
    let index = open(&rig.plan.target, Side::Target, &environment).unwrap().through(calls);
    let ids = [RecordId::new("a")];
    let refused = [
        world.target.must_write().unwrap().upsert(&Namespace::new("x"), &[]).await.unwrap_err(),
        index.must_remove().unwrap().delete_index().await.unwrap_err(),
        index.must_remove().unwrap().delete_namespace(&Namespace::new("x")).await.unwrap_err(),
        index.must_remove().unwrap().delete(&Namespace::new("x"), &ids).await.unwrap_err(),
    ];
    assert!(refused.iter().all(|error| error.kind() == ErrorKind::Refused), "{refused:?}");
    assert_eq!(writes(&rig), 0);
}

const SLOW: &str = r#"
version: 1
name: slow
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - { kind: copy, id: some, rate: 10/s, namespaces: { select: [ns_1, ns_2] } }
  - { kind: copy, id: rest, namespaces: { select: [ns_3] } }
  - { kind: verify, copy: some, queries: { count: 1_000, rate: 1/s }, assert: [missing == 0] }
  - { kind: verify, id: quick, copy: rest, queries: { count: 500 }, assert: [missing == 0] }
rehearsal:
  source: { kind: pod, namespace_names: "ns_{{ n }}", sizes: { ns_1: 1_600, ns_2: 1_500, ns_3: 40 } }
"#;

/// Each copy is as slow as its own rate makes it, and each verify as its queries.
#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_counts_the_plans_own_rates() {
    let rig = Rig::of_text(SLOW).await;
    let seen = preview(&rig.plan, &rig.world(), &rig.state(), &rig.options()).await.unwrap();
    let estimate = |id: &str| {
        let stage = seen.stages.iter().find(|stage| stage.id.as_str() == id).unwrap();
        (stage.estimate.split(" or more").next().unwrap().to_owned(), stage.details.join("\n"))
    };
    let (copy, details) = estimate("some");
    assert_eq!(copy, "~ 5 min");
    assert!(details.contains("time by `rate` of the plan"), "{details}");
    assert_eq!(estimate("rest").0, "~ 1 s");
    let (verify, details) = estimate("verify");
    assert_eq!(verify, "~ 22 min");
    assert!(details.contains("1,000 queries at 1/s to both sides: ~ 17 min"), "{details}");
    assert!(details.contains("reading 3,100 records: ~ 5 min"), "{details}");
    assert_eq!(estimate("quick").0, "~ 26 s");
}

/// Records that are copied already are not estimated again.
#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_leaves_out_what_is_done() {
    let text = SLOW.replace("rate: 10/s", "rate: 400/s, parallel: 1, in_flight: 1");
    let rig = Rig::of_text(&text).await;
    let until = RunOptions { until: Some(StageId::new("create")), ..rig.options() };
    rig.run_with(until, Arc::new(Silent), CancellationToken::new()).await.unwrap();
    let cancel = CancellationToken::new();
    let after = Arc::new(AfterCheckpoint(cancel.clone()));
    let outcome = rig.run_with(rig.options(), after, cancel).await.unwrap();
    assert!(matches!(outcome, Outcome::Interrupted), "{outcome:?}");
    let copied = rig.state().stage(&"some".into()).unwrap().tally().copied;
    assert!((1..3_100).contains(&copied), "{copied}");
    let seen = preview(&rig.plan, &rig.world(), &rig.state(), &rig.options()).await.unwrap();
    let stage = seen.stages.iter().find(|stage| stage.id.as_str() == "some").unwrap();
    let details = stage.details.join("\n");
    assert!(details.contains("records copied already"), "{details}");
    assert!(details.contains("what is left at"), "{details}");
    assert!(details.contains("time by the rate so far"), "{details}");
}

/// An observer that stops a run after its first checkpoint with a record.
struct AfterCheckpoint(CancellationToken);

impl Listener for AfterCheckpoint {
    fn event(&self, entry: &Entry, _: &RunState) {
        if let Event::Checkpointed { checkpoint, .. } = &entry.event
            && checkpoint.tally.copied > 0
        {
            self.0.cancel();
        }
    }

    fn progress(&self, _: &Progress) {}
}
