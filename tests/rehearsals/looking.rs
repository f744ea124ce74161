//! Looking changes nothing, whatever the state of the run: no index, no journal.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::model::{Namespace, RecordId, StageId};
use vecshift::provider::layer::read_only;
use vecshift::provider::registry::open_target;
use vecshift::provider::{Environment, Secret};
use vecshift::run::{Silent, World, preview};

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
        let (before, journal) =
            (writes(&rig), std::fs::read(rig.paths().journal()).unwrap_or_default());
        let state = rig.state();
        let seen = preview(&rig.plan, &world, &state, &rig.options()).await.unwrap();
        assert_eq!(writes(&rig), before, "after {stage:?}");
        assert_eq!(std::fs::read(rig.paths().journal()).unwrap_or_default(), journal);
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
    let index = read_only(open_target(&rig.plan.file.target, "target", &environment).unwrap());
    let ids = [RecordId::new("a")];
    let refused = [
        world.target.upsert(&Namespace::new("x"), &[]).await.unwrap_err(),
        index.delete_index().await.unwrap_err(),
        index.delete_namespace(&Namespace::new("x")).await.unwrap_err(),
        index.delete(&Namespace::new("x"), &ids).await.unwrap_err(),
    ];
    assert!(refused.iter().all(|error| error.kind() == ErrorKind::Refused), "{refused:?}");
    assert_eq!(writes(&rig), 0);
}
